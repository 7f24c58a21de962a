"""The network between the client and the server: names, connecting, and how the bytes travel."""

from __future__ import annotations

import errno
import socket

from .connections import Connection
from .virtual_socket import VirtualSocket

HOST, PORT = "sim.localhost", 5565
URL = f"http://{HOST}:{PORT}"


class _Attempt:
    done = False
    failure = 0


class Route:
    """How the bytes of one connection travel.

    Attributes:
        latency: seconds one way.
        silent: whether nothing arrives any more.
    """

    silent = False

    def __init__(self, network):
        self._network = network
        self.latency = network.latency * network.world.rng.uniform(1.0, 1.3)

    def arrival(self, stream):
        """When what is sent now arrives."""
        return self._network.faults.held_until(self._network.world.now + self.latency)

    def pieces(self, stream, data):
        """`data` in the pieces in which it arrives. All may be one; a stream has no messages."""
        rng = self._network.world.rng
        if len(data) < 2 or rng.random() > self._network.splitting:
            return [data]
        cuts = sorted(rng.randrange(1, len(data)) for _ in range(rng.choice((1, 1, 2, 5))))
        return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)]) if begin < end]


class Network:
    """In the place of `rocketride_sync.transports.tcp.system_network`.

    Attributes:
        connections: all that were ever made.
        server: accepts them, or is None while it is dead.
        latency: seconds one way.
    """

    def __init__(self, world, faults):
        self.world = world
        self.faults = faults
        self.connections = []
        self.server = None
        self.sockets_made = 0
        self.latency = 10 ** world.rng.uniform(-4, -1.7)
        self.splitting = world.rng.choice((0.0, 0.1, 0.5))

    # The seam.

    def resolve(self, host, port):
        if self.faults.now("name not found"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    def make_socket(self, family, kind, protocol):
        self.sockets_made += 1
        return VirtualSocket(self)

    def is_writable(self, sock, seconds):
        return sock.is_writable(seconds)

    def input_check(self, sock):
        return sock.is_readable

    # Below it.

    def connect(self, sock, address):
        attempt = _Attempt()
        self.world.tell("connecting")
        if self.faults.now("connecting hangs"):
            return attempt
        arrival = self.faults.held_until(self.world.now + self.latency)
        self.world.at(arrival, self._reached, sock, attempt)
        return attempt

    def _reached(self, sock, attempt):
        refused = self.server is None or not self.server.alive or self.faults.now("refused")
        self.world.at(
            self.faults.held_until(self.world.now + self.latency), self._answered, sock, attempt, refused
        )

    def _answered(self, sock, attempt, refused):
        attempt.done = True
        if refused or not self.server.alive:
            self.world.tell("refused")
            attempt.failure = errno.ECONNREFUSED
            return
        connection = Connection(self.world, len(self.connections) + 1, Route(self))
        self.connections.append(connection)
        self.world.tell("connection %s: accepted", connection.number)
        sock.connected(connection)
        self.server.accept(connection)

    def reset_all(self, why):
        for connection in self.connections:
            if not connection.gone and connection.held:
                connection.reset(why)

    def close_all(self):
        for connection in self.connections:
            connection.close()

    def left_open(self):
        """Connections that the client has not closed."""
        return [connection for connection in self.connections if connection.held]
