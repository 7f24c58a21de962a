"""Faults: how each begins, and how it ends.

`begin(scene, mode)` lets it happen: once if a wait must survive it, else until `end(scene)`.
"""

import enum
import itertools
import math
import os
import socket
import threading

import attrs
from transports.loopback import HOST

from .leftovers import poll


class Mode(enum.Enum):
    """What meets a fault."""

    CALL = "one call"
    WAIT = "a wait that goes on"
    DEADLINE = "a wait whose deadline comes first"


_AWAY = 0.3  # seconds for which a server that comes back is not there


class Happening:
    """What faults have in common."""

    def check(self, scene):
        """What was wrong in the meantime, in words, where what came of it does not tell."""
        return []


@attrs.frozen
class Spoiled(Happening):
    """The proxy spoils something."""

    spoiling: object

    def check(self, scene):
        return [] if scene.proxy.spoiled else ["the fault did not meet the client"]

    def begin(self, scene, mode):
        scene.proxy.spoil(itertools.repeat(self.spoiling) if mode is not Mode.WAIT else [self.spoiling])

    def end(self, scene):
        scene.proxy.spoil([])


class Closed(Happening):
    """Kept connections are closed, in good form."""

    def begin(self, scene, mode):
        scene.proxy.cut()

    def end(self, scene):
        """It is over."""


class Refused(Happening):
    """Nobody listens, and connections are gone."""

    def __init__(self):
        self._back = None

    def begin(self, scene, mode):
        scene.proxy.refuse()
        scene.proxy.cut()
        if mode is Mode.WAIT:
            self._back = threading.Timer(_AWAY, scene.proxy.accept_again)
            self._back.start()

    def end(self, scene):
        if self._back is None:
            scene.proxy.accept_again()
        else:
            self._back.join()
            self._back = None


class Unresolved(Happening):
    """The server's name is not found, and connections are gone."""

    def check(self, scene):
        return [] if scene.names.failed else ["nobody asked for the name"]

    def begin(self, scene, mode):
        scene.names.fail(math.inf if mode is not Mode.WAIT else 1)
        scene.proxy.cut()

    def end(self, scene):
        scene.names.fail(0)


@attrs.frozen
class BadCertificate(Happening):
    """New connections are shown a certificate that must not be accepted: `name`, of `Certificates`. It lasts."""

    name: str

    def begin(self, scene, mode):
        scene.proxy.tls = getattr(scene.certificates, self.name)
        scene.proxy.cut()
        scene.proxy.requests_read = 0

    def check(self, scene):
        return ["a request went to a server that cannot be trusted"] if scene.proxy.requests_read else []

    def end(self, scene):
        scene.proxy.tls = scene.certificates.good


@attrs.frozen
class Killed(Happening):
    """The server's process gets a signal. It lasts."""

    signal: int

    def begin(self, scene, mode):
        os.kill(scene.server.pid, self.signal)
        if mode is Mode.CALL:  # it takes a while to go down, and would answer
            assert poll(lambda: _refuses(scene.server.port))

    def end(self, scene):
        scene.server.restart()


class Restarted(Happening):
    """The server's process is killed and begins anew, without any task; but not before a deadline that comes first."""

    def begin(self, scene, mode):
        scene.server.kill()
        if mode is not Mode.DEADLINE:
            scene.server.restart()

    def end(self, scene):
        if scene.server.pid is None:
            scene.server.restart()


def _refuses(port):
    with socket.socket() as knock:
        return knock.connect_ex((HOST, port)) != 0
