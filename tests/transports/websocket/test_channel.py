"""The messages over one socket: what is sent, what is taken of what comes, and how a fault ends it. Time is the test's."""

import contextlib
import errno
import gc
import json
import os
import socket
import struct
import sys
from types import SimpleNamespace

import pytest
from dropping import run_in_dropping
from handlers import that_raises
from moments import each_moment, interrupted

from rocketride_sync import ProtocolError, ServerError, TransportError, TransportTimeoutError
from rocketride_sync.address import Address
from rocketride_sync.deadline import Deadline
from rocketride_sync.options import SizeLimit
from rocketride_sync.protocol import operations
from rocketride_sync.transports.websocket import channel as channel_module
from rocketride_sync.transports.websocket import steady_socket
from rocketride_sync.transports.websocket.channel import Channel, request_frame
from rocketride_sync.transports.websocket.upgrade import OddUpgradeError, UpgradeCutError, UpgradeSilentError

from ..dap_peer import BINARY, CLOSE, PING, PONG, RUNNING, TEXT, TOKEN, DapPeer, Gone, frame
from .calls import STATUS

ADDRESS = Address.parse("localhost:5565")
MONITOR = operations.monitor(TOKEN, ["TASK"])
LIMITS = {STATUS.name: SizeLimit("max_response_bytes", 100_000), MONITOR.name: SizeLimit("other", 1000)}
HEAD = 65_536  # bytes, the longest answer to an upgrade
LONG = 40_000  # characters, of a message that is decoded only if there is time for it
MOST_CALLS = 60_000  # of the clock, in a walk over all moments; what goes round without end makes more


class Socket:
    """Hands out what `comes`, part by part, and otherwise lets time pass. `peer` is at its other end.

    Whenever something is sent, the peer does the next of `acts`.
    """

    def __init__(self, clock):
        self._clock = clock
        self._timeout = None
        self.comes = []  # bytes, or faults
        self.sent = bytearray()
        self.acts = []
        self.takes = True  # what is sent, if need be with an exception
        self.closed = False
        self.peer = DapPeer(PeerEnd(self))

    def settimeout(self, seconds):
        self._timeout = seconds

    def _wait(self):
        self._clock.sleep(self._timeout)
        raise socket.timeout("timed out")

    def recv(self, size):
        if not self.comes:
            self._wait()
        part = self.comes.pop(0)
        if isinstance(part, BaseException):
            raise part
        if callable(part):
            part()
        if len(part) > size:
            self.comes.insert(0, part[size:])
        return part[:size]

    def send(self, data):
        if isinstance(self.takes, BaseException):
            raise self.takes
        if callable(self.takes):
            self.takes()
        if not self.takes:
            self._wait()
        self.sent += data
        if self.acts:
            self.acts.pop(0)(self.peer)
        return len(data)

    def has_input(self):
        return bool(self.comes)

    def close(self):
        self.closed = True


class PeerEnd:
    """What `DapPeer` uses of a `loopback.Peer`."""

    def __init__(self, sock):
        self._socket, self.sock = sock, self

    def read_request(self):
        return self.recv(HEAD).decode()

    def recv(self, size):
        taken = bytes(self._socket.sent)
        self._socket.sent.clear()
        return taken

    def send(self, data):
        self._socket.comes.append(data)


@pytest.fixture
def clock(clock, monkeypatch):
    """Also the time of the channel and its socket. A loop without an end is a fault."""
    calls, now = [], clock.monotonic

    def monotonic():
        calls.append(1)
        assert len(calls) < MOST_CALLS, "it goes round without end"
        return now()

    monkeypatch.setattr(clock, "monotonic", monotonic)
    for module in (channel_module, steady_socket):
        monkeypatch.setattr(module, "system_time", clock)
    monkeypatch.setattr(steady_socket, "input_check", lambda sock: sock.has_input)
    return clock


@pytest.fixture
def sock(clock):
    return Socket(clock)


@pytest.fixture
def connected(sock):
    """Before the upgrade, for which there are 10 seconds."""
    return Channel(sock, ADDRESS, lambda operation: LIMITS[operation.name], 45.0, Deadline(10.0))


@pytest.fixture
def channel(connected, sock):
    sock.acts.append(DapPeer.upgrade)
    connected.upgrade("name/1.2", {})
    return connected


def answer_of(peer, body=RUNNING, **options):
    peer.answer(peer.request(), body, **options)


def left_to_read(peer):
    """The frames that were sent, and not read by the peer."""
    frames = []
    try:
        while True:
            frames.append(peer.receive())
    except Gone:
        return frames


def event(size=0):
    return {"type": "event", "event": "apaevt_task", "body": {"text": "x" * size}}


# --- the upgrade


def test_the_upgrade_asks_for_the_address_and_names_the_client(connected, sock):
    requests = []

    def read(peer):
        requests.append(bytes(sock.sent).decode().split("\r\n"))
        peer.upgrade()

    sock.acts.append(read)
    assert not connected.broken
    connected.upgrade("name/1.2", {"X-Mine": "1"})
    first, *headers = requests[0]
    assert first == f"GET {ADDRESS.websocket_path} HTTP/1.1"
    assert {f"Host: {ADDRESS.authority}", "User-Agent: name/1.2", "X-Mine: 1"} <= set(headers)
    assert not connected.broken
    assert connected.pid == os.getpid()


@pytest.mark.parametrize("size", [HEAD, HEAD + 1])
def test_the_answer_to_an_upgrade_may_not_be_endless(connected, sock, size):
    def upgrade_with_much(peer):
        raw = peer.raw
        peer.raw = lambda head: raw(head[:-2] + b"X: " + b"x" * (size - len(head) - 5) + b"\r\n\r\n")
        peer.upgrade()
        peer.raw = raw

    sock.acts.append(upgrade_with_much)
    if size > HEAD:
        with pytest.raises(OddUpgradeError):
            connected.upgrade("name/1.2", {})
        assert (connected.broken, sock.closed) == (True, True)
        return
    connected.upgrade("name/1.2", {})
    sock.acts.append(answer_of)
    assert connected.exchange(STATUS, Deadline(9.0))["body"] == RUNNING, "what follows may be longer"


def test_an_upgrade_without_an_answer_tells_how_long_it_was_waited_for(connected, sock, clock):
    with pytest.raises(UpgradeSilentError, match=r"within 10\.0 s"):
        connected.upgrade("name/1.2", {})
    assert clock.now == pytest.approx(1010.0, abs=0.002)
    assert sock.closed


def test_a_break_is_one_of_the_upgrade_or_of_the_connection(connected, sock):
    sock.comes = [b""]
    with pytest.raises(UpgradeCutError):
        connected.upgrade("name/1.2", {})


def test_a_break_after_the_upgrade_says_nothing_about_websocket(channel, sock):
    sock.comes = [b""]
    with pytest.raises(TransportError, match="broke: it ended") as caught:
        channel.receive(Deadline(9.0))
    assert type(caught.value) is TransportError


# --- requests and answers


def test_a_request_is_a_text_and_one_with_data_a_binary_message_behind_its_text(channel, sock):
    sock.sent += request_frame('{"a": 1}') + request_frame('{"a": 1}', b"\0data")
    assert left_to_read(sock.peer) == [(TEXT, b'{"a": 1}'), (BINARY, b'{"a": 1}\n\0data')]


@pytest.mark.parametrize("data", [None, b"", b"data"])
def test_an_exchange_ends_with_the_answer_to_its_request(channel, sock, data):
    frames = []

    def reply(peer):
        frames.append(peer.receive())
        peer.send(event())
        peer.send({"type": "response", "request_seq": 2, "success": True})
        peer.answer(json.loads(frames[-1][1].partition(b"\n")[0]), RUNNING)
        peer.event("end")

    sock.acts.append(reply)
    assert channel.exchange(STATUS, Deadline(9.0), data)["body"] == RUNNING
    ((opcode, payload),) = frames
    assert opcode == (TEXT if data is None else BINARY)
    request, _, rest = payload.partition(b"\n")
    assert (json.loads(request)["command"], rest) == (STATUS.command, data or b"")
    assert channel.dialogue.next_event() == event()
    assert len(sock.comes) == 1, "no more is read than the answer"


def test_what_holds_is_that_of_the_operation_that_was_sent_last(channel, sock, clock):
    """Its deadline, its limit and the name of the limit."""
    sock.acts = [answer_of, lambda peer: peer.answer(peer.request(), "x" * 1000)]
    channel.exchange(STATUS, Deadline(5.0))
    clock.sleep(6.0)
    with pytest.raises(ProtocolError, match=r"larger than other \(1000 bytes\)"):
        channel.exchange(MONITOR, Deadline(5.0))


@pytest.mark.parametrize("several", [[STATUS, MONITOR], [MONITOR, STATUS]])
def test_of_several_in_flight_the_largest_limit_holds(channel, sock, several):
    numbers = {}
    for operation in several:
        channel.expect(operation, Deadline(9.0))
        numbers[operation], text = channel.dialogue.request(operation.command, operation.arguments)
        channel.send(request_frame(text), Deadline(9.0))
    first, second = sock.peer.request(), sock.peer.request()
    sock.peer.answer(first, "x" * 2000)
    sock.peer.answer(second, "x" * 2000)
    for operation in several:
        assert channel.receive(Deadline(9.0))
        assert channel.dialogue.answer(numbers[operation]) is not None
    sock.acts = [lambda peer: answer_of(peer, "x" * 2000)]
    with pytest.raises(ProtocolError, match="larger than other"):
        channel.exchange(MONITOR, Deadline(9.0))


def test_without_an_answer_an_exchange_takes_until_its_deadline(channel, sock, clock):
    with pytest.raises(TransportTimeoutError):
        channel.exchange(STATUS, Deadline(3.7))
    assert clock.now == pytest.approx(1003.7, abs=0.002)
    assert (channel.broken, sock.closed) == (True, True)


def test_sending_and_receiving_have_deadlines_of_their_own(channel, sock, clock):
    sock.acts = [answer_of]
    channel.exchange(STATUS, Deadline(1.0))
    clock.sleep(2.0)
    channel.send(request_frame("{}"), Deadline(1.0))
    assert left_to_read(sock.peer) == [(TEXT, b"{}")]
    clock.sleep(2.0)
    sock.peer.send(event())
    assert channel.receive(Deadline(1.0))
    clock.sleep(2.0)
    began = clock.now
    assert not channel.receive(Deadline(2.5))
    assert clock.now - began == pytest.approx(2.5, abs=0.002)
    assert not channel.broken, "nothing came, which is no fault"
    with pytest.raises(TransportTimeoutError):
        channel.send(request_frame("{}"), Deadline(0.0))


def test_a_binary_message_carries_data_behind_its_first_line(channel, sock):
    message = json.dumps(event())
    sock.peer.raw(frame(f"{message}\ndata", BINARY) + frame(f"{message}\n", TEXT))
    assert channel.receive(Deadline(9.0))
    assert channel.dialogue.next_event()["arguments"]["data"] == b"data"
    assert channel.receive(Deadline(9.0))
    assert channel.dialogue.next_event() == event()


def test_pings_are_answered_and_are_no_messages(channel, sock):
    sock.peer.raw(frame("{}", PING) + frame("not JSON", PONG))
    assert channel.receive(Deadline(9.0))
    assert left_to_read(sock.peer) == [(PONG, b"{}")]
    assert channel.receive(Deadline(9.0))


@pytest.mark.parametrize("then", ["receive", "send"])
def test_a_ping_that_is_read_when_no_time_is_left_is_answered_as_soon_as_there_is_some(channel, sock, then):
    """It came together with a message. Without its pong the server would close the connection."""
    sock.peer.raw(frame(json.dumps(event(1))) + frame("{}", PING) + frame(json.dumps(event(2))))
    assert channel.receive(Deadline(9.0))
    assert channel.receive(Deadline(0.0)), "the ping"
    assert channel.receive(Deadline(0.0)), "what follows it"
    assert left_to_read(sock.peer) == []
    if then == "receive":
        assert not channel.receive(Deadline(1.0))
        assert left_to_read(sock.peer) == [(PONG, b"{}")]
    else:
        channel.send(request_frame("[]"), Deadline(1.0))
        assert left_to_read(sock.peer) == [(PONG, b"{}"), (TEXT, b"[]")]
    assert not channel.broken


# --- long messages, which take their time to decode


@pytest.mark.parametrize("seconds", [0.01, 10.0])
def test_an_answer_is_decoded_if_there_is_time_for_it(channel, sock, seconds):
    """30 ms for so many values."""
    body = [[]] * 10_000
    sock.acts = [lambda peer: answer_of(peer, body)]
    if seconds > 1.0:
        assert channel.exchange(STATUS, Deadline(seconds))["body"] == body
        return
    with pytest.raises(TransportTimeoutError):
        channel.exchange(STATUS, Deadline(seconds))
    assert channel.broken


@pytest.mark.parametrize("way", ["receive", "receive_buffered"])
def test_receiving_ends_if_no_time_is_left_to_decode(channel, sock, clock, way):
    number, text = channel.dialogue.request(STATUS.command, STATUS.arguments)
    channel.expect(STATUS, Deadline(1.0))
    channel.send(request_frame(text), Deadline(1.0))
    response = {"type": "response", "request_seq": number, "success": True, "body": "x" * LONG}
    sock.peer.raw(frame(json.dumps(event())) + frame(json.dumps(response)))
    assert channel.receive(Deadline(9.0))
    clock.sleep(2.0)
    assert (channel.receive(Deadline(9.0)) if way == "receive" else channel.receive_buffered()) is False
    assert channel.dialogue.answer(number) is None
    assert not channel.broken


@pytest.mark.parametrize("parts", [1, 3])
def test_what_has_come_is_decoded_though_its_time_is_up(channel, sock, clock, parts):
    """Whoever reads late had something else to do when it came."""
    number, text = channel.dialogue.request(STATUS.command, STATUS.arguments)
    channel.expect(STATUS, Deadline(1.0))
    channel.send(request_frame(text), Deadline(1.0))
    response = {"type": "response", "request_seq": number, "success": True, "body": "x" * LONG}
    whole = frame(json.dumps(response))
    size = len(whole) // parts + 1
    for start in range(0, len(whole), size):
        sock.peer.raw(whole[start : start + size])
    clock.sleep(2.0)
    channel.drain()
    assert channel.dialogue.answer(number) == response


@pytest.mark.parametrize(("takes", "decoded"), [(0.05, True), (0.1, False)])
def test_but_not_if_that_takes_more_than_a_quarter_of_a_second(channel, sock, clock, takes, decoded):
    """Its 80 KB are read in two pieces, and 60 ms are reckoned for what they hold."""
    number, text = channel.dialogue.request(STATUS.command, STATUS.arguments)
    channel.expect(STATUS, Deadline(1.0))
    channel.send(request_frame(text), Deadline(1.0))
    response = {"type": "response", "request_seq": number, "success": True, "body": [{}] * 20_000}
    receive = sock.recv

    def slowly(size):
        clock.sleep(takes)
        return receive(size)

    sock.recv = slowly
    sock.peer.raw(frame(json.dumps(response)))
    clock.sleep(2.0)
    channel.drain()
    assert (channel.dialogue.answer(number) is not None) == decoded
    assert clock.now < 1002.26


def test_an_event_is_taken_however_long_ago_the_last_answer_was_due(channel, sock, clock):
    sock.acts = [answer_of]
    channel.exchange(STATUS, Deadline(1.0))
    clock.sleep(2.0)
    sock.peer.send(event(LONG))
    assert channel.receive(Deadline(9.0))
    assert channel.dialogue.next_event() == event(LONG)


# --- what has come


def test_what_was_read_along_is_taken_without_reading(channel, sock):
    sock.peer.raw(frame(json.dumps(event(1))) + frame(json.dumps(event(2))) + frame(json.dumps(event(3)))[:9])
    assert channel.receive(Deadline(9.0))
    sock.comes.append(OSError("it was read"))
    assert channel.receive_buffered() is True
    assert channel.receive_buffered() is False
    assert [channel.dialogue.next_event() for _ in range(3)] == [event(1), event(2), None]
    assert not channel.broken


def test_all_that_was_read_along_is_taken_before_a_request(channel, sock):
    sock.peer.raw(b"".join(frame(json.dumps(event(number))) for number in range(4)))
    assert channel.receive(Deadline(9.0))
    sock.comes.append(OSError("it was read"))
    channel.take_early()
    assert [channel.dialogue.next_event() for _ in range(5)] == [*map(event, range(4)), None]


def test_draining_takes_all_that_has_come_and_no_time(channel, sock, clock):
    channel.drain()
    for number in range(3):
        sock.peer.send(event(number))
    sock.peer.raw(frame("are you there", PING) + frame(json.dumps(event(3))))
    channel.drain()
    assert [channel.dialogue.next_event() for _ in range(5)] == [*map(event, range(4)), None]
    assert left_to_read(sock.peer) == [(PONG, b"are you there")]
    assert clock.now == 1000.0


def test_draining_does_not_wait_for_the_rest_of_a_message(channel, sock, clock):
    whole = frame(json.dumps(event()))
    sock.peer.raw(whole[:10])
    channel.drain()
    assert clock.now == pytest.approx(1000.0, abs=0.01)
    sock.peer.raw(whole[10:])
    channel.drain()
    assert channel.dialogue.next_event() == event()


def test_draining_does_not_wait_for_a_peer_that_takes_no_pong(channel, sock, clock):
    """It is sent before what is sent next."""
    sock.takes = False
    sock.peer.raw(frame("are you there", PING) + frame(json.dumps(event())))
    channel.drain()
    assert channel.dialogue.next_event() == event()
    assert clock.now == pytest.approx(1000.0, abs=0.01)
    sock.takes = True
    channel.send(request_frame("next"), Deadline(1.0))
    assert left_to_read(sock.peer)[0] == (PONG, b"are you there")


def test_what_takes_longer_to_read_than_a_moment_is_read_to_its_end(channel, sock, clock):
    """Each part takes 5 ms, as a few megabytes do on a busy machine."""
    whole = frame(json.dumps(event(LONG)))
    parts = [whole[start : start + 10_000] for start in range(0, len(whole), 10_000)]
    sock.comes = list(parts)
    receive = sock.recv

    def slowly(size):
        clock.sleep(0.005)
        return receive(size)

    sock.recv = slowly
    channel.drain()
    assert channel.dialogue.next_event() == event(LONG)


def test_what_has_come_is_taken_by_a_process_that_is_held_up_at_every_step(channel, sock, clock, monkeypatch):
    """Other threads and processes have their turns in between."""
    now = clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: clock.sleep(0.004) or now())
    for number in range(3):
        sock.peer.send(event(number))
    channel.drain()
    assert [channel.dialogue.next_event() for _ in range(4)] == [*map(event, range(3)), None]


@pytest.mark.parametrize("came", [0, 1])
def test_what_comes_after_draining_is_waited_for(channel, sock, clock, came):
    for number in range(came):
        sock.peer.send(event(number))
    channel.drain()
    assert channel.receive(Deadline(9.0)) is False
    assert clock.now == pytest.approx(1009.0, abs=0.01)


def test_draining_ends_though_ever_more_comes(channel, sock, clock):
    def more(size):
        clock.sleep(0.001)
        return frame(json.dumps(event()))

    sock.recv, sock.has_input = more, lambda: True
    channel.drain()
    assert clock.now == pytest.approx(1000.25, abs=0.01)


def test_draining_finds_out_that_the_server_has_closed_the_connection(channel, sock):
    sock.peer.send(event())
    sock.peer.close(1012)
    with pytest.raises(TransportError, match="code 1012"):
        channel.drain()
    assert channel.broken


def test_a_fault_of_the_look_whether_something_has_come_is_one_of_ours(channel, sock):
    def fail():
        raise OSError(errno.EBADF, "Bad file descriptor")

    sock.has_input = fail
    with pytest.raises(TransportError, match="Bad file descriptor"):
        channel.drain()
    assert channel.broken


def test_a_server_is_gone_when_nothing_has_come_for_long_enough(channel, sock, clock):
    clock.sleep(10.0)
    asked_at = clock.now
    sock.peer.send(event())
    assert channel.receive(Deadline(9.0))
    for moment, silent_at in [(0.0, 45.0), (asked_at, 45.0), (asked_at + 5.0, 50.0)]:
        clock.now = asked_at + silent_at - 0.001
        assert not channel.is_silent_since(moment)
        clock.now = asked_at + silent_at
        assert channel.is_silent_since(moment)


# --- its end


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"", "none"), (b"\x03\xf4", "1012"), (b"\x03\xe8restart", "1000")],
)
def test_a_close_is_told_with_its_code_and_answered(channel, sock, payload, code):
    sock.peer.raw(frame(payload, CLOSE))
    with pytest.raises(TransportError, match=rf"localhost:5565 closed the connection \(code {code}\)"):
        channel.receive(Deadline(9.0))
    assert [opcode for opcode, _ in left_to_read(sock.peer)] == [CLOSE]
    assert (channel.broken, sock.closed) == (True, True)


def test_closing_says_so_once(channel, sock):
    channel.close()
    assert left_to_read(sock.peer) == [(CLOSE, struct.pack("!H", 1000))]
    assert (channel.broken, sock.closed) == (True, True)
    channel.close()
    assert left_to_read(sock.peer) == []


def test_abandoning_says_nothing(channel, sock):
    channel.abandon()
    channel.close()
    assert left_to_read(sock.peer) == []
    assert (channel.broken, sock.closed) == (True, True)


@pytest.mark.parametrize("where", ["in a forked child", "at the end of the interpreter"])
def test_closing_says_nothing(channel, sock, monkeypatch, where):
    with monkeypatch.context() as elsewhere:
        if where == "in a forked child":
            elsewhere.setattr(os, "getpid", lambda: channel.pid + 1)
        else:
            elsewhere.setattr(sys, "is_finalizing", lambda: True)
        channel.close()
    assert left_to_read(sock.peer) == []
    assert (channel.broken, sock.closed) == (True, True)


@pytest.mark.parametrize("takes", [False, OSError(errno.EPIPE, "Broken pipe")])
def test_closing_does_not_wait_long_for_a_server_that_takes_nothing(channel, sock, clock, takes):
    clock.sleep(100.0)
    sock.takes = takes
    channel.close()
    assert clock.now - 1100.0 == pytest.approx(0.0 if takes else 0.5, abs=0.002)
    assert (channel.broken, sock.closed) == (True, True)


@pytest.mark.parametrize("fault", [MemoryError(), KeyboardInterrupt(), ServerError("ours")])
def test_a_fault_that_is_not_of_the_connection_breaks_it_and_comes_through(channel, sock, fault):
    sock.comes = [fault]
    with pytest.raises(type(fault)) as caught:
        channel.receive(Deadline(9.0))
    assert caught.value is fault
    assert (channel.broken, sock.closed) == (True, True)
    assert left_to_read(sock.peer) == []


def test_a_foreign_fault_breaks_it_and_becomes_one_of_ours(channel, sock):
    sock.comes = [ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")]
    with pytest.raises(TransportError, match="reset by peer") as caught:
        channel.receive(Deadline(9.0))
    assert caught.value.__context__ is None
    assert (channel.broken, sock.closed) == (True, True)


def test_after_ctrl_c_at_any_moment_it_is_broken_unless_nothing_was_sent(clock):
    """Also in the handling of the fault, before the socket is closed: the answer would come to a later call."""

    def survives(number):
        sock = Socket(clock)
        channel = Channel(sock, ADDRESS, lambda _: LIMITS[STATUS.name], 45.0, Deadline(10.0))
        sock.acts = [DapPeer.upgrade]
        channel.upgrade("name/1.2", {})

        def ask():
            with contextlib.suppress(TransportTimeoutError):
                channel.exchange(STATUS, Deadline(1.0))

        there_was, _ = interrupted(ask, number, not_in={__file__})
        assert channel.broken or not sock.sent
        return there_was

    assert each_moment(survives) > 20


def test_without_an_owner_its_socket_is_closed_at_once(sock):
    """Though the parts that read long messages refer to each other."""
    channel = Channel(sock, ADDRESS, LIMITS.get, 45.0, Deadline(10.0))
    sock.acts = [DapPeer.upgrade]
    channel.upgrade("name/1.2", {})
    sock.peer.raw(frame(b"", PING))
    channel.receive(Deadline(9.0))
    gc.disable()
    try:
        del channel
        assert sock.closed
    finally:
        gc.enable()


@pytest.mark.parametrize("end", [Channel.close, Channel.abandon])
def test_in_dropping_one_that_was_closed_no_line_of_python_runs_in_which_a_signal_would_be_lost(end):
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def closed():
            channel = Channel(ours, ADDRESS, LIMITS.get, 45.0, Deadline(10.0))
            end(channel)
            return channel

        assert run_in_dropping(closed) == []


def test_at_the_end_of_the_interpreter_its_socket_is_not_closed_without_a_close_frame(sock):
    """The client closes its connections then, in order, and later than what weakref would run."""
    channel = Channel(sock, ADDRESS, LIMITS.get, 45.0, Deadline(10.0))
    assert not channel._unowned.atexit


# --- what signal handlers raise


ALARMS = pytest.mark.parametrize(
    "alarm", [TimeoutError("alarm"), OSError("alarm"), ValueError("alarm")], ids=repr
)


@ALARMS
@pytest.mark.parametrize("step", ["receive", "exchange", "drain"])
def test_what_a_handler_raises_while_it_is_read_is_no_fault_of_the_peer(channel, sock, alarm, step):
    sock.comes.append(that_raises(alarm))
    steps = {
        "receive": lambda: channel.receive(Deadline(9.0)),
        "exchange": lambda: channel.exchange(STATUS, Deadline(9.0)),
        "drain": channel.drain,
    }
    with pytest.raises(type(alarm)) as caught:
        steps[step]()
    assert caught.value is alarm
    assert (channel.broken, sock.closed) == (True, True)


@ALARMS
def test_nor_while_something_is_sent(channel, sock, alarm):
    sock.takes = that_raises(alarm)
    with pytest.raises(type(alarm)) as caught:
        channel.exchange(STATUS, Deadline(9.0))
    assert caught.value is alarm


@ALARMS
def test_nor_while_a_message_is_taken_that_was_received_before(channel, sock, alarm, monkeypatch):
    sock.comes.append(frame(json.dumps(event()).encode()) * 2)
    channel.receive(Deadline(9.0))
    monkeypatch.setattr(channel, "dialogue", SimpleNamespace(awaits_answer=False, receive=that_raises(alarm)))
    with pytest.raises(type(alarm)) as caught:
        channel.receive_buffered()
    assert caught.value is alarm


def test_nor_while_a_ping_is_answered(channel, sock):
    sock.comes.append(frame(b"", PING))
    sock.takes = that_raises(TimeoutError("alarm"))
    with pytest.raises(TimeoutError, match="alarm"):
        channel.receive(Deadline(9.0))


@pytest.mark.parametrize("alarm", [TimeoutError("alarm"), OSError("alarm")], ids=repr)
def test_nor_while_it_is_closed(channel, sock, alarm, monkeypatch):
    sock.takes = that_raises(alarm)
    with pytest.raises(type(alarm)) as caught:
        channel.close()
    assert caught.value is alarm
    assert channel.broken
    sock.takes = True
    monkeypatch.setattr(sock, "close", that_raises(alarm))
    with pytest.raises(type(alarm)):
        channel.abandon()
