"""The library's log: what it tells of a run over each transport, what it never shows, and that it is documented."""

import ast
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from secrecy.marks import CHOSEN_TOKEN, KEY, TOKEN, found_in
from transports.dap_peer import DONE, RUNNING, serve
from transports.loopback import Server, answer

import rocketride_sync
from rocketride_sync import RocketRideClient, TaskNotFoundError, TransportError, WaitTimeoutError

PACKAGE = Path(rocketride_sync.__file__).parent
DOCUMENTED = Path(__file__).resolve().parents[1] / "docs" / "logging.md"


@pytest.fixture
def told(caplog):
    """What was logged at DEBUG and above, as (level, line); fails the test if a secret was among it."""
    caplog.set_level(logging.DEBUG)

    def lines():
        return [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "rocketride_sync"]

    yield lines
    everything = "\n".join(f"{record.getMessage()} {vars(record)!r}" for record in caplog.records)
    assert not found_in(everything), found_in(everything)


def matching(lines, level, pattern):
    return [line for its_level, line in lines if its_level == level and re.fullmatch(pattern, line)]


def over_http(answers):
    """A handler that gives one answer after another, the last for ever."""
    left = list(answers)

    def handler(peer):
        while peer.read_request() is not None:
            peer.send(left.pop(0) if len(left) > 1 else left[0])

    return handler


OVERLOADED = answer(
    b'{"status": "Error", "error": {"message": "server rejected WebSocket connection: HTTP 403"}}',
    status="400 Bad Request",
)
NOT_RUNNING = answer(
    b'{"status": "Error", "error": {"message": "Your pipeline is not running"}}', status="400 Bad Request"
)


def assert_calls_are_logged(lines, protocol, address, fault):
    """A call that connected and succeeded, and another over the same connection that failed."""
    assert matching(lines, "DEBUG", rf"connected to {address} over {protocol} in [\d.]+ ms")
    assert matching(lines, "DEBUG", rf"get_task_status \S+… over {protocol} took [\d.]+ ms")
    assert matching(lines, "DEBUG", rf"a kept {protocol} connection is used again")
    assert matching(lines, "DEBUG", rf"get_task_status \S+… over {protocol} failed after [\d.]+ ms: {fault}")


@pytest.mark.parametrize("token", [TOKEN, CHOSEN_TOKEN])
def test_a_call_over_http(told, token):
    with Server(over_http([answer(DONE), NOT_RUNNING])) as server:
        with RocketRideClient(server.url, KEY, transport="http") as client:
            client.get_task_status(token)
            with pytest.raises(TaskNotFoundError):
                client.get_task_status(token)
    lines = told()
    assert matching(lines, "DEBUG", rf"a client of {server.url}, transport http")
    assert_calls_are_logged(lines, "HTTP", rf"127\.0\.0\.1:{server.port}", ".*not running.*")


@pytest.mark.parametrize("token", [TOKEN, CHOSEN_TOKEN])
def test_a_call_over_websocket(told, token):
    def reply(peer, request):
        if peer.commands.count("rrext_get_task_status") == 1:
            peer.answer(request, DONE)
        else:
            peer.refuse(request, f"Your pipeline is not running: {token} {KEY}")

    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY) as client:
        client.get_task_status(token)
        with pytest.raises(TaskNotFoundError):
            client.get_task_status(token)
    lines = told()
    assert matching(lines, "DEBUG", rf"a client of {server.url}, transport auto")
    assert_calls_are_logged(lines, "WebSocket", server.url, ".*")


@pytest.mark.parametrize("many", [False, True])
def test_a_wait_over_websocket(told, many):
    def reply(peer, request):
        if request["command"] == "rrext_get_task_status":
            first = peer.commands.count("rrext_get_task_status") == 1
            peer.answer(request, RUNNING if first else DONE)
            if first:
                peer.event("end")

    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY) as client:
        if many:
            client.wait_all([TOKEN], timeout=60, interval=30)
        else:
            client.wait_until_complete(TOKEN, timeout=60, interval=30)
    lines = told()
    assert matching(lines, "DEBUG", r"subscribed to events: task tk_MARK…")
    assert len(matching(lines, "DEBUG", r"get_task_status tk_MARK… over WebSocket took [\d.]+ ms")) == 2
    if not many:
        assert matching(lines, "DEBUG", r"told of task tk_MARK…: end")
        assert matching(lines, "DEBUG", r"task tk_MARK…: RUNNING 0/0")


@pytest.mark.parametrize("many", [False, True])
def test_an_outage_begins_and_ends(told, many):
    with Server(over_http([answer(RUNNING), OVERLOADED, answer(RUNNING), answer(DONE)])) as server:
        with RocketRideClient(server.url, KEY, transport="http") as client:
            if many:
                client.wait_all([TOKEN], timeout=60, interval=0.05)
            else:
                client.wait_until_complete(TOKEN, timeout=60, interval=0.05)
    lines = told()
    others = ", and maybe others" if many else ""
    assert matching(
        lines, "INFO", rf"task tk_MARK…{others}: .*HTTP 403.*; polling again in [\d.]+ s at the latest"
    )
    assert matching(lines, "INFO", rf"task tk_MARK…{others}: seen again.*")


def test_a_call_that_is_made_again(told):
    with Server(over_http([OVERLOADED, answer(DONE)])) as server:
        with RocketRideClient(server.url, KEY, transport="http") as client:
            client.get_task_status(TOKEN)
    assert matching(told(), "INFO", r".*HTTP 403.*; asking again in [\d.]+ s")


def test_the_fallback_to_http_and_why(told):
    def handler(peer):
        while True:
            request = peer.read_request()
            if request is None:
                return
            peer.send(answer(DONE) if "/task?" in request else answer(b"", status="404 Not Found"))

    with Server(handler) as server, RocketRideClient(server.url, KEY) as client:
        client.get_task_status(TOKEN)
    lines = told()
    assert matching(lines, "DEBUG", r"no WebSocket connection: .*404.*")
    assert matching(lines, "INFO", r".*404.*; using HTTP from now on, WebSocket is tried again in 15 s")


def test_a_lost_connection_is_replaced(told):
    def reply(peer, request):
        if server.connections == 1 and peer.commands.count("rrext_get_task_status") == 1:
            peer.answer(request, RUNNING)
            peer.close()
        elif request["command"] == "rrext_get_task_status":
            peer.answer(request, DONE)

    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY) as client:
        client.wait_until_complete(TOKEN, timeout=60, interval=30)
    assert matching(told(), "INFO", r"lost the connection while waiting, connecting again: .*")


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_server_that_is_not_there(told, transport):
    with Server(over_http([answer(DONE)])) as server:
        url = server.url
    with RocketRideClient(url, KEY, transport=transport) as client:
        with pytest.raises(TransportError):
            client.get_task_status(TOKEN)
        with pytest.raises(WaitTimeoutError):
            client.wait_until_complete(TOKEN, timeout=1, interval=0.1)
    assert matching(told(), "INFO", r"task tk_MARK…: .*; polling again in [\d.]+ s at the latest")


def test_nothing_is_seen_unless_somebody_asks():
    code = "from rocketride_sync.logs import log; log.warning('a warning'); log.error('an error')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_below_its_level_no_line_is_put_together(monkeypatch):
    """Were it put together, these would raise."""

    def never(*_):
        raise AssertionError("a line was put together that nobody wants")

    monkeypatch.setattr("rocketride_sync.logs.log_call", never)
    monkeypatch.setattr("rocketride_sync.models.behaviour.StatusBehaviour.__repr__", never)
    logging.getLogger("rocketride_sync").setLevel(logging.INFO)
    try:
        with Server(serve(lambda peer, request: peer.answer(request, DONE))) as server:
            with RocketRideClient(server.url, KEY, transport="websocket") as client:
                client.wait_until_complete(TOKEN, timeout=60)
    finally:
        logging.getLogger("rocketride_sync").setLevel(logging.NOTSET)


def logged_lines():
    """Level and text of each call of `log` in the package."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            function = getattr(node, "func", None)
            if getattr(getattr(function, "value", None), "id", "") != "log":
                continue
            if function.attr in ("debug", "info", "warning", "error", "exception", "critical"):
                yield function.attr.upper(), node.args[0].value


def test_every_line_is_documented():
    if not DOCUMENTED.exists():
        pytest.skip("the documentation is not here")
    rows = re.findall(r"^\| `([A-Z]+)` \| `([^|]+)` \|", DOCUMENTED.read_text("utf-8"), re.MULTILINE)
    assert sorted(set(rows)) == sorted(set(logged_lines()))
