"""The socket under a WebSocket keeps its deadline."""

import socket

import pytest
import websocket
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.websocket.framing import SteadySocket
from rocketride_sync.transports.websocket.masking import binary_frame


class SilentSocket:
    """Takes `at_once` bytes, then nothing, and sends nothing: time passes instead."""

    def __init__(self, at_once=0):
        self.now = 100.0
        self._timeout = None
        self._at_once = at_once

    def settimeout(self, seconds):
        self._timeout = seconds

    def _wait(self):
        self.now += self._timeout
        raise socket.timeout("timed out")

    def recv(self, size):
        self._wait()

    def send(self, data):
        if not self._at_once:
            self._wait()
        taken, self._at_once = min(len(data), self._at_once), 0
        return taken

    def within(self, seconds):
        return Deadline(seconds, lambda: self.now)


@pytest.mark.parametrize("seconds", [0.002, 0.5, 0.99, 1.0, 3.7])
@pytest.mark.parametrize("step", [lambda it: it.recv(2), lambda it: it.send(b"x")], ids=["recv", "send"])
def test_a_step_takes_all_of_its_time_and_no_more(seconds, step):
    """Even when the step before had a little more: a wait's last look must not be overslept."""
    sock = SilentSocket(at_once=1)
    steady = SteadySocket(sock, sock.within(seconds + 0.01), dead_after=45.0)
    assert steady.send(b"x") == 1
    steady.deadline = sock.within(seconds)
    with pytest.raises(socket.timeout):
        step(steady)
    assert sock.now - 100.0 == pytest.approx(seconds, abs=0.0011)


def test_no_bytes_are_not_waited_for():
    """websocket-client before 1.9 asks for them after a refused upgrade without a body."""
    sock = SilentSocket()
    assert SteadySocket(sock, sock.within(5.0), dead_after=45.0).recv(0) == b""
    assert sock.now == 100.0


@given(st.lists(st.binary(max_size=200), max_size=4), st.sampled_from([0, 125, 126, 65_535, 65_536]))
def test_frames_are_masked_as_websocket_client_reads_them(parts, size):
    parts.append(b"x" * size)
    payload = b"".join(parts)
    frame = bytes(binary_frame(*map(memoryview, parts)))
    key = frame[-len(payload) - 4 : len(frame) - len(payload)]
    expected = websocket.ABNF.create_frame(payload, websocket.ABNF.OPCODE_BINARY)
    expected.get_mask_key = lambda size: key
    assert frame == expected.format()
