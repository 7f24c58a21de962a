"""`transport="auto"`: WebSocket where it works, HTTP where it does not."""

import json
import logging

import pytest
from cases import each

from rocketride_sync import (
    AuthenticationError,
    CertificateError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    RocketRideError,
    ServerError,
    TransientError,
    TransportError,
    UnsupportedOperationError,
)
from rocketride_sync.transports import presence
from rocketride_sync.transports.fallback import Fallback

from .dap_peer import CLOSE, DONE, KEY, RUNNING, TOKEN, Gone, always, dap, refusing_credentials, serve
from .loopback import Server, answer, refusing_address
from .network_peers import TunnelProxy

UPGRADE = "GET /task/service"


class Both:
    """A server of both: `upgrade(peer)` deals with upgrades, HTTP answers with `document`."""

    def __init__(self, upgrade, document=RUNNING, http=None):
        self._upgrade = upgrade
        self._answer = answer(document) if http is None else http

    def __call__(self, peer):
        while True:
            request = peer.read_request()
            if request is None:
                return
            if request.startswith(UPGRADE):
                self._upgrade(peer)
                return
            peer.send(self._answer)


def refuse(status):
    return lambda peer: peer.send(answer(b"no", status))


def upgrades(server):
    return sum(r.startswith(UPGRADE) for r in server.requests)


def calls(server):
    return len(server.requests) - upgrades(server)


@pytest.mark.parametrize("status", ["404 Not Found", "405 No", "426 Upgrade Required", "501 No"])
def test_an_upgrade_refused_for_good_means_http_from_now_on(status, caplog):
    caplog.set_level(logging.INFO, "rocketride_sync")
    with Server(Both(refuse(status))) as server, RocketRideClient(server.url, KEY) as client:
        for _ in range(3):
            assert client.get_task_status(TOKEN).state == 3
        assert upgrades(server) == 1
        assert calls(server) == 3
    told = [r for r in caplog.records if "HTTP from now on" in r.getMessage()]
    assert len(told) == 1


def test_an_upgrade_cut_by_a_proxy_means_http_too_when_it_happens_again():
    with Server(Both(lambda peer: None)) as server, RocketRideClient(server.url, KEY) as client:
        client._transport.fallback = Fallback(clock=iter(range(1000)).__next__)  # a second from look to look
        for _ in range(5):
            client.get_task_status(TOKEN)
        assert upgrades(server) == 2
        assert calls(server) == 5


@pytest.mark.parametrize(
    "odd",
    [
        answer(b"", "302 Found", Location="http://portal.example/"),
        answer(b"<html>", "200 OK"),
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
    ids=["redirect", "page", "old page", "garbage"],
)
def test_what_is_no_answer_to_an_upgrade_is_no_sign(odd):
    """HTTP serves for the one call, and WebSocket is tried by the next."""
    with Server(Both(lambda peer: peer.send(odd))) as server, RocketRideClient(server.url, KEY) as client:
        for _ in range(3):
            assert client.get_task_status(TOKEN).state == 3
        assert (upgrades(server), calls(server)) == (3, 3)
        with pytest.raises(ProtocolError, match="upgrade"):
            client.get_tasks()


def test_http_is_remembered_only_once_it_has_answered():
    broken = answer(b"gateway", "502 Bad Gateway")
    with Server(Both(refuse("404 Not Found"), http=broken)) as server:
        with RocketRideClient(server.url, KEY) as client:
            for _ in range(2):
                with pytest.raises(RuntimeError):
                    client.get_task_status(TOKEN)
        assert upgrades(server) == 2


def test_a_refusal_for_want_of_slots_is_answered_over_http_and_not_remembered():
    with Server(Both(refuse("403 Forbidden"))) as server, RocketRideClient(server.url, KEY) as client:
        client.get_task_status(TOKEN)
        client.get_task_status(TOKEN)
        assert upgrades(server) == 2
        assert calls(server) == 2


def test_a_wait_goes_on_over_http():
    with Server(Both(refuse("404 Not Found"), document=DONE)) as server, RocketRideClient(
        server.url, KEY
    ) as client:
        assert client.wait_until_complete(TOKEN, timeout=20, interval=0.05).succeeded


def test_a_bad_key_does_not_fall_back():
    with Server(refusing_credentials("Invalid API key")) as server, RocketRideClient(
        server.url, KEY
    ) as client:
        with pytest.raises(AuthenticationError):
            client.get_task_status(TOKEN)
        assert calls(server) == 0


def test_a_refused_connection_does_not_fall_back():
    with refusing_address() as address, RocketRideClient(address, KEY) as client:
        with pytest.raises(TransportError, match="refused"):
            client.get_task_status(TOKEN)


PIPELINE = {"source": "s", "components": []}


def in_pieces(client):
    with client.pipe(TOKEN) as pipe:
        pipe.write(b"x")


@pytest.mark.parametrize(
    ("call", "last"),
    [
        (lambda client: client.use(pipeline=PIPELINE), "execute"),
        (lambda client: client.send(TOKEN, b"x"), "write"),
        (in_pieces, "write"),
    ],
    ids=["use", "send", "pipe"],
)
def test_what_may_have_arrived_is_not_sent_again_over_http(call, last):
    """Not even when the server says goodbye and is gone before it hears ours: five times, for it is a race."""

    def action(peer):
        while True:
            opcode, payload = peer.receive()
            request = json.loads(payload.partition(b"\n")[0])
            if opcode == CLOSE:
                raise Gone
            if last in (request["command"], request["arguments"].get("subcommand")):
                peer.close(1012)
                peer.peer.reset()
            peer.answer(request, {"pipe_id": 1})

    for _ in range(5):
        with Server(dap(action)) as server, RocketRideClient(server.url, KEY, timeout=20) as client:
            with pytest.raises(
                TransportError, match="whether the server carried it out is unknown"
            ) as caught:
                call(client)
            assert caught.value.request_sent
            assert calls(server) == 0


@pytest.mark.parametrize("verdict", ["403 Forbidden", "405 Method Not Allowed", "400 Bad Request"])
def test_a_proxy_that_opens_no_tunnel_is_passed_over_http(verdict):
    """As many a proxy does: it opens tunnels to port 443 only, and hands on any plain request."""
    with Server(Both(refuse("404 Not Found"), {"state": 3})) as server, Server(
        TunnelProxy(server, verdict)
    ) as proxy:
        with RocketRideClient(server.url, KEY, proxies={"http": proxy.url}) as client:
            assert client.get_task_status(TOKEN).state == 3
            assert client.get_task_status(TOKEN).state == 3
            with pytest.raises(
                UnsupportedOperationError, match=r"takes WebSocket, but .* refused the tunnel"
            ):
                client.get_tasks()
        with RocketRideClient(server.url, KEY, proxies={"http": proxy.url}, transport="websocket") as client:
            with pytest.raises(ServerError, match="refused the tunnel"):
                client.get_task_status(TOKEN)


@pytest.mark.parametrize(("verdict", "kind"), [("407 No", ServerError), ("503 No", TransportError)])
def test_no_other_answer_of_a_proxy_falls_back(verdict, kind):
    with Server(Both(refuse("404 Not Found"), {"state": 3})) as server, Server(
        TunnelProxy(server, verdict)
    ) as proxy:
        with RocketRideClient(server.url, KEY, proxies={"http": proxy.url}) as client:
            with pytest.raises(kind):
                client.get_task_status(TOKEN, timeout=0.5)


def test_a_bad_certificate_does_not_fall_back(tmp_path):
    import ssl

    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with Server(Both(refuse("404 Not Found")), tls=context) as server:
        with RocketRideClient(server.url, KEY) as client, pytest.raises(CertificateError):
            client.get_task_status(TOKEN)
        assert server.requests == []


def test_websocket_is_preferred():
    with Server(serve(always(RUNNING))) as server, RocketRideClient(server.url, KEY) as client:
        client.get_task_status(TOKEN)
        assert calls(server) == 0


def cut(peer):
    pass


@pytest.mark.parametrize("upgrade", [refuse("403 Forbidden"), cut], ids=["no slot", "cut"])
def test_what_http_cannot_carry_keeps_the_fault_of_the_upgrade(upgrade, leaping):
    retry, timeout = RetryPolicy(initial_delay=0.01), 20.0

    def slowly(peer):
        leaping.leap(timeout / 4)
        upgrade(peer)

    with Server(Both(slowly)) as server, RocketRideClient(
        server.url, KEY, timeout=timeout, retry=retry
    ) as client:
        with pytest.raises(TransientError):
            client.get_tasks()
        assert calls(server) == (
            upgrade is not cut
        )  # a lack of slots: whether a server is there is asked once


def wrong(reply):
    """A server's answers where the base path is wrong: the upgrade is refused as for want of slots."""
    return Server(Both(refuse("403 Forbidden"), http=reply))


NOT_FOUND = answer(b'{"detail":"Not Found"}', "404 Not Found")
PAGE = answer(b"<html>Welcome</html>")
DENIED = answer(b'{"status":"Error","error":{"error":"Access denied"}}', "401 Unauthorized")
NOT_RUNNING = answer(
    b'{"status":"Error","error":{"message":"Your pipeline is not running"}}', "400 Bad Request"
)
NO_SLOT = answer(
    b'{"status":"Error","error":{"message":"server rejected WebSocket connection: HTTP 403","file":"transport_websocket.py"}}',
    "400 Bad Request",
)
PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s"}]}
TAKE_WEBSOCKET = {
    "get_tasks": lambda client: client.get_tasks(),
    "validate": lambda client: client.validate(PIPELINE),
    "use": lambda client: client.use(pipeline=PIPELINE, ttl=0, timeout=60),
    "run": lambda client: client.run(pipeline=PIPELINE, timeout=60),
    "get_runs": lambda client: client.get_task_runs("p", "s"),
    "pipe": lambda client: client.pipe(TOKEN, provider="webhook").open(),
}


@pytest.mark.parametrize("call", TAKE_WEBSOCKET.values(), ids=TAKE_WEBSOCKET)
def test_a_wrong_base_path_is_told_at_once_also_where_http_cannot_carry_the_call(call):
    with wrong(NOT_FOUND) as server, RocketRideClient(server.url, KEY) as client:
        with pytest.raises(ServerError, match=r"does not look like a RocketRide server.* base path"):
            call(client)
        assert not any("POST" in request for request in server.requests)
        assert upgrades(server) <= 2  # `run` looks before it starts


STRANGERS = {
    "a page for 404": answer(b"<html>nginx</html>", "404 Not Found"),
    "a page for 400": answer(b"<html>nginx</html>", "400 Bad Request"),
    "a page for 403": answer(b"<html>nginx</html>", "403 Forbidden"),
    "a redirect": answer(b"", "302 Found", Location="http://elsewhere/"),
    "501": answer(b"", "501 Not Implemented"),
    "foreign JSON": answer(b'{"a":1}'),
    "a page": PAGE,
    "junk": b"junk\r\n\r\n",
    "no such path": NOT_FOUND,
    "no such key": DENIED,
}
CHANGES = {
    "use": TAKE_WEBSOCKET["use"],
    "run": TAKE_WEBSOCKET["run"],
    "restart": lambda client: client.restart(token=TOKEN, project_id="p", source="s", pipeline=PIPELINE),
    "call": lambda client: client.call("rrext_x"),
    "pipe": TAKE_WEBSOCKET["pipe"],
}


@each("reply", STRANGERS.values(), ids=STRANGERS)
def test_what_came_of_the_question_for_a_server_is_not_what_came_of_the_call(reply):
    """Only that question was sent. The call was not, so nothing of it can have been carried out."""
    with wrong(reply) as server, RocketRideClient(server.url, KEY) as client:
        for name, call in CHANGES.items():
            with pytest.raises(RocketRideError) as caught:
                call(client)
            assert caught.value.request_sent is False, name
            assert "carried it out" not in str(caught.value), name
            assert "may run on" not in str(caught.value), name
        assert {request.split()[0] for request in server.requests} == {"GET"}


@pytest.mark.parametrize(
    ("reply", "expected"), [(PAGE, ProtocolError), (NOT_FOUND, ServerError), (DENIED, AuthenticationError)]
)
def test_the_fault_is_named_after_the_call_and_told_each_time(reply, expected):
    """A status is told the same."""
    with wrong(reply) as server, RocketRideClient(server.url, KEY) as client:
        with pytest.raises(expected) as first:
            client.get_task_status(TOKEN)
        for _ in range(2):
            with pytest.raises(expected) as caught:
                client.get_tasks()
            assert str(caught.value) == str(first.value).replace("get_task_status", "get_tasks")
            assert caught.value.__context__ is None
            assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [NOT_RUNNING, NO_SLOT, answer(RUNNING), answer(b"busy", "502 Bad Gateway"), NOT_FOUND],
    ids=["not running", "no slot", "a status", "busy", "websocket alone"],
)
def test_a_lack_of_slots_is_outlived_as_ever_and_http_is_asked_once(reply):
    refusals = 5

    def upgrade(peer):
        if upgrades(server) <= refusals:
            peer.send(answer(b"", "403 Forbidden"))
        else:
            peer._received = (server.requests.pop() + "\r\n\r\n").encode() + peer._received
            serve(lambda it, request: it.answer(request, {"tasks": []}))(peer)

    only_websocket = {"transport": "websocket"} if reply is NOT_FOUND else {}
    retry = RetryPolicy(initial_delay=0.01, max_delay=0.01)
    with Server(Both(upgrade, http=reply)) as server:
        with RocketRideClient(server.url, KEY, retry=retry, **only_websocket) as client:
            assert client.get_tasks() == []
        assert upgrades(server) == refusals + 1
        assert calls(server) == (0 if only_websocket else 1)


def test_http_that_is_silent_leaves_the_call_its_time(monkeypatch):
    """The answer of HTTP is not needed: what is not known is not told."""
    monkeypatch.setattr(presence, "_LONGEST", 0.1)

    def handler(peer):
        request = peer.read_request()
        if request is None or not request.startswith(UPGRADE):
            peer.stall()
        elif upgrades(server) == 1:
            refuse("403 Forbidden")(peer)
        else:
            peer._received = (server.requests.pop() + "\r\n\r\n").encode() + peer._received
            serve(lambda it, request: it.answer(request, {"tasks": []}))(peer)

    with Server(handler) as server, RocketRideClient(server.url, KEY) as client:
        assert client.get_tasks() == []
        assert calls(server) == 1


def test_what_http_cannot_carry_is_unsupported_where_there_is_no_websocket():
    with Server(Both(refuse("404 Not Found"))) as server, RocketRideClient(server.url, KEY) as client:
        with pytest.raises(UnsupportedOperationError, match=r"get_tasks takes WebSocket, but .* HTTP 404"):
            client.get_tasks()
        assert calls(server) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ttl": 60}, "use with ttl takes WebSocket, but .*: no WebSocket there; leave out ttl$"),
        ({"ttl": 0, "name": "n"}, ".*; leave out ttl, name$"),
        ({"env": {"ROCKETRIDE_A": "1"}}, "use with env .*no WebSocket there$"),  # the pipeline needs it
    ],
)
def test_an_argument_that_http_cannot_carry_can_be_left_out(options, said):
    pipeline = {"source": "s", "components": [{"id": "s", "provider": "webhook"}]}
    with Server(Both(refuse("404 Not Found"))) as server, RocketRideClient(server.url, KEY) as client:
        with pytest.raises(UnsupportedOperationError, match=said):
            client.use(pipeline=pipeline, **options)
        assert calls(server) == 0
