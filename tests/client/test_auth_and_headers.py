"""The key of a client from a function, headers for gateways, and clients that share connections."""

import gc
import itertools
import warnings

import pytest
from cases import each
from counting_tasks import KEY, counting, words
from simulated_tasks import forever
from transports.dap_peer import DONE, RUNNING, DapPeer, Gone, serve
from transports.dap_peer import always as always_told
from transports.loopback import Server, always, answer

from rocketride_sync import (
    AuthenticationError,
    ConfigurationError,
    MemoryTransport,
    OverloadedError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    TaskNotFoundError,
    TaskStatus,
    TransportError,
    WaitTimeoutError,
)

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
BOTH = pytest.mark.parametrize("transport", ["websocket", "http"])


def sent(error):
    """An error of a request that the function made itself, with this library."""
    error.request_sent = True
    return error


EXCEPTIONS = pytest.mark.parametrize(
    "mine",
    [
        ZeroDivisionError("mine"),
        StopIteration("mine"),
        RuntimeError("mine"),
        TransportError("mine"),
        sent(TransportError("mine")),
        OverloadedError("mine"),
        ProtocolError("mine"),
        TaskNotFoundError("mine"),
    ],
    ids=lambda error: type(error).__name__ + "-sent" * getattr(error, "request_sent", False),
)
REFUSAL = answer(b'{"status": "Error", "error": {"message": "Access denied"}}', "401 Unauthorized")


def accepting(valid, seen, document=DONE):
    """A server of both transports that knows the keys in `valid`; `seen` gets each key that comes."""

    def handler(peer):
        it = DapPeer(peer)
        try:
            while True:
                request = peer.read_request()
                if request is None:
                    return
                headers = dict(line.split(": ", 1) for line in request.splitlines()[1:])
                if "Authorization" in headers:
                    seen.append(headers["Authorization"].split()[1])
                    peer.send(answer(document) if seen[-1] in valid else REFUSAL)
                    continue
                peer._received = (request + "\r\n\r\n").encode() + peer._received
                it.upgrade()
                request = it.request()
                seen.append(request["arguments"]["auth"])
                if seen[-1] not in valid:
                    it.refuse(request, "Invalid API key")
                    continue
                it.answer(request, {})
                while True:
                    request = it.request()
                    it.answer(request, document if request["command"] == "rrext_get_task_status" else None)
        except Gone:
            pass

    return handler


@BOTH
def test_the_key_is_asked_for_when_it_is_needed_and_again_after_a_refusal(transport):
    seen, asked = [], []
    keys = iter(["old", "new"])

    def auth():
        asked.append(True)
        return next(keys)

    with Server(accepting({"new"}, seen)) as server:
        with RocketRideClient(server.url, auth, transport=transport) as client:
            assert asked == []
            assert client.get_task_status(TOKEN).is_terminal
            assert client.get_task_status(TOKEN).is_terminal
    assert len(asked) == 2
    assert list(dict.fromkeys(seen)) == ["old", "new"]


@BOTH
def test_a_key_that_is_refused_again_is_an_error_and_each_call_asks_once_more(transport):
    seen, numbers = [], itertools.count()
    with Server(accepting(set(), seen)) as server:
        with RocketRideClient(server.url, lambda: f"key-{next(numbers)}", transport=transport) as client:
            for expected in (["key-0", "key-1"], ["key-1", "key-2"]):
                seen.clear()
                with pytest.raises(AuthenticationError):
                    client.get_task_status(TOKEN)
                assert seen == expected


@BOTH
def test_the_same_key_again_is_not_tried_twice(transport):
    seen = []
    with Server(accepting(set(), seen)) as server:
        with RocketRideClient(server.url, lambda: "same", transport=transport) as client:
            with pytest.raises(AuthenticationError):
                client.get_task_status(TOKEN)
    assert seen == ["same"]


@BOTH
@pytest.mark.parametrize("many", [False, True])
def test_a_wait_gets_another_key(transport, many):
    seen, keys = [], iter(["old", "new"])
    with Server(accepting({"new"}, seen)) as server:
        with RocketRideClient(server.url, lambda: next(keys), transport=transport) as client:
            ended = client.wait_all([TOKEN])[0].status if many else client.wait_until_complete(TOKEN)
    assert ended.is_terminal
    assert list(dict.fromkeys(seen)) == ["old", "new"]


@BOTH
@pytest.mark.parametrize("way", ["send", "send_files", "pipe"])
def test_an_object_is_sent_with_another_key(server, tmp_path, transport, way):
    (tmp_path / "a.txt").write_text("one two")

    def pipe(client, token):
        with client.pipe(token, mime_type="text/plain") as opened:
            opened.write(b"one two")
        return opened.result

    ways = {
        "send": lambda client, token: client.send(token, "one two", mimetype="text/plain"),
        "send_files": lambda client, token: client.send_files([tmp_path / "a.txt"], token)[0]["result"],
        "pipe": pipe,
    }
    keys = iter(["expired", KEY])
    with RocketRideClient(server.uri, KEY) as owner, counting(owner) as task:
        with RocketRideClient(server.uri, lambda: next(keys), transport=transport) as client:
            assert words(ways[way](client, task.token)) == 2
        assert task.get_status().total_count == 1


@pytest.fixture
def asks(tmp_path):
    """What asks the server, with a client and a token, in each of the ways in which an error may go another way."""
    file = tmp_path / "a.txt"
    file.write_text("one two")
    return (
        RocketRideClient.get_task_status,
        lambda client, token: client.get_task_status(token, previous=TaskStatus(start_time=1.0)),
        RocketRideClient.wait_until_complete,
        lambda client, token: client.wait_all([token]),
        RocketRideClient.terminate,
        lambda client, token: client.send(token, "one two"),
        lambda client, token: client.send_files([file], token),
        lambda client, token: client.run(pipeline=forever()),
        lambda client, token: client.task(token).end(),
    )


@BOTH
@EXCEPTIONS
def test_what_the_function_raises_comes_out_unchanged_at_once(transport, mine, asks):
    calls = []

    def auth():
        calls.append(None)
        raise mine

    with Server(accepting(set(), [])) as server:
        with RocketRideClient(server.url, auth, transport=transport) as client:
            for ask in asks:
                calls.clear()
                with pytest.raises(type(mine)) as caught:
                    ask(client, TOKEN)
                assert caught.value is mine
                assert len(calls) == 1


@BOTH
@EXCEPTIONS
def test_so_does_what_it_raises_when_the_key_was_refused(transport, mine, asks):
    for ask in asks:
        keys = iter(["expired"])

        def auth(keys=keys):
            for key in keys:
                return key
            raise mine

        with Server(accepting(set(), [])) as server:
            with RocketRideClient(server.url, auth, transport=transport) as client:
                with pytest.raises(type(mine)) as caught:
                    ask(client, TOKEN)
        assert caught.value is mine


@BOTH
@EXCEPTIONS
def test_it_ends_the_sending_of_several_files(transport, mine, tmp_path):
    """Each of them needs a key: so it is no file's own error."""
    files = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for file in files:
        file.write_text(file.name)
    keys = iter(["expired"])

    def auth():
        for key in keys:
            return key
        raise mine

    told = []
    with Server(accepting(set(), [])) as server:
        with RocketRideClient(server.url, auth, transport=transport) as client:
            with pytest.raises(type(mine)) as caught:
                client.send_files(files, TOKEN, on_progress=told.append)
    assert caught.value is mine
    assert {event["action"] for event in told} <= {"open", "write", "close"}


@each("wrong", [None, 5, "", "two words", b"key"])
def test_a_function_must_return_a_key(wrong):
    with RocketRideClient("http://127.0.0.1:1", lambda: wrong) as client:
        with pytest.raises(ConfigurationError, match=r"auth|API key") as caught:
            client.get_task_status(TOKEN)
    assert "two words" not in str(caught.value)


def test_a_key_that_is_neither_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="auth must be a string, or a function that returns one"):
        RocketRideClient("http://127.0.0.1:1", 5)


@BOTH
def test_headers_go_with_every_request(transport):
    seen = []
    with Server(accepting({KEY}, seen, RUNNING)) as server:
        headers = {"X-Gateway": " secret-of-the-gateway ", "Cookie": "a=b; c=d"}
        with RocketRideClient(server.url, KEY, transport=transport, headers=headers) as client:
            client.get_task_status(TOKEN)
            with pytest.raises(WaitTimeoutError):
                client.wait_until_complete(TOKEN, timeout=0)
            assert "secret-of" not in f"{client!r} {client._settings!r}"
        assert server.requests
        for request in server.requests:
            assert "\r\nX-Gateway: secret-of-the-gateway\r\n" in request + "\r\n"
            assert "\r\nCookie: a=b; c=d\r\n" in request + "\r\n"


@each(
    "wrong",
    [
        "X: y",
        [("X", "y")],
        {"X": 5},
        {5: "y"},
        {"X": "a\r\nSecret: y"},
        {"X\n": "secret"},
        {"X": "sécret"},
        {"": "secret"},
        {"X Y": "secret"},
        {"Authorization": "Bearer secret"},
        {"HOST": "secret"},
        {"Content-Length": "5"},
        {"Sec-WebSocket-Key": "secret"},
        {"X": "secret", "x": "secret"},
    ],
)
def test_headers_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="headers") as caught:
        RocketRideClient("http://127.0.0.1:1", KEY, headers=wrong)
    assert "secret" not in str(caught.value).lower()


@BOTH
def test_a_client_with_other_options_shares_the_connections(transport):
    retry = RetryPolicy(max_outage=1)
    with Server(accepting({KEY}, [])) as server:
        with RocketRideClient(server.url, KEY, transport=transport, timeout=20) as client:
            client.get_task_status(TOKEN)
            with client.with_options(timeout=5, retry=retry) as quick:
                quick.get_task_status(TOKEN)
                assert quick.with_options(retry=retry)._settings.timeout == 5.0
                assert (quick._settings.timeout, quick._settings.retry) == (5.0, retry)
                assert quick.with_options(timeout=None)._settings.timeout is None
            client.get_task_status(TOKEN)
            assert client._settings.timeout == 20.0
            assert client._is_open()
            assert not quick._is_open()
        assert server.connections == 1
    assert type(quick) is RocketRideClient
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del quick
        gc.collect()


def test_what_one_of_two_clients_terminates_the_other_knows():
    running = {"state": 3, "startTime": 1.0}
    ended = {"state": 6, "completed": True, "exitCode": 1, "startTime": 1.0}
    client = RocketRideClient("h", KEY, transport=MemoryTransport([running, None, ended]))
    client.with_options(timeout=5).terminate("t")
    assert client.get_task_status("t").terminated_by_client


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"retry": 5}])
def test_other_options_are_checked(wrong):
    with pytest.raises(ConfigurationError):
        RocketRideClient("h", KEY, transport=MemoryTransport([])).with_options(**wrong)


def test_the_wait_of_a_client_with_other_options_uses_them():
    with Server(serve(always_told(RUNNING))) as server:
        with RocketRideClient(server.url, KEY, transport="websocket") as client:
            with pytest.raises(WaitTimeoutError):
                client.with_options(timeout=1).wait_until_complete(TOKEN, timeout=0)


def test_what_needs_no_key_asks_for_none_and_another_server_gets_no_headers():
    def auth():
        raise ZeroDivisionError

    with Server(always(answer({"version": "1"}))) as server, Server(
        always(answer({"version": "2"}))
    ) as other:
        with RocketRideClient(server.url, auth, headers={"X-Gateway": "secret-of-the-gateway"}) as client:
            assert client.get_server_info()["version"] == "1"
            assert client.get_server_info(other.url)["version"] == "2"
    assert "X-Gateway" in server.requests[0]
    assert "X-Gateway" not in other.requests[0]
    assert not [request for request in server.requests + other.requests if "Authorization" in request]


@BOTH
def test_a_client_with_other_options_shares_the_key_of_the_function(transport):
    asked = []

    def auth():
        asked.append(True)
        return KEY

    with Server(accepting({KEY}, [])) as server:
        with RocketRideClient(
            server.url, auth, transport=transport, headers={"X-Secret": "abcdefgh"}
        ) as client:
            client.get_task_status(TOKEN)
            other = client.with_options(timeout=5.0, retry=RetryPolicy(max_outage=1.0))
            assert other.get_task_status(TOKEN).is_terminal
    assert asked == [True]
