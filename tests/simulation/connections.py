"""Virtual TCP connections. The client holds a socket, which a garbage collector may take; the `Connection` stays."""

from __future__ import annotations

import errno


class Stream:
    """One direction of a connection. What is sent arrives in order, in pieces."""

    def __init__(self, world, route, name):
        self._world = world
        self._route = route
        self.name = name
        self.arrived = bytearray()
        self.under_way = 0
        self.ended = False
        self.failure = 0
        self.on_arrival = None
        self.sent = 0
        self._latest = 0.0

    def send(self, data):
        self.sent += len(data)
        for piece in self._route.pieces(self, bytes(data)):
            self._deliver(piece)

    def end(self):
        self._deliver(None)

    def fail(self, number, delay=0.0):
        self._world.later(delay, self._fail, number)

    def _deliver(self, piece):
        if self._route.silent:
            return
        moment = self._route.arrival(self)
        if moment > self._latest:
            self._latest = moment
        if piece is not None:
            self.under_way += len(piece)
        self._world.at(self._latest, self._arrive, piece)

    def _arrive(self, piece):
        if piece is not None:
            self.under_way -= len(piece)
        if self.failure or self.ended:
            return
        if piece is None:
            self.ended = True
        else:
            self.arrived += piece
        if self.on_arrival is not None:
            self.on_arrival()

    def _fail(self, number):
        if not self.failure:
            self.failure = number
            if self.on_arrival is not None:
                self.on_arrival()


class Connection:
    """A connection between the client and the server.

    Attributes:
        session: the server's side, with `arrived()`.
        held: whether the client has not closed it.
    """

    def __init__(self, world, number, route):
        self.number = number
        self.world = world
        self.route = route
        self.to_server = Stream(world, route, "to server")
        self.to_client = Stream(world, route, "to client")
        self.to_server.on_arrival = self._arrived
        self.session = None
        self.held = True
        self.gone = False  # the server has closed it

    def _arrived(self):
        if self.gone:
            if self.to_server.arrived:  # a closed peer answers data with a reset
                self.to_server.arrived.clear()
                self.to_client.fail(errno.ECONNRESET, self.route.latency)
        elif self.session is not None:
            self.session.arrived()

    # The server's side.

    def read(self):
        data = bytes(self.to_server.arrived)
        self.to_server.arrived.clear()
        return data

    def write(self, data):
        if not self.gone:
            self.to_client.send(data)

    def write_at_once(self, data):
        """Write `data` so that it arrives in one piece."""
        if not self.gone:
            self.to_client.sent += len(data)
            self.to_client._deliver(bytes(data))

    def close(self):
        """The server closes it in order."""
        if not self.gone:
            self.world.tell("connection %s: the server closes it", self.number)
            self.gone = True
            self.to_client.end()
            self._forget()

    def reset(self, why):
        if not self.gone:
            self.world.tell("connection %s: reset (%s)", self.number, why)
            self.gone = True
            self.to_client.fail(errno.ECONNRESET, self.route.latency)
            self._forget()

    def _forget(self):
        if self.session is not None:
            self.session.gone()

    # The client's side.

    def client_closes(self):
        self.held = False
        self.to_server.end()
