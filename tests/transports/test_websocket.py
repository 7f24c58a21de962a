"""The WebSocket transport over real sockets: what it sends, and what it makes of everything it may meet."""

import json
import os
import socket
import threading
import time

import pytest

from rocketride_sync import (
    AuthenticationError,
    OverloadedError,
    ProtocolError,
    RocketRideError,
    ServerError,
    TaskNotFoundError,
    TransientError,
    TransportError,
    TransportTimeoutError,
)
from rocketride_sync.config import Address, Settings
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.transports.websocket import WebSocketTransport
from rocketride_sync.transports.websocket.upgrade import NoSlotError, NoWebSocketError, UpgradeCutError

from .dap_peer import BINARY, CLOSE, DONE, KEY, PING, PONG, RUNNING, TOKEN, Gone, always, dap, frame, serve
from .loopback import Server, answer

STATUS = operations.get_task_status(TOKEN)
PATIENCE = 20.0
SHORT = 0.5


@pytest.fixture
def connect():
    """Transports for servers; closed at the end."""
    made = []

    def make(server, auth=KEY, dead_after=45.0, **settings):
        made.append(
            WebSocketTransport(
                Settings(address=Address.parse(server.url), auth=auth, **settings), dead_after=dead_after
            )
        )
        return made[-1]

    yield make
    for transport in made:
        transport.close()


def ask(transport, seconds=PATIENCE, operation=STATUS):
    return transport.call(operation, Deadline(seconds))


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


# --- asking


def test_a_status_is_asked_for_after_authentication(connect):
    seen = []

    def action(peer):
        while True:
            request = peer.request()
            seen.append(request)
            peer.answer(request, RUNNING)

    with Server(dap(action)) as server:
        assert ask(connect(server)) == RUNNING
    assert seen == [
        {"type": "request", "seq": 2, "command": "rrext_get_task_status", "arguments": {"token": TOKEN}}
    ]
    assert server.requests[0].startswith("GET /task/service HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}" in server.requests[0]
    assert KEY not in server.requests[0]


def test_the_server_is_told_who_asks(connect):
    told = []

    def handler(peer):
        from .dap_peer import DapPeer

        it = DapPeer(peer)
        told.append(it.welcome())
        it.answer(it.request(), RUNNING)

    with Server(handler) as server:
        ask(connect(server))
    arguments = told[0]["arguments"]
    assert arguments["auth"] == KEY
    assert arguments["clientName"] == "rocketride-sync"
    assert arguments["clientVersion"]


def test_a_base_path_goes_before_the_documented_path():
    with Server(serve(always(RUNNING))) as server:
        transport = WebSocketTransport(Settings(address=Address.parse(server.url + "/base"), auth=KEY))
        ask(transport)
        transport.close()
    assert server.requests[0].startswith("GET /base/task/service ")


def test_one_connection_serves_many_calls(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        for _ in range(5):
            assert ask(transport) == RUNNING
        assert server.connections == 1


def test_threads_share_a_transport(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        results = []

        def work():
            results.extend(ask(transport) for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [RUNNING] * 80
        assert server.connections <= 8


def test_answers_may_come_out_of_order_late_twice_and_for_nobody(connect):
    def reply(peer, request):
        peer.send({"type": "response", "request_seq": 12345, "success": True, "body": DONE})
        peer.send({"type": "response", "request_seq": request["seq"] - 1, "success": True, "body": DONE})
        peer.send({"type": "event", "event": "apaevt_dashboard", "body": {}})
        peer.answer(request, RUNNING)
        peer.answer(request, DONE)

    with Server(serve(reply)) as server:
        transport = connect(server)
        assert [ask(transport) for _ in range(3)] == [RUNNING] * 3
        assert server.connections == 1


def test_a_body_may_be_absent(connect):
    with Server(serve(always(None))) as server:
        assert ask(connect(server)) is None


def test_binary_and_fragmented_frames_are_messages_too(connect):
    def reply(peer, request):
        text = json.dumps(
            {"type": "response", "request_seq": request["seq"], "success": True, "body": RUNNING}
        )
        if request["seq"] % 2:
            peer.raw(frame(text, BINARY))
        else:
            peer.raw(frame(text[:7], fin=False) + frame(b"", PING) + frame(text[7:], 0))

    with Server(serve(reply)) as server:
        transport = connect(server)
        assert [ask(transport), ask(transport)] == [RUNNING, RUNNING]


def test_large_answers_are_read_whole(connect):
    large = {**RUNNING, "errors": ["x" * 1000] * 300}
    with Server(serve(always(large))) as server:
        assert ask(connect(server)) == large


def test_pings_are_answered(connect):
    pongs = []

    def action(peer):
        request = peer.request()
        peer.raw(frame(b"are you there", PING))
        pongs.append(peer.receive())
        peer.answer(request, RUNNING)

    with Server(dap(action)) as server:
        assert ask(connect(server)) == RUNNING
    assert pongs == [(PONG, b"are you there")]


# --- refusals


@pytest.mark.parametrize(
    ("message", "fields", "error"),
    [
        ("Your pipeline is not running", {}, TaskNotFoundError),
        ("gone", {"code": "TASK_NOT_REGISTERED", "hint": "start it"}, TaskNotFoundError),
        ("Invalid command: nope", {}, ServerError),
        (None, {}, ServerError),
    ],
)
def test_a_refused_request_is_the_documented_error(connect, message, fields, error):
    def reply(peer, request):
        peer.answer(request, success=False, message=message, trace={"file": "x.py", "lineno": 1}, **fields)

    with Server(serve(reply)) as server:
        transport = connect(server)
        for _ in range(2):
            with pytest.raises(error) as caught:
                ask(transport)
            assert caught.value.code == fields.get("code")
            assert caught.value.hint == fields.get("hint")
            assert caught.value.operation == "get_task_status"
        assert server.connections == 1, "a refusal is no reason to connect again"


def refusing(message):
    def handler(peer):
        from .dap_peer import DapPeer

        it = DapPeer(peer)
        it.upgrade()
        it.refuse(it.request(), message)
        it.close()

    return handler


@pytest.mark.parametrize(
    ("auth", "message", "error"),
    [
        (KEY, "Invalid API key", AuthenticationError),
        (KEY, "Too many authentication attempts", AuthenticationError),
        (KEY, "Bad request", AuthenticationError),
        ("tk_5f3a0123456789abcdef", "Bad request", TaskNotFoundError),
    ],
)
def test_a_refused_credential(connect, auth, message, error):
    with Server(refusing(message)) as server, pytest.raises(error) as caught:
        ask(connect(server, auth=auth))
    assert auth not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("403 Forbidden", NoSlotError),
        ("404 Not Found", NoWebSocketError),
        ("405 Method Not Allowed", NoWebSocketError),
        ("426 Upgrade Required", NoWebSocketError),
        ("501 Not Implemented", NoWebSocketError),
        ("429 Too Many Requests", TransientError),
        ("503 Service Unavailable", TransientError),
        ("401 Unauthorized", ProtocolError),
        ("307 Temporary Redirect", ProtocolError),
        ("200 OK", ProtocolError),
    ],
)
def test_a_refused_upgrade(connect, status, error):
    page = answer(b"<html>" + b"x" * 500, status, Location="http://evil.example/")

    def handler(peer):
        peer.read_request()
        peer.send(page)

    with Server(handler) as server, pytest.raises(error) as caught:
        ask(connect(server))
    assert "evil" not in str(caught.value)
    assert issubclass(NoSlotError, OverloadedError)


@pytest.mark.parametrize("status", [500, 522])
def test_a_refusal_that_may_pass_keeps_the_servers_wish(connect, status):
    with Server(
        lambda peer: (peer.read_request(), peer.send(answer(b"", f"{status} Busy", Retry_After="7")))
    ) as server:
        with pytest.raises(TransientError) as caught:
            ask(connect(server))
    assert caught.value.http_status == status
    assert caught.value.retry_after == 7.0


def test_an_upgrade_cut_short_is_known_as_such(connect):
    with Server(lambda peer: peer.read_request()) as server, pytest.raises(UpgradeCutError):
        ask(connect(server))


def test_an_endless_page_instead_of_an_upgrade_is_not_read_to_its_end(connect):
    def handler(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 1_000_000)
        peer.stall()

    # Old websocket-clients read no body at all, newer ones read it whole: either way it ends here.
    with Server(handler) as server, pytest.raises(ProtocolError):
        ask(connect(server))


def test_headers_without_end_are_not_read_for_ever(connect):
    def handler(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 100_000)
        peer.stall()

    with Server(handler) as server, pytest.raises(ProtocolError, match="larger"):
        ask(connect(server))


# --- hostile and broken servers


@pytest.mark.parametrize(
    "bad",
    [
        frame("{not json"),
        frame("[1, 2]"),
        frame("7"),
        frame("null"),
        frame(b'{"type":"response","body":"\xff\xfe"}'),
        frame('{"type": "response", "body": NaN}'),
        frame("[" * 200_000),
        frame("x", opcode=3),
        b"\xf1\x00",
        frame(b"x", 0),
    ],
    ids=["cut", "array", "number", "null", "utf8", "nan", "deep", "opcode", "rsv", "continuation"],
)
def test_what_is_no_message_is_a_protocol_error(connect, bad):
    def action(peer):
        peer.request()
        peer.raw(bad)
        peer.request()

    with Server(dap(action)) as server:
        with pytest.raises(ProtocolError):
            ask(connect(server))
        assert wait_until(lambda: server.open == 0), "a connection was left open"


def test_a_message_that_announces_too_much_is_refused_before_it_is_read(connect):
    def action(peer):
        peer.request()
        peer.raw(frame(b"x" * 100, announced=300 * 1024 * 1024))
        peer.request()

    with Server(dap(action)) as server:
        with pytest.raises(ProtocolError, match="larger than"):
            ask(connect(server))
        assert wait_until(lambda: server.open == 0), "a connection was left open"


def test_fragments_together_may_not_be_larger_either(connect):
    def action(peer):
        peer.request()
        peer.raw(frame(b"x" * 600, fin=False))
        peer.raw(frame(b"x" * 600, 0))
        peer.request()

    with Server(dap(action)) as server, pytest.raises(ProtocolError, match="larger than 1000 bytes"):
        ask(connect(server, max_response_bytes=1000))


@pytest.mark.parametrize("code", [1000, 1011, 1012])
def test_a_close_instead_of_an_answer_is_a_transport_error(connect, code):
    def action(peer):
        peer.request()
        peer.close(code)

    with Server(dap(action)) as server, pytest.raises(TransportError, match=str(code)):
        ask(connect(server))


def test_a_close_is_told_even_if_it_cannot_be_answered(connect):
    gone = threading.Event()

    def action(peer):
        peer.close(1012)
        peer.peer.reset()
        gone.set()

    with Server(dap(action)) as server:
        connection = connect(server).pool.make(Deadline(PATIENCE))
        assert gone.wait(PATIENCE)
        with pytest.raises(TransportError, match=r"closed the connection \(code 1012\)") as caught:
            connection.listen(Deadline(PATIENCE))
        assert type(caught.value) is TransportError
        assert connection.broken


def test_a_close_is_answered(connect):
    heard = []

    def action(peer):
        peer.close(1012)
        heard.append(peer.receive()[0])

    with Server(dap(action)) as server:
        connection = connect(server).pool.make(Deadline(PATIENCE))
        with pytest.raises(TransportError, match="1012"):
            connection.listen(Deadline(PATIENCE))
        wait_until(lambda: heard)
    assert heard == [CLOSE]


def stalled(stage):
    def handler(peer):
        from .dap_peer import DapPeer

        it = DapPeer(peer)
        it.upgrade()
        if stage == "auth":
            return peer.stall()
        it.answer(it.request())
        it.request()
        return peer.drip(frame(b"", PING) * 1000)

    return handler


@pytest.mark.parametrize("stage", ["auth", "pings"])
def test_nothing_stretches_the_deadline(connect, stage):
    with Server(stalled(stage)) as server:
        transport = connect(server)
        began = time.monotonic()
        with pytest.raises(TransportTimeoutError):
            ask(transport, SHORT)
        assert time.monotonic() - began < SHORT + 3


def test_a_silent_server_is_dead_after_a_while_even_without_a_deadline(connect):
    def action(peer):
        peer.request()
        peer.peer.stall()

    with Server(dap(action)) as server, pytest.raises(TransportError):
        ask(connect(server, dead_after=1.0), None)


def test_a_server_that_takes_nothing_is_dead_after_a_while_even_without_a_deadline(connect):
    with Server(dap(lambda peer: peer.peer.stall())) as server:
        connection = connect(server, dead_after=1.0).pool.make(Deadline(PATIENCE))
        began = time.monotonic()
        with pytest.raises(TransportError, match="took no more data") as caught:
            connection.ask(STATUS, Deadline(None), b"x" * (64 << 20))
        assert 0.9 < time.monotonic() - began < PATIENCE
        assert not isinstance(caught.value, TransportTimeoutError)
        assert caught.value.request_sent


# --- idle connections


def test_a_connection_closed_while_idle_is_replaced_unnoticed(connect):
    def action(peer):
        peer.answer(peer.request(), RUNNING)
        peer.close()

    with Server(dap(action)) as server:
        transport = connect(server)
        assert [ask(transport) for _ in range(3)] == [RUNNING] * 3
        assert server.connections == 3


def test_a_request_that_must_not_be_repeated_is_not(connect):
    def action(peer):
        peer.answer(peer.request(), RUNNING)
        peer.peer.sock.shutdown(socket.SHUT_RDWR)

    once = STATUS._replace(repeatable=False)
    with Server(dap(action)) as server:
        transport = connect(server)
        assert ask(transport, operation=once) == RUNNING
        with pytest.raises(TransportError):
            ask(transport, operation=once)
        assert server.connections == 1


def test_closing_says_goodbye_and_is_not_final(connect):
    goodbyes = []

    def action(peer):
        try:
            while True:
                peer.answer(peer.request(), RUNNING)
        except Gone:
            goodbyes.append(True)

    with Server(dap(action)) as server:
        transport = connect(server)
        ask(transport)
        transport.close()
        transport.close()
        assert ask(transport) == RUNNING
        transport.close()
    assert len(goodbyes) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_leaves_its_parents_connection_alone(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        ask(transport)
        child = os.fork()
        if child == 0:
            try:
                fine = ask(transport) == RUNNING
                transport.close()
                os._exit(0 if fine else 1)
            except BaseException:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        assert os.WEXITSTATUS(status) == 0
        assert ask(transport) == RUNNING
        assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_in_mid_wait_leaves_the_connection_to_its_parent(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        watch = transport.watch(STATUS)
        watch.call(STATUS, Deadline(PATIENCE))
        child = os.fork()
        if child == 0:
            try:
                watch.close()
                fine = ask(transport) == RUNNING
                transport.close()
                os._exit(0 if fine else 1)
            except BaseException:
                os._exit(2)
        assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0
        assert watch.call(STATUS, Deadline(PATIENCE)) == RUNNING
        watch.close()
        assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_closes_a_connection_does_not_say_goodbye_for_its_parent(connect):
    with Server(serve(always(RUNNING))) as server:
        connection = connect(server).pool.make(Deadline(PATIENCE))
        child = os.fork()
        if child == 0:
            connection.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert connection.ask(STATUS, Deadline(PATIENCE)) == RUNNING
        connection.close()


def test_of_many_idle_connections_a_few_are_kept(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        watches = [transport.watch(STATUS) for _ in range(20)]
        for watch in watches:
            watch.call(STATUS, Deadline(PATIENCE))
        for watch in watches:
            watch.close()
        assert server.connections == 20
        assert wait_until(lambda: server.open <= 8)


def test_a_flooded_idle_connection_does_not_stretch_a_call(connect, monkeypatch):
    monkeypatch.setattr("rocketride_sync.transports.websocket.pool._SHORT_IDLE", -1.0)
    event = frame(json.dumps({"type": "event", "event": "e", "body": {}})) * 100

    def action(peer):
        peer.answer(peer.request(), RUNNING)
        while not peer.peer._server.stopped.is_set():
            peer.raw(event)

    with Server(dap(action)) as server:
        transport = connect(server)
        ask(transport)
        began = time.monotonic()
        with pytest.raises(TransportTimeoutError):
            ask(transport, SHORT)
        assert time.monotonic() - began < SHORT + 3


def test_websocket_clients_trace_shows_no_secret(connect, caplog):
    import logging

    import websocket

    logger = logging.getLogger("websocket")
    before = logger.level, logger.handlers[:]
    websocket.enableTrace(True)
    caplog.set_level(logging.DEBUG)
    try:
        with Server(serve(always({**RUNNING, "notes": [TOKEN]}))) as server:
            ask(connect(server))
    finally:
        websocket.enableTrace(False)
        logger.level, logger.handlers = before
    assert "websocket" in {record.name for record in caplog.records}, "the trace was on"
    assert KEY not in caplog.text
    assert TOKEN not in caplog.text


def test_no_error_shows_a_secret(connect):
    def reply(peer, request):
        peer.refuse(request, f"no {TOKEN} for {KEY}")

    with Server(serve(reply)) as server, pytest.raises(RocketRideError) as caught:
        ask(connect(server))
    assert TOKEN not in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
