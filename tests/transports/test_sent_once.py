"""What must not be repeated is sent once, and over a connection that was looked at before."""

import json
import select

import pytest
from cases import each

from rocketride_sync import OverloadedError, RocketRideClient, ServerError, TransientError
from rocketride_sync.protocol.dap import interpret
from rocketride_sync.protocol.object_operations import send, through_pipe
from rocketride_sync.protocol.operations import get_task_status
from rocketride_sync.protocol.start_operations import execute, restart

from .dap_peer import KEY, RUNNING, TOKEN, dap
from .either_transport import is_upgrade
from .loopback import Server, answer
from .object_peers import ENVELOPE, QUICK, RESULT, HttpPeer, PipePeer, http, next_request, websocket

OVERLOAD = "server rejected WebSocket connection: HTTP 403"


def over_http(file, text=OVERLOAD):
    """The answer over HTTP to a request that failed in that file of the server."""
    error = {"message": text} if file is None else {"message": text, "file": file, "lineno": 301}
    return answer(json.dumps({"status": "Error", "error": error}).encode(), "400 Bad Request")


PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "webhook"}]}
OPEN = send("send", TOKEN, {}, "text/plain")


def in_pieces(client):
    with client.pipe(TOKEN) as pipe:
        pipe.write(b"data")


def one_file(client):
    (end,) = client.send_files([__file__], TOKEN)
    if end["action"] == "error":
        raise ServerError(end["error"])


STARTS = {
    "execute": lambda client: client.use(pipeline=PIPELINE),
    "restart": lambda client: client.restart(project_id="p", source="s", pipeline=PIPELINE, token=TOKEN),
}
WAYS = {"send": lambda client: client.send(TOKEN, b"data"), "pipe": in_pieces, "send_files": one_file}


class TestOverloadTexts:
    @pytest.mark.parametrize("step", ["open", "write", "close"])
    @each("way", WAYS)
    def test_about_what_has_begun_do_not_repeat_it(self, way, step):
        """They come from what the pipeline did with the object, not from the server's door."""
        peer = PipePeer({step: lambda peer, request: peer.refuse(request, OVERLOAD)})
        with Server(dap(peer)) as server, websocket(server, retry=QUICK) as client:
            with pytest.raises(ServerError, match="HTTP 403"):
                WAYS[way](client)
        assert peer.steps.count("open") == 1
        assert peer.steps.count(step) == 1

    @pytest.mark.parametrize("command", STARTS)
    def test_of_a_start_that_failed_do_not_start_it_again(self, command):
        started = []

        def action(peer):
            while True:
                request = peer.request()
                started.append(request["command"])
                peer.refuse(request, OVERLOAD)

        with Server(dap(action)) as server, websocket(server, retry=QUICK) as client:
            with pytest.raises(ServerError):
                STARTS[command](client)
        assert started == [command]

    def test_over_websocket_are_an_overload_only_for_what_may_be_repeated(self):
        reply = {"success": False, "message": OVERLOAD}
        with pytest.raises(OverloadedError):
            interpret(get_task_status(TOKEN), reply, KEY)
        for operation in (
            OPEN,
            through_pipe(OPEN, "write", 1),
            through_pipe(OPEN, "close", 1),
            execute(PIPELINE),
            restart(TOKEN, "p", "s", PIPELINE),
        ):
            with pytest.raises(ServerError):
                interpret(operation, reply, KEY)

    @pytest.mark.parametrize("way", WAYS)
    def test_over_http_come_before_anything_is_begun_if_the_server_could_not_connect_to_itself(self, way):
        peer = HttpPeer(over_http("transport_websocket.py"), answer(ENVELOPE))
        with Server(peer) as server, http(server, retry=QUICK) as client:
            WAYS[way](client)
        assert len(peer.bodies) == 2

    @pytest.mark.parametrize("file", ["client.py", None])
    @each("way", {**WAYS, "execute": STARTS["execute"]})
    def test_over_http_are_else_of_what_has_begun_and_do_not_repeat_it(self, way, file):
        """The server passes on what went wrong behind its own connection, in the pipeline too."""
        peer = HttpPeer(over_http(file))
        with Server(peer) as server, http(server, retry=QUICK, timeout=5) as client:
            with pytest.raises(ServerError, match="HTTP 403"):
                {**WAYS, **STARTS}[way](client)
        assert len(peer.bodies) == 1

    def test_over_http_do_no_harm_to_what_may_be_repeated(self):
        answers = iter([over_http(None), over_http("client.py"), answer(RUNNING)])

        def give(peer):
            while peer.read_request() is not None:
                peer.send(next(answers))

        with Server(give) as server, http(server, retry=QUICK) as client:
            assert client.get_task_status(TOKEN).state.name == "RUNNING"


@pytest.mark.parametrize("text", ["Send timeout after 30 seconds", "[Errno 111] Connect call failed"])
@each("way", {**WAYS, "execute": STARTS["execute"]})
def test_what_a_server_lost_with_its_connection_to_itself_is_not_repeated(way, text):
    """Whether it had been passed on before is not known. So the error says."""
    peer = HttpPeer(over_http("transport_websocket.py", text))
    with Server(peer) as server, http(server, retry=QUICK) as client:
        with pytest.raises(
            (TransientError, ServerError), match="whether the server carried it out is unknown"
        ):
            {**WAYS, **STARTS}[way](client)
    assert len(peer.bodies) == 1


CALLS = {
    **WAYS,
    **STARTS,
    "call": lambda client: client.call("rrext_anything"),
    "terminate": lambda client: client.terminate(TOKEN),
    "get_task_status": lambda client: client.get_task_status(TOKEN),
}


def closing_after_the_first_answer(farewell):
    """A handler whose first connection says `farewell(peer)` right after its first answer."""

    def reply(peer, request):
        step = request["arguments"].get("subcommand", request["command"])
        bodies = {"open": {"pipe_id": 1}, "close": RESULT, "rrext_get_task_status": RUNNING}
        peer.answer(request, bodies.get(step, {"token": TOKEN}))

    def action(peer):
        first = peer.peer._server.connections == 1
        while True:
            reply(peer, next_request(peer)[1])
            if first:
                farewell(peer)
                return

    return dap(action)


@pytest.mark.parametrize(
    "farewell",
    [lambda peer: None, lambda peer: peer.close(1012), lambda peer: peer.peer.reset()],
    ids=["end", "close frame", "reset"],
)
@each("call", CALLS)
def test_a_kept_connection_that_the_server_has_just_closed_is_replaced_before_anything_is_sent(
    call, farewell
):
    with Server(closing_after_the_first_answer(farewell)) as server:
        with RocketRideClient(server.url, KEY, transport="websocket", timeout=20) as client:
            client.get_task_status(TOKEN)
            (kept,) = client._transport.pool._idle
            assert select.select([kept.channel._socket._sock], [], [], 20)[0]
            CALLS[call](client)
        assert server.connections == 2


def test_a_close_frame_that_was_read_along_with_the_last_answer_is_noticed_too():
    """Nothing is left to read on the socket then."""
    sent = []

    def both(peer):
        request = peer.request()
        raw, peer.raw = peer.raw, sent.append
        peer.answer(request, RUNNING)
        peer.close(1012)
        peer.raw = raw
        peer.raw(b"".join(sent))
        sent.clear()
        peer.peer.stall()

    def second(peer):
        while True:
            request = peer.request()
            peer.answer(request, {"token": TOKEN})

    def action_of(peer):
        (both if peer.peer._server.connections == 1 else second)(peer)

    with Server(dap(action_of)) as server:
        with RocketRideClient(server.url, KEY, transport="websocket", timeout=20) as client:
            client.get_task_status(TOKEN)
            client.use(pipeline=PIPELINE)
        assert server.connections == 2


def ending_a_run(farewell):
    """A server whose next run begins as soon as one is terminated; the first `terminate` gets `farewell(peer, request)`."""
    ended = []

    def status():
        return {**RUNNING, "startTime": 1000.0 * (1 + len(ended))}

    def action(peer):
        while True:
            request = peer.request()
            if request["command"] != "terminate":
                peer.answer(request, status())
                continue
            ended.append(request)
            if len(ended) == 1:
                farewell(peer)
                return
            peer.answer(request)

    def over_http(peer):
        head = peer.read_request()
        while head is not None:
            if head.startswith("GET"):
                peer.send(answer(status()))
            else:
                ended.append(head)
                if len(ended) == 1:
                    peer.reset()
                    return
                peer.send(answer(None))
            head = peer.read_request()

    return ended, lambda peer: dap(action)(peer) if is_upgrade(peer) else over_http(peer)


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_terminate_does_not_end_the_next_run_when_its_own_connection_breaks(transport):
    ended, handler = ending_a_run(lambda peer: peer.peer.reset())
    with Server(handler) as server:
        with RocketRideClient(server.url, KEY, transport=transport, timeout=20) as client:
            client.terminate(TOKEN)
    assert len(ended) == 1
