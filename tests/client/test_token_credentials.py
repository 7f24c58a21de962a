"""A task's token in place of an API key: the server ignores which task a request names, so requests about others are not sent."""

import pytest
from cases import each
from command_call import call_command
from counting_tasks import GENEROUS, KEY, pipeline, words
from needing import needs
from simulated_tasks import forever
from transports.dap_peer import TOKEN
from transports.loopback import Server

from rocketride_sync import ConfigurationError, RocketRideClient, WaitTimeoutError

needs("fastapi", reason="needs the extra `emulator`")

TRANSPORTS = ("websocket", "http", "auto")


@pytest.fixture(scope="module")
def own(server):
    """A task that takes data, and runs until the end of the tests."""
    with RocketRideClient(server.uri, KEY) as client, client.use(pipeline=pipeline()) as task:
        yield task
        assert not task.done()


@pytest.fixture(scope="module")
def other(server):
    with RocketRideClient(server.uri, KEY) as client, client.use(pipeline=forever()) as task:
        yield task
        assert not task.done()


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


@pytest.fixture(params=["plain", "function", "renewed"])
def locked(request, server, own, transport):
    """A client whose credential is the token of `own`, from the beginning or once the server has refused another."""
    keys = iter(["wrong"] * (request.param == "renewed") + [own.token])
    auth = own.token if request.param == "plain" else lambda: next(keys)
    with RocketRideClient(server.uri, auth, transport=transport) as client:
        yield client


def _pipe(client, token):
    with client.pipe(token) as pipe:
        pipe.write(b"one two")


CALLS = {
    "get_task_status": lambda client, token: client.get_task_status(token),
    "wait_until_complete": lambda client, token: client.wait_until_complete(token, timeout=5),
    "one poll": lambda client, token: client.wait_until_complete(token, timeout=0),
    "iter_task_status": lambda client, token: list(client.iter_task_status(token, timeout=5)),
    "terminate": lambda client, token: client.terminate(token),
    "send": lambda client, token: client.send(token, "one two", mimetype="text/plain"),
    "pipe": _pipe,
    "use": lambda client, token: client.use(pipeline=forever(), token=token),
    "a handle": lambda client, token: client.task(token).terminate(),
}
WEBSOCKET_CALLS = {
    "restart": lambda client, token: client.restart(
        token=token, project_id="p", source="src_1", pipeline=forever("p")
    ),
    "get_task_pipeline": lambda client, token: client.get_task_pipeline(token),
    "call": lambda client, token: client.call("rrext_get_task_status", token=token),
}


def check_refusal(error, *tokens):
    assert type(error) is ConfigurationError
    assert "the credential is the token of task" in str(error)
    assert not any(token in str(error) for token in tokens)
    assert not error.request_sent


@each("name", [*CALLS, *WEBSOCKET_CALLS])
def test_what_is_about_another_task_is_refused(locked, transport, own, other, name):
    if name in WEBSOCKET_CALLS and transport == "http":
        return
    with pytest.raises(ConfigurationError) as caught:
        {**CALLS, **WEBSOCKET_CALLS}[name](locked, other.token)
    check_refusal(caught.value, own.token, other.token)


def test_what_is_about_the_own_task_is_sent(locked, own):
    assert not locked.get_task_status(own.token).is_terminal
    with pytest.raises(WaitTimeoutError):
        locked.wait_until_complete(own.token, timeout=0)
    assert words(locked.send(own.token, "one two", mimetype="text/plain")) == 2


def test_each_file_for_another_task_is_refused(locked, own, other, tmp_path):
    paths = [tmp_path / f"{number}.txt" for number in range(3)]
    for path in paths:
        path.write_text("one two")
    results = locked.send_files(paths, other.token)
    assert [result["action"] for result in results] == ["error"] * 3
    assert all("the credential is the token of task" in result["error"] for result in results)
    assert [words(result["result"]) for result in locked.send_files(paths, own.token)] == [2] * 3


@pytest.mark.parametrize("count", [1, 40])
def test_among_many_only_the_others_are_refused(leaping, locked, own, other, count):
    others = [other.token, *(f"tk_{number:032x}" for number in range(count - 1))]
    found = []

    def note_progress(token, _status):
        if token == own.token and len(found) == count:
            leaping.leap(GENEROUS)

    tokens = [*others, own.token]
    for result in locked.as_completed(tokens, GENEROUS, 0.2, note_progress):
        found.append(result)
    *refused, waited = sorted(found, key=lambda result: tokens.index(result.token))
    for result in refused:
        check_refusal(result.error, own.token, result.token)
        assert result.status is None
    assert type(waited.error) is WaitTimeoutError
    assert waited.status is not None


def test_of_a_key_known_before_nothing_at_all_is_sent(transport):
    with Server(lambda peer: peer.stall()) as server:
        with RocketRideClient(server.url, TOKEN, transport=transport) as client:
            for call in CALLS.values():
                with pytest.raises(ConfigurationError):
                    call(client, "tk_another")
            results = client.wait_all(["tk_another", "tk_a_third"], timeout=5)
            assert [type(result.error) for result in results] == [ConfigurationError] * 2
    assert server.connections == 0


@each("arguments", [["status"], ["wait"], ["stop"], ["send", __file__], ["wait", "tk_a_third"]])
def test_the_command_says_so(server, own, other, arguments):
    done = call_command(
        [arguments[0], other.token, *arguments[1:]],
        {"ROCKETRIDE_URI": server.uri, "ROCKETRIDE_APIKEY": own.token},
    )
    assert done.returncode == 2, done.stderr
    assert "the credential is the token of task" in done.stderr + done.stdout
    assert other.token not in done.stderr
