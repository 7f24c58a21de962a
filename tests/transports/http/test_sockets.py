"""Connections that keep the deadline of an exchange, step by step, over a socket of the test's making; time is the test's.

And an answer that is interrupted while it is made: Ctrl-C may come between any two steps.
"""

import errno
import http.client
import io
import logging
import math
import socket
import threading

import pytest
from handlers import that_raises
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import SKIP_HEADER

from rocketride_sync.deadline import SLICE, Deadline
from rocketride_sync.errors import ProtocolError, TransportError
from rocketride_sync.options import SizeLimit
from rocketride_sync.protocol.operations import Operation
from rocketride_sync.transports.http import sockets
from rocketride_sync.transports.http.exchange import Exchange, current
from rocketride_sync.transports.http.sockets import Connection, TlsConnection

from ..loopback import answer
from .fake_sockets import Dialer, TlsSocket, body_of

MIB = 1 << 20


def asked(connection):
    connection.request("GET", "/")
    return body_of(connection.getresponse())


@pytest.fixture
def connection(clock, sock):
    connection = Connection("localhost", 5565, timeout=SLICE)
    connection.dialer = Dialer(clock, sock)
    return connection


@pytest.fixture
def exchange(clock):
    """One of ten seconds, which is the current one."""
    with Exchange(Deadline(10.0), None) as exchange:
        yield exchange


# --- exchanges


def test_an_exchange_is_that_of_its_thread_until_its_end(clock):
    outside = current()
    with Exchange(Deadline(1.0), None) as first:
        assert current() is first
        with Exchange(Deadline(2.0), 0.5) as second:
            assert current() is second
            seen = []
            thread = threading.Thread(target=lambda: seen.append(current()))
            thread.start()
            thread.join()
            assert seen == [outside]
        assert current() is first
    assert current() is outside
    assert outside.deadline.remaining() == math.inf
    assert outside.connect_timeout is None


def test_an_exchange_begins_with_nothing_done(exchange):
    done = ("connecting", "reused", "answered", "sending", "has_body", "ended_exactly")
    assert [getattr(exchange, name) for name in done] == [False] * 6
    none = ("answer", "head", "connect_fault", "limit", "operation")
    assert [getattr(exchange, name) for name in none] == [None] * 5


def test_what_is_received_is_limited_to_what_a_body_in_small_chunks_needs():
    limit = SizeLimit("max_response_bytes", 1000)
    exchange = Exchange(Deadline(None), None, limit)
    exchange.count_received(MIB)
    assert exchange.answered
    exchange.count_received(2000)
    with pytest.raises(ProtocolError, match="max_response_bytes"):
        exchange.count_received(1)


def test_without_a_limit_any_number_of_bytes_is_right(exchange):
    exchange.count_received(1 << 60)
    assert exchange.answered


# --- connecting


def test_connecting_gets_its_part_of_the_time(clock, sock, caplog):
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    connection = Connection("localhost", 5565)
    connection.dialer = dialer = Dialer(clock, sock, took=0.25)
    with Exchange(Deadline(10.0), 3.0) as exchange:
        connection.connect()
        assert (dialer.left, dialer.was_connecting) == ([3.0], True)
        assert exchange.deadline.remaining() == 9.75
        assert not exchange.connecting
    assert connection.sock is sock
    assert connection.socket_class is socket.socket
    assert "connected to localhost:5565 over HTTP in 250.0 ms" in caplog.text


def test_a_fault_in_connecting_is_kept_without_its_traceback(clock):
    fault = TransportError("nobody there")
    connection = Connection("localhost", 5565)
    connection.dialer = Dialer(clock, fault)
    with Exchange(Deadline(10.0), 3.0) as exchange:
        with pytest.raises(TransportError) as caught:
            connection.connect()
        assert caught.value is fault
        assert exchange.connecting
        assert exchange.deadline.remaining() == 10.0
    assert connection.socket_class is None
    kept = exchange.connect_fault
    assert (type(kept), str(kept), kept.__traceback__) == (TransportError, "nobody there", None)


@pytest.mark.parametrize(
    ("fault", "wrapped"),
    [
        (socket.timeout("timed out"), ConnectTimeoutError),
        (OSError(errno.ECONNREFUSED, "Connection refused"), NewConnectionError),
    ],
)
def test_a_proxy_that_gets_whole_urls_is_connected_to_without_a_dialer(monkeypatch, exchange, fault, wrapped):
    """The two faults are of kinds that urllib3 does not ignore while it sends."""
    given = []

    def connect(host, port, deadline, options):
        given.append((host, port, options))
        assert deadline.remaining() == 10.0
        raise fault

    monkeypatch.setattr(sockets, "connect", connect)
    with pytest.raises(wrapped) as caught:
        Connection("proxy", 3128, socket_options=None).connect()
    assert caught.value.__cause__ is fault
    assert given == [("proxy", 3128, ())]


def test_a_connection_to_a_proxy_is_made_with_the_options_of_urllib3(monkeypatch, exchange, sock):
    given = []
    monkeypatch.setattr(sockets, "connect", lambda *args: given.append(args[-1]) or sock)
    connection = Connection("proxy", 3128, socket_options=[(1, 2, 3)])
    connection.connect()
    assert (given, connection.sock) == ([[(1, 2, 3)]], sock)


def test_an_application_cannot_have_answers_printed(monkeypatch):
    for kind in (http.client.HTTPConnection, http.client.HTTPSConnection):
        monkeypatch.setattr(kind, "debuglevel", 1)
    assert (Connection("a").debuglevel, TlsConnection("a").debuglevel) == (0, 0)


def test_a_connection_that_was_never_parked_is_not_one_that_was_idle_for_long():
    assert sockets._DeadlineConnection.parked_at == math.inf


# --- sending


def test_a_request_is_sent_over_a_connection_that_is_made_for_it(connection, sock, exchange):
    connection.request("GET", "/task")
    assert b"".join(sock.sent).startswith(b"GET /task HTTP/1.1\r\n")
    assert not exchange.sending


def test_an_operation_that_asks_is_told_before_the_first_byte_and_after_connecting(
    connection, sock, exchange
):
    """What interrupts before that has sent nothing."""
    exchange.operation = operation = Operation("use", "execute", {})
    told = []
    sock.send, dial = lambda data: told.append(operation.sent) or len(data), connection.dialer.dial
    connection.dialer.dial = lambda deadline: (told.append(operation.sent), dial(deadline))[1]
    connection.send(b"text")
    assert told == [None, True]


def test_a_connection_that_is_not_to_be_made_again_is_not(connection, exchange):
    connection.auto_open = 0
    with pytest.raises(AttributeError):
        connection.send(b"x")
    assert connection.dialer.left == []


def test_what_is_taken_in_parts_is_sent_to_its_end(connection, sock, exchange, clock):
    sock.takes = [3, 0, 0, 2]
    connection.send(b"a long text")
    assert sock.sent == [b"a l", b"on", b"g text"]
    assert clock.now == 1000.0 + 2 * SLICE
    assert not exchange.sending
    connection.send(b"more")
    assert len(connection.dialer.left) == 1


def test_sending_lasts_until_the_deadline_and_is_then_not_finished(connection, sock, exchange, clock):
    connection.connect()
    exchange.deadline = Deadline(2.6)
    sock.takes = [2, *[0] * 99]
    with pytest.raises(socket.timeout):
        connection.send(b"text")
    assert clock.now == pytest.approx(1002.6, abs=0.001)
    assert exchange.sending
    assert not exchange.ended_exactly


def test_an_answer_to_what_was_not_sent_to_its_end_is_read_and_inexact(connection, sock, exchange):
    connection.request("POST", "/")
    exchange.deadline = Deadline(0.0)
    with pytest.raises(socket.timeout):
        connection.send(b"more")
    exchange.deadline = Deadline(1.0)
    sock.comes = [answer(b"{}")]
    assert body_of(connection.getresponse()) == b"{}"
    assert exchange.answer.ended_exactly
    assert not exchange.ended_exactly


@pytest.mark.parametrize("size", [0, 1, sockets._JOINED, sockets._JOINED + 1])
def test_a_head_is_sent_together_with_a_body_unless_that_is_long(connection, sock, exchange, size):
    exchange.has_body = True
    connection.send(b"head")
    assert (sock.sent, exchange.sending) == ([], True)
    connection.send(b"x" * size)
    body = b"x" * size
    assert sock.sent == ([b"head", body] if size > 128 * 1024 else [b"head" + body])
    assert not exchange.sending
    connection.send(body)
    assert sock.sent[-1] == (body or sock.sent[0])


def test_a_head_without_a_body_is_sent_before_the_answer_is_awaited(connection, sock, exchange):
    exchange.has_body = True
    connection.request("GET", "/")
    assert sock.sent == []
    sock.comes = [answer(b"{}")]
    assert body_of(connection.getresponse()) == b"{}"
    assert len(sock.sent) == 1
    assert exchange.ended_exactly


# --- the timeout of each step


def test_the_timeout_of_a_socket_is_set_only_if_it_differs(sock, exchange):
    """To what is left: it may be a little less, because the step is then repeated, but no more."""
    sockets._set_remaining_timeout(sock)
    assert sock.timeouts == [10.0]
    for left, is_set in [(9.9999, False), (9.9994, True), (10.015, False), (10.03, True), (9.0, True)]:
        sock.timeouts[:] = [10.0]
        exchange.deadline = Deadline(left)
        sockets._set_remaining_timeout(sock)
        assert sock.timeouts[1:] == ([pytest.approx(left)] if is_set else []), left
    sock.timeouts[:] = [0.01]
    exchange.deadline = Deadline(0.02)
    sockets._set_remaining_timeout(sock)
    assert sock.timeouts == [0.01]


@pytest.mark.parametrize("timeout", [None, 1.0])
def test_without_a_deadline_a_socket_has_no_timeout(sock, exchange, timeout):
    exchange.deadline = Deadline(None)
    sock.timeouts = [timeout]
    sockets._set_remaining_timeout(sock)
    assert sock.timeouts == ([None] if timeout is None else [1.0, None])
    sockets._set_remaining_timeout(sock, SLICE)
    assert sock.timeouts[-1] == SLICE


def test_no_step_begins_once_the_deadline_has_passed(sock, exchange):
    for sock.timeouts in ([0.0], [1.0], [None]):
        exchange.deadline = Deadline(0.0)
        with pytest.raises(socket.timeout):
            sockets._set_remaining_timeout(sock)


# --- reading


def test_an_answer_is_read_in_slices_until_it_comes(connection, sock, exchange, clock):
    whole = answer({"state": 1})
    sock.comes = [None, whole[:7], None, None, whole[7:]]
    assert asked(connection) == whole.partition(b"\r\n\r\n")[2]
    assert clock.now == 1000.0 + 3 * SLICE
    assert exchange.answered
    assert exchange.ended_exactly
    assert not connection.sock.closed


def test_an_answer_that_does_not_come_is_waited_for_until_the_deadline(connection, sock, exchange, clock):
    exchange.deadline = Deadline(3.4)
    with pytest.raises(socket.timeout):
        asked(connection)
    assert clock.now == pytest.approx(1003.4, abs=0.001)
    assert not exchange.answered
    assert not exchange.ended_exactly


def test_bytes_of_an_answer_count(connection, sock, clock):
    with Exchange(Deadline(10.0), None, SizeLimit("max_response_bytes", 10)):
        sock.comes = [answer(b"x" * 2 * MIB)]
        with pytest.raises(ProtocolError):
            asked(connection)


@pytest.mark.parametrize("cut", [0, 3, 5, 12, 30])
def test_an_answer_that_ends_in_its_head_is_none(connection, sock, exchange, cut):
    sock.comes = (
        [answer(b"{}")[:cut][:4], answer(b"{}")[:cut][4:], b""] if cut > 4 else [answer(b"{}")[:cut], b""]
    )
    with pytest.raises(http.client.RemoteDisconnected):
        asked(connection)


def test_an_answer_may_end_with_the_connection(connection, sock, exchange):
    sock.comes = [answer(length=False), b"the body", b""]
    assert asked(connection) == b"the body"
    assert not exchange.ended_exactly


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.6\r\n", b"H\r\n", b"HTTQ/"])
def test_what_ends_and_was_no_answer_from_the_begin_is_not_one_that_was_cut(connection, sock, exchange, text):
    sock.comes = [text[:1], text[1:], b""]
    with pytest.raises(http.client.BadStatusLine) as caught:
        asked(connection)
    assert not isinstance(caught.value, http.client.RemoteDisconnected)


@pytest.mark.parametrize("surplus", [0, 7])
def test_what_tls_has_received_beyond_an_answer_makes_it_inexact(clock, connection, exchange, surplus):
    connection.sock = sock = TlsSocket(clock)
    sock.comes = [answer(b"{}")]
    sock.surplus = surplus
    assert asked(connection) == b"{}"
    assert exchange.ended_exactly is not bool(surplus)


def test_nothing_is_read_to_see_whether_something_follows(connection, sock, exchange):
    sock.comes = [answer(b"{}"), b"HTTP/1.1 200"]
    assert asked(connection) == b"{}"
    assert len(sock.comes) == 1
    assert exchange.ended_exactly


def test_after_its_end_a_reader_reads_nothing(sock, exchange):
    sock.comes = [b"more"]
    reader = sockets._DeadlineReader(sock, io.BytesIO())
    assert reader.end() is False
    assert io.BufferedReader(reader).read(1) == b""
    assert sock.comes == [b"more"]


def test_a_reader_is_readable_and_closes_its_file(sock):
    file = io.BytesIO()
    reader = sockets._DeadlineReader(sock, file)
    assert reader.readable()
    reader.close()
    assert (file.closed, reader.closed) == (True, True)


# --- an answer that was not made to the end


def interrupt(*args):
    raise KeyboardInterrupt


def test_a_reader_that_was_not_made_closes():
    reader = sockets._DeadlineReader.__new__(sockets._DeadlineReader)
    reader.close()
    assert reader.closed


def test_an_answer_that_was_not_made_to_the_end_closes(monkeypatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        response = sockets._Response.__new__(sockets._Response)
        with monkeypatch.context() as interrupted:
            interrupted.setattr(sockets, "_DeadlineReader", interrupt)
            with pytest.raises(KeyboardInterrupt):
                response.__init__(ours)
        response.close()
        assert response.isclosed()


def head_of(connection, *headers):
    """The head of a request that is not sent."""
    connection.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
    try:
        for header in headers:
            connection.putheader(*header)
        return connection._buffer[1:]
    finally:
        connection._buffer.clear()
        connection.close()


def test_a_header_is_written_as_http_client_writes_it_the_first_time_and_later():
    connection = sockets.Connection("localhost")
    for key in ("Bearer a", "Bearer a", "Bearer b", "Bearer a"):
        head = head_of(connection, ("Authorization", key), ("Content-Length", "3"), ("X", "ä", "b"))
        assert head == [b"Authorization: " + key.encode(), b"Content-Length: 3", b"X: \xe4\r\n\tb"]


def test_a_header_that_is_none_is_refused_each_time():
    connection = sockets.Connection("localhost")
    for _ in range(3):
        with pytest.raises(ValueError, match="Invalid header value"):
            head_of(connection, ("X", "a\r\nY: b"))


def test_a_header_that_is_left_out_is_left_out_each_time():
    connection = sockets.Connection("localhost")
    for _ in range(3):
        head = head_of(connection, ("X", "1"), ("Accept-Encoding", SKIP_HEADER), ("Y", "2"))
        assert head == [b"X: 1", b"Y: 2"]


def test_few_headers_are_remembered():
    connection = sockets.Connection("localhost")
    for name in map(str, range(1000)):
        assert head_of(connection, ("X", name)) == [f"X: {name}".encode()]
    assert len(connection._checked) == sockets._MAX_CHECKED


# --- what signal handlers raise


def test_what_a_handler_raises_is_no_slice_that_has_passed(connection, sock, exchange):
    """Python's own timeouts are TimeoutErrors too."""
    sock.takes = [that_raises(TimeoutError("alarm"))]
    with pytest.raises(TimeoutError, match="alarm"):
        asked(connection)
    connection.close()
    sock.comes = [that_raises(TimeoutError("alarm"))]
    with pytest.raises(TimeoutError, match="alarm"):
        asked(connection)
