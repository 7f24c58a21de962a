"""The socket under a WebSocket keeps its deadline."""

import contextlib
import math
import socket

import pytest
import websocket
from cases import each
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.websocket import framing as framing_module
from rocketride_sync.transports.websocket.framing import Framing, masked_frame
from rocketride_sync.transports.websocket.steady_socket import EndedError, SteadySocket, TooLargeError


@pytest.fixture(autouse=True)
def _timeouts_take_no_time(monkeypatch):
    """Those of the sockets here are timeouts all the same."""
    monkeypatch.setattr("rocketride_sync.transports.websocket.steady_socket._TIMER_TOLERANCE", math.inf)


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


class FloodedSocket:
    """Hands out `block` at once, and then nothing. It takes what is sent."""

    def __init__(self, block):
        self._block = block

    def settimeout(self, seconds):
        pass

    def recv(self, size):
        block, self._block = self._block, b""
        if not block:
            raise socket.timeout("timed out")
        return block

    def send(self, data):
        return len(data)


@each(
    "frame",
    [b"\x8a\x00", b"\x89\x00", b"\x00\x00", b"\x81\x02{}", b"\x82\x02{}"],
    ids=["pongs", "pings", "fragments", "texts", "binary"],
)
def test_what_has_been_read_already_is_looked_at_for_a_moment_after_the_deadline_only(frame):
    """A block that is read at once may hold 32,768 frames, and a slow machine takes a second for these."""
    now = [100.0]
    begins = b"\x01\x00" if frame[:1] == b"\x00" else b""
    steady = SteadySocket(
        FloodedSocket(begins + frame * 10_000), Deadline(1.0, lambda: now[0]), dead_after=45.0
    )
    framing = Framing(steady, 100)
    with contextlib.suppress(socket.timeout):
        for _ in range(5_000):
            framing.receive()
            now[0] += 0.001
    assert 101.0 < now[0] <= 101.06
    steady.deadline = Deadline(1.0, lambda: now[0])
    framing.receive()  # the stream goes on where it was left


@each("seconds", [0.002, 0.5, 0.99, 1.0, 3.7])
@each("step", [lambda it: it.recv(2), lambda it: it.send(b"x")], ids=["recv", "send"])
def test_a_step_takes_all_of_its_time_and_no_more(seconds, step):
    """Even when the step before had a little more: a wait's last poll must not be overslept."""
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
    frame = bytes(masked_frame(websocket.ABNF.OPCODE_BINARY, *map(memoryview, parts)))
    key = frame[-len(payload) - 4 : len(frame) - len(payload)]
    expected = websocket.ABNF.create_frame(payload, websocket.ABNF.OPCODE_BINARY)
    expected.get_mask_key = lambda size: key
    assert frame == expected.format()


class ChunkedSocket:
    """Gives its chunks one by one; an empty one is a timeout. Afterwards the stream has ended. Takes what is sent."""

    def __init__(self, chunks):
        self.sent = b""
        self.ends = 0
        self._chunks = list(chunks)

    def settimeout(self, seconds):
        pass

    def recv(self, size):
        if not self._chunks:
            self.ends += 1
            return b""
        chunk = self._chunks.pop(0)
        if not chunk:
            raise socket.timeout("timed out")
        assert len(chunk) <= size
        return chunk

    def send(self, data):
        taken = data[: max(1, len(data) // 2)]
        self.sent += taken
        return len(taken)


class ReluctantSocket(ChunkedSocket):
    """Takes so many bytes, then none until it is `ready`. `now` is the time, which passes when it takes none."""

    def __init__(self, chunks, at_once):
        super().__init__(chunks)
        self._at_once = at_once
        self.ready = False
        self.now = 0.0
        self._timeout = 0.0

    def settimeout(self, seconds):
        self._timeout = seconds

    def send(self, data):
        taken = bytes(data if self.ready else data[: self._at_once])
        if not taken:
            self.now += self._timeout
            raise socket.timeout("timed out")
        self.sent += taken
        self._at_once -= len(taken)
        return len(taken)


def framing(chunks, limit=10**6):
    sock = ChunkedSocket(chunks)
    return Framing(SteadySocket(sock, Deadline(60.0), dead_after=45.0), limit), sock


def server_frame(opcode, payload, fin=1):
    frame = websocket.ABNF.create_frame(payload, opcode, fin)
    frame.mask_value = frame.mask = 0
    return frame.format()


CONT, TEXT, BINARY, PING = 0, 1, 2, 9  # opcodes of RFC 6455
MESSAGES = st.lists(
    st.tuples(
        st.sampled_from([TEXT, TEXT, BINARY, PING]),
        st.sampled_from([0, 1, 2, 125, 126, 127, 300, 65_535, 65_536]),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@given(MESSAGES, st.lists(st.integers(0, 70_000), max_size=12))
def test_messages_come_out_as_they_were_sent_however_they_arrive(messages, sizes):
    """Long or short, whole, in pieces, in fragments with pings between them, with timeouts in the middle."""
    sent, wire = [], b""
    for opcode, size, in_fragments in messages:
        payload = bytes(range(97, 123)) * (size // 26 + 1)
        payload = payload[: min(size, 125) if opcode == PING else size]
        if in_fragments and opcode != PING:
            wire += server_frame(opcode, payload[:10], fin=0) + server_frame(PING, b"between")
            wire += server_frame(CONT, payload[10:])
            sent.append((PING, b"between"))
        else:
            wire += server_frame(opcode, payload)
        sent.append((opcode, payload))
    chunks, at = [], 0
    for size in sizes:
        chunks.append(wire[at : at + min(size, 65_536)])
        at += len(chunks[-1])
    chunks += [wire[i : i + 65_536] for i in range(at, len(wire), 65_536)]
    it, _ = framing(chunks)
    for expected in sent:
        assert received(it) == expected
    with pytest.raises(EndedError):
        it.receive()


def received(it):
    """What comes next; a fragment is no message yet, and a timeout in the middle of a frame no loss."""
    while True:
        try:
            opcode, payload = it.receive()
        except socket.timeout:
            continue
        if opcode != CONT:
            return opcode, payload


@each("at_once", [0, 1, 5, 9, 10])
@pytest.mark.parametrize("then", ["receive", "send"])
def test_pongs_are_sent_whole_and_before_anything_else(at_once, then):
    """Behind a part of one, what is sent next would be no frame."""
    sock = ReluctantSocket([server_frame(PING, b"1") + server_frame(PING, b"two")], at_once)
    steady = SteadySocket(sock, Deadline(0.5, lambda: sock.now), dead_after=45.0)
    it = Framing(steady, 10**6)
    assert [it.receive(), it.receive()] == [(PING, b"1"), (PING, b"two")]
    sock.ready, steady.deadline = True, Deadline(60.0)
    if then == "send":
        it.send_all(masked_frame(TEXT, b"three"))
    else:
        with pytest.raises(EndedError):
            it.receive()
    frames = [(0x8A, b"1"), (0x8A, b"two"), (0x81, b"three")]
    assert client_frames(sock.sent) == frames[: 3 if then == "send" else 2]


def client_frames(wire):
    """The first byte and the payload of each, of short ones."""
    found = []
    while wire:
        size, mask = wire[1] & 0x7F, wire[2:6]
        found.append((wire[0], bytes(value ^ mask[i % 4] for i, value in enumerate(wire[6 : 6 + size]))))
        wire = wire[6 + size :]
    return found


def test_a_text_in_the_middle_of_a_fragmented_message_is_an_error():
    it, _ = framing([server_frame(TEXT, b"a", fin=0) + server_frame(PING, b"") + server_frame(TEXT, b"b")])
    assert [it.receive()[0], it.receive()[0]] == [CONT, PING]
    with pytest.raises(websocket.WebSocketProtocolException):
        it.receive()


@pytest.mark.parametrize("size", [101, 200, 70_000])
def test_a_message_beyond_the_limit_is_refused(size):
    it, _ = framing([server_frame(TEXT, b"x" * 100), server_frame(TEXT, b"x" * size)[:60_000]], limit=100)
    assert it.receive() == (TEXT, b"x" * 100)
    with pytest.raises(TooLargeError):
        it.receive()


@pytest.mark.parametrize("first", [0x91, 0xC1, 0x83], ids=["reserved bit", "compressed", "reserved opcode"])
def test_frames_that_were_not_agreed_on_are_refused(first):
    it, _ = framing([bytes([first, 2]) + b"{}"])
    with pytest.raises(websocket.WebSocketException):
        it.receive()


def test_the_end_of_the_stream_is_not_waited_for_twice():
    it, sock = framing([])
    for _ in range(2):
        with pytest.raises(EndedError):
            it.receive()
    assert sock.ends == 1


@pytest.mark.parametrize("size", [0, 125, 126, 60_000])
@pytest.mark.parametrize("step", [1, 3, 1448])
def test_a_text_that_comes_in_pieces_is_read_without_websocket_client(monkeypatch, size, step):
    """A network cuts an answer anywhere; and there are timeouts in between."""
    monkeypatch.setattr(framing_module, "load", None)
    wire = server_frame(TEXT, b"x" * size) + server_frame(TEXT, b"{}")
    chunks = [wire[i : i + step] for i in range(0, len(wire), step)][: 8 if step < 100 else None]
    rest = wire[sum(map(len, chunks)) :]
    it, _ = framing([part for chunk in chunks for part in (chunk, b"")] + ([rest] if rest else []))
    assert received(it) == (TEXT, b"x" * size)
    assert received(it) == (TEXT, b"{}")
    with pytest.raises(EndedError):
        it.receive()


def test_a_message_is_sent_to_its_end():
    it, sock = framing([])
    it.send_all(masked_frame(TEXT, b"x" * 1000, b"y"))
    frame = sock.sent
    assert len(frame) == 4 + 4 + 1001
    assert websocket.ABNF.mask(frame[4:8], frame[8:]) == b"x" * 1000 + b"y"
