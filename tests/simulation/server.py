"""The server's process: when it is there, how long it thinks, and what stands between its answers and the client."""

from __future__ import annotations

import errno

from .admission import Admission
from .answers import Answers
from .data_pipes import DataPipes
from .http_session import HttpSession
from .seams import BASE

KEY = "key-that-nobody-may-see-4711"


class Server:
    """One server process after the other, at one address.

    Attributes:
        alive: whether there is a process.
        garbled: how many answers were garbled.
        answers: what it answers to a request.
        idle_closings: when connections were closed that were idle for too long.
    """

    def __init__(self, world, engine, faults, network):
        self.world = world
        self.engine = engine
        self.faults = faults
        self.network = network
        self.key = KEY
        self.alive = True
        self.garbled = 0
        self.idle_closings = []
        self.thinking = 10 ** world.rng.uniform(-4, -2)
        self.pipes = DataPipes(self)
        self.admission = Admission(self)
        self.answers = Answers(self)
        for fault in faults.all:
            self._plan(fault)

    def _plan(self, fault):
        network = self.network
        if fault.kind in ("restart", "killed"):
            self.world.at(fault.begin, self._die, fault)
        elif fault.kind == "reset":
            self.world.at(fault.begin, self._moment, fault, network.reset_all, "by the network")
        elif fault.kind == "half-close":
            self.world.at(fault.begin, self._moment, fault, network.close_all)
        elif fault.kind == "silence":
            self.world.at(fault.begin, self._moment, fault, self.silence)

    def _moment(self, fault, step, *args):
        if not self.faults.over:
            self.faults.count(fault.kind)
            self.world.tell("%s", fault.kind)
            step(*args)

    def silence(self):
        """Nothing arrives any more over the connections that there are, and nobody is told."""
        for connection in self.network.connections:
            if not connection.gone:
                connection.route.silent = True

    def _die(self, fault):
        if self.faults.over or not self.alive:
            return
        self.faults.count(fault.kind)
        self.world.tell("the server dies: %s", fault.kind)
        for connection in self.network.connections:
            if fault.kind == "restart" and hasattr(connection.session, "subscribed"):
                connection.session.close(1012)
            elif fault.variant % 2:
                connection.reset("its process is dead")
            else:
                connection.close()
        self.alive = False
        self.engine.lose_all()
        self.world.at(fault.end, self._return)

    def _return(self):
        if not self.alive:
            self.alive = True
            self.world.tell("the server is back, and knows nothing")

    def heal(self):
        self.faults.heal()
        for connection in self.network.connections:
            if connection.route.silent:
                connection.to_client.fail(errno.ECONNRESET)
                connection.close()
        self._return()

    def accept(self, connection):
        connection.session = HttpSession(self, connection)

    def think(self):
        # Without faults a poll takes less than twice as long as the one before: that is what the last poll relies on.
        seconds = self.thinking * (
            self.world.rng.uniform(0.75, 1.25) if self.faults.calm else self.world.rng.uniform(0.3, 4.0)
        )
        slow = self.faults.now("slow answers")
        if slow:
            seconds += 10 ** (slow.variant / 1000 * 2 - 0.5)  # 0.3 to 30 s
        return seconds

    def spoil(self, connection, answer):
        """Send `answer`, or what is left of it; whether all of it was sent."""
        cut = self.faults.now("cut answers")
        if cut:
            connection.write(answer[: self.world.rng.randrange(len(answer))])
            if cut.variant % 2:
                connection.to_client.fail(errno.ECONNRESET, connection.route.latency * 3)
                connection.gone = True
            connection.close()
            return False
        if self.faults.now("garbage"):
            place = self.world.rng.randrange(len(answer))
            answer = answer[:place] + b"\xff\x00\xfe" + answer[place:]
            self.garbled += 1
            self.world.tell("connection %s: garbage at byte %s", connection.number, place)
        connection.write(answer)
        return True

    def unix_time(self):
        return BASE + self.world.now
