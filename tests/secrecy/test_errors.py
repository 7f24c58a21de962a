"""No error path shows the API key, a whole token, a proxy's password or a variable."""

import gc
import logging
import pickle
import traceback

import pytest
from cases import each
from transports.dap_peer import DONE, serve
from transports.dap_peer import always as always_told
from transports.loopback import Server, always, answer

from rocketride_sync import ConfigurationError, ProtocolError, RocketRideClient, TaskFailedError

from . import elsewhere, over_http, over_websocket
from .marks import CHOSEN_TOKEN, ENCODINGS, KEY, SECRETS, TOKEN, VARIABLE, found_in
from .witness import Witness, held_by

PARTS = (
    over_http.refusals,
    over_http.oddities,
    over_websocket.refusals,
    over_websocket.oddities,
    elsewhere.ways,
    elsewhere.fates,
)
TOKENS = pytest.mark.parametrize("token", [TOKEN, CHOSEN_TOKEN], ids=["task-token", "chosen-token"])


@pytest.fixture(autouse=True)
def _little_to_collect():
    """Leave what is there already, modules above all, out of the collections below, of which there are hundreds."""
    gc.freeze()


def check(case, token):
    """Run one case; fail if a secret is found in what can be seen of it."""
    with Server(case.handler, case.tls) as server, Witness(case.traced) as witness:
        with RocketRideClient(case.url(server), **case.arguments(server)) as client:
            with pytest.raises(case.expected) as caught:
                case.act(client, token)
            held = held_by(caught.value)
            shown = f"{client!r} {client!s} {client._settings!r} {client._transport!r}"
        gc.collect()  # what is said while things are cleared away counts too
    for what, text in (("the error", held), ("log, trace and warnings", witness.saw), ("a repr", shown)):
        assert not found_in(text), f"{what} shows {found_in(text)}:\n{text}"


@TOKENS
@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.__module__.split('.')[-1]}-{part.__name__}")
def test_no_error_path_shows_a_secret(part, token):
    problems = []
    for case in part(token):
        try:
            check(case, token)
        except (Exception, pytest.fail.Exception) as problem:
            problems.append(f"{case}: {type(problem).__name__}: {problem}"[:1500])
    assert not problems, f"{len(problems)} cases:\n" + "\n\n".join(problems[:8])


@pytest.mark.parametrize("transport", ["http", "websocket"])
@each("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", ["another host", "the same host", "the same host, a scheme", "a relative path"]
)
def test_a_redirect_is_not_followed(transport, status, to):
    with Server(always(answer({}))) as other, Server(lambda peer: redirecting(peer)) as server:
        where = {
            "another host": f"{other.url}/task?key={KEY}&token={TOKEN}",
            "the same host": f"{server.url}/elsewhere?token={TOKEN}",
            "the same host, a scheme": f"https://127.0.0.1:{server.port}/task",
            "a relative path": f"//user:{KEY}@127.0.0.1:{other.port}/x",
        }[to]

        def redirecting(peer):
            while peer.read_request() is not None:
                peer.send(answer(b"", f"{status} Elsewhere", Location=where))

        with Witness() as witness, RocketRideClient(server.url, KEY, transport=transport) as client:
            with pytest.raises(ProtocolError) as caught:
                client.get_task_status(TOKEN)
        held = held_by(caught.value)
        assert other.connections == 0
        assert (server.connections, len(server.requests)) == (1, 1)
    assert not found_in(held)
    if transport == "http":  # websocket-client's trace shows the answer to an upgrade
        assert not found_in(witness.saw)


@pytest.mark.parametrize("transport", ["http", "websocket"])
@TOKENS
def test_the_error_of_a_failed_task_does_not_repeat_a_secret(transport, token):
    """The status that it carries is the server's own, and left as it is."""
    failed = {
        **DONE,
        "state": 6,
        "exitCode": 1,
        "exitMessage": f"failed with {KEY} {token}",
        "notes": [token],
    }
    handler = always(answer(failed)) if transport == "http" else serve(always_told(failed))
    with Server(handler) as server, RocketRideClient(server.url, KEY, transport=transport) as client:
        with pytest.raises(TaskFailedError) as caught:
            client.wait_until_complete(token, check=True)
    error = caught.value
    shown = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert not found_in(f"{shown} {error!r} {error.args!r} {error.status!r}")
    assert error.status.notes == (token,)
    assert pickle.loads(pickle.dumps(error)).status == error.status


@pytest.mark.parametrize(
    "content",
    [
        b"{%s",
        b'{"components": "%s"}',
        b'["%s"]',
        b"\xff%s",
        b'{"components": [], "x": "${ROCKETRIDE_APIKEY} %s"}',
    ],
)
def test_a_pipelines_file_is_not_quoted(tmp_path, content, monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_APIKEY", KEY)
    file = tmp_path / "job.pipe"
    file.write_bytes(content.replace(b"%s", f"{KEY} {TOKEN} {VARIABLE}".replace('"', '\\"').encode()))
    with Witness() as witness, RocketRideClient("http://127.0.0.1:1") as client:
        with pytest.raises(ConfigurationError) as caught:
            client.use(filepath=file)
    assert not found_in(held_by(caught.value) + witness.saw)


def test_a_task_and_its_status_show_no_secret():
    started = {"token": TOKEN, "publicToken": "pk_" + TOKEN[3:], "id": "x"}
    status = {**DONE, "name": f"{TOKEN}.x", "notes": [KEY, TOKEN], "status": KEY}

    def reply(peer, request):
        peer.answer(request, started if request["command"] == "execute" else status)

    with Server(serve(reply)) as server, Witness() as witness:
        with RocketRideClient(server.url, KEY, transport="websocket") as client:
            task = client.use(pipeline={"components": []})
            seen = task.get_status()
            shown = f"{task!r} {task!s} {task.start!r} {seen!r} {seen!s} {client.get_task_status!r}"
    assert "tk_MARK…" in shown
    assert not found_in(shown + witness.saw)


@each("secret", SECRETS)
@each("encoding", ENCODINGS)
def test_the_search_finds_every_encoding(secret, encoding):
    assert secret in found_in(f"you sent {ENCODINGS[encoding](secret)}.")


def test_the_witness_sees_what_each_library_says():
    with Server(always(answer({}))) as server, Witness() as witness:
        with RocketRideClient(server.url, KEY, transport="http") as client:
            client.get_task_status(TOKEN)
        # websocket-client logs its opening handshake alone, which is not used.
        for name in ("websocket", "anything"):
            logging.getLogger(name).debug("by the way: %s", TOKEN)
    assert {"urllib3.connectionpool", "websocket", "anything"} <= witness.heard
    assert TOKEN in found_in(witness.saw)
