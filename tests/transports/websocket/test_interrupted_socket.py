"""A socket's timeout that comes before its time is none: something was thrown in, and the stream cannot be continued."""

import socket

import pytest
from cases import each

from rocketride_sync.deadline import SLICE, Deadline
from rocketride_sync.transports.websocket.steady_socket import SteadySocket


class Interrupted:
    """A socket whose calls are broken off after `after` seconds of a clock, as if they had timed out."""

    def __init__(self, clock, after):
        self._clock = clock
        self._after = after
        self.calls = 0

    def settimeout(self, seconds):
        pass

    def recv(self, size):
        self.calls += 1
        self._clock.now += self._after
        raise socket.timeout("thrown in")

    send = recv


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


def broken_off(name, after):
    """How often the socket was called, and what came of it within five slices."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rocketride_sync.transports.websocket.steady_socket.system_time", clock)
        sock = Interrupted(clock, after)
        steady = SteadySocket(sock, Deadline(None), 5 * SLICE)
        with pytest.raises(OSError) as raised:
            steady.send(b"x") if name == "send" else steady.readline()
    return sock.calls, str(raised.value)


@each("after", [0.0, SLICE / 4])
@each("name", ["send", "receive"])
def test_what_was_thrown_in_gives_the_connection_up(name, after):
    calls, said = broken_off(name, after)
    assert calls == 1
    assert "interrupted" in said


@each("after", [SLICE - 0.016, SLICE])
@each("name", ["send", "receive"])
def test_a_timeout_of_the_socket_is_waited_out(name, after):
    calls, said = broken_off(name, after)
    assert calls >= 5
    assert "interrupted" not in said
