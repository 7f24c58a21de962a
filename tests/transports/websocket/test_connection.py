"""One WebSocket connection: answers in any order and shape, broken and hostile servers, deadlines."""

import json
import threading
import time

import pytest
from cases import each

from rocketride_sync import (
    AuthenticationError,
    ProtocolError,
    RocketRideClient,
    RocketRideError,
    ServerError,
    TaskNotFoundError,
    TransportError,
    TransportTimeoutError,
)
from rocketride_sync.deadline import Deadline

from ..dap_peer import (
    BINARY,
    CLOSE,
    DONE,
    KEY,
    PING,
    PONG,
    RUNNING,
    TOKEN,
    DapPeer,
    Gone,
    always,
    dap,
    frame,
    serve,
)
from ..loopback import Server
from .calls import PATIENCE, SHORT, STATUS, ask, wait_until


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


def _answered_before_asked(peer):
    """Accept the credential, and answer in the same segment what was not asked yet: requests 1 to 19."""
    it = DapPeer(peer)
    try:
        it.upgrade()
        auth = it.request()
        early = [{"type": "response", "request_seq": seq, "success": True, "body": DONE} for seq in range(20)]
        accepted = {"type": "response", "request_seq": auth["seq"], "success": True, "body": {}}
        it.raw(b"".join(frame(json.dumps(message)) for message in (accepted, *early)))
        while True:
            request = it.request()
            it.answer(request, RUNNING if request["command"] == "rrext_get_task_status" else None)
    except Gone:
        pass


def test_an_answer_read_before_its_request_is_sent_is_none(connect):
    with Server(_answered_before_asked) as server:
        transport = connect(server)
        assert [ask(transport) for _ in range(3)] == [RUNNING] * 3
        assert server.connections == 1


def test_nor_is_it_one_to_the_credential(connect):
    def handler(peer):
        it = DapPeer(peer)
        send, sent = it.raw, []
        it.raw = sent.append
        it.upgrade()
        accepted = {"type": "response", "request_seq": 1, "success": True, "body": {}}
        send(b"".join([*sent, frame(json.dumps(accepted))]))
        it.raw = send
        it.refuse(it.request(), "Invalid API key")

    with Server(handler) as server, pytest.raises(AuthenticationError):
        ask(connect(server))


@pytest.mark.parametrize("count", [1, 30])
def test_nor_is_it_one_to_a_poll_of_many(count):
    with Server(_answered_before_asked) as server:
        with RocketRideClient(server.url, KEY, transport="websocket") as client:
            results = client.wait_all([f"{TOKEN}{number}" for number in range(count)], timeout=0)
    assert [result.status.state for result in results] == [RUNNING["state"]] * count


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


@each(
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

    with Server(dap(action)) as server, pytest.raises(ProtocolError, match="larger than max_response_bytes"):
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
        connection = connect(server).pool.connect(Deadline(PATIENCE))
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
        connection = connect(server).pool.connect(Deadline(PATIENCE))
        with pytest.raises(TransportError, match="1012"):
            connection.listen(Deadline(PATIENCE))
        wait_until(lambda: heard)
    assert heard == [CLOSE]


def stalled(stage):
    def handler(peer):
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

    with Server(dap(action)) as server, pytest.raises(
        TransportError, match="is silent: nothing came"
    ) as caught:
        ask(connect(server, dead_after=1.0), None)
    assert not isinstance(caught.value, TransportTimeoutError)


def test_a_server_that_takes_nothing_is_dead_after_a_while_even_without_a_deadline(connect):
    with Server(dap(lambda peer: peer.peer.stall())) as server:
        connection = connect(server, dead_after=1.0).pool.connect(Deadline(PATIENCE))
        began = time.monotonic()
        with pytest.raises(TransportError, match="took no more data") as caught:
            connection.ask(STATUS, Deadline(None), b"x" * (64 << 20))
        assert 0.9 < time.monotonic() - began < PATIENCE
        assert not isinstance(caught.value, TransportTimeoutError)
        assert caught.value.request_sent


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
        assert logger.isEnabledFor(logging.DEBUG), "the trace was on"
    finally:
        websocket.enableTrace(False)
        logger.level, logger.handlers = before
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
