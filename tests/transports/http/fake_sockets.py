"""Sockets of a test's making under HTTP connections, whose time is the test's."""

import io
import socket

from rocketride_sync.transports.http.exchange import current


class Clock:
    """Passes when something is waited for, and when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    perf_counter = monotonic


class Socket:
    """Hands out what `comes`, part by part, and then lets time pass, as for a part that is None; b"" is the end.

    It takes as much at once as `takes` says, 0 for a timeout, at last everything.
    """

    def __init__(self, clock):
        self._clock = clock
        self.timeouts = []  # as they are set
        self.comes = []
        self.takes = []
        self.sent = []
        self.closed = False

    def gettimeout(self):
        return self.timeouts[-1] if self.timeouts else None

    def settimeout(self, seconds):
        self.timeouts.append(seconds)

    def _wait(self):
        self._clock.now += self.timeouts[-1]
        raise socket.timeout("timed out")

    def recv_into(self, buffer):
        part = self.comes.pop(0) if self.comes else None
        if part is None:
            self._wait()
        if callable(part):
            part()
        taken = part[: len(buffer)]
        if len(part) > len(taken):
            self.comes.insert(0, part[len(taken) :])
        buffer[: len(taken)] = taken
        return len(taken)

    def send(self, data):
        if self.takes and callable(self.takes[0]):
            self.takes.pop(0)()
        size = min(self.takes.pop(0), len(data)) if self.takes else len(data)
        if not size:
            self._wait()
        self.sent.append(bytes(data[:size]))
        return size

    def makefile(self, mode):
        return io.BytesIO()

    def shutdown(self, how):
        pass

    def close(self):
        self.closed = True


class TlsSocket(Socket):
    """Has received `surplus` bytes that were not read."""

    surplus = 0

    def pending(self):
        return self.surplus


class PolledSocket(Socket):
    """Can be looked at with `select`. It has input once its peer has `ended` the connection."""

    def __init__(self, clock):
        super().__init__(clock)
        self._ours, self._theirs = socket.socketpair()

    def fileno(self):
        return self._ours.fileno()

    def ended(self):
        self._theirs.close()

    def close(self):
        super().close()
        self._ours.close()
        self._theirs.close()


class Dialer:
    """Connects to a socket, or fails; `took` seconds."""

    def __init__(self, clock, outcome, took=0.0):
        self._clock, self._outcome, self._took = clock, outcome, took
        self.left = []  # of the time to connect, each time

    def dial(self, deadline):
        self.left.append(deadline.remaining())
        self.was_connecting = current().connecting
        self._clock.now += self._took
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome


def body_of(response):
    return response.data if hasattr(response, "data") else response.read()  # before urllib3 2
