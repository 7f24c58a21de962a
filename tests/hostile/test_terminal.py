"""Whatever a server says, it does not steer the terminal: not through our output, not through a traceback."""

import json
import os
import subprocess
import sys
import threading

import pytest
from cases import each
from command_call import call_command
from transports.dap_peer import CLOSE, RUNNING, Gone, dap, frame
from transports.loopback import HOST, Server, after_request, always, answer

from rocketride_sync import ProtocolError, RocketRideClient, RocketRideError

from .servers import KEY, TOKEN

ATTACKS = {
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://evil.example\x1b\\",
    "paste": "\x1b]52;c;cm0gLXJm\x07",
    "reset": "\x1bc",
    "eight-bit": "\x9b2J\x9d0;owned\x9c",
    "device": "\x1bP$q\x1b\\",
    "overwrite": "fine\rrocketride-sync: all is well",
    "rub-out": "failed" + "\b" * 6 + "passed",
    "lines": "a\nrocketride-sync: all is well\r\n\x0b\x0c\x85\u2028\u2029",
    "bidi": "\u202etxt.exe\u202c\u2066x\u2069\u200f\u061c",
    "invisible": "a\u200b\u200d\u2060\ufeff\u00ad\U000e0041",
    "broken": "\udfff\ud800\x00\x7f\ufffe",
}
everything = "".join(ATTACKS.values())
UNSEEN = {char for char in everything if not char.isprintable()}
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")


def failing(handler, **options):
    with Server(handler) as server:
        arguments = {"timeout": 10.0, **{k: v(server) if callable(v) else v for k, v in options.items()}}
        with RocketRideClient(arguments.pop("uri", server.url), KEY, **arguments) as client:
            with pytest.raises(RocketRideError) as caught:
                client.get_task_status(TOKEN).raise_for_outcome()
    return caught.value


def over_http(attack):
    raw = attack.encode("utf-8", "surrogatepass")
    line = raw.replace(b"\n", b"").replace(b"\r", b"")
    oops = "500 Oops"
    failed = {**RUNNING, "state": 6, "completed": True, "exitCode": 1, "exitMessage": attack}
    yield always(
        answer(json.dumps({"error": {"message": attack, "code": attack, "hint": attack}}).encode(), oops)
    )
    yield always(answer(json.dumps({"error": {"error": attack}}).encode(), oops))
    yield always(answer(json.dumps({"detail": [{"loc": [attack], "msg": attack}]}).encode(), oops))
    yield always(answer(json.dumps({attack: attack}).encode()))
    yield always(answer(b"<p>" + raw, oops))
    yield always(answer(raw))
    for name in (b"Location", b"Content-Type", b"Content-Encoding", b"Retry-After"):
        for status in (b"200", b"302", b"503"):
            head = b"HTTP/1.1 " + status + b" X\r\n" + name + b": " + line + b"\r\nContent-Length: 1\r\n\r\nx"
            yield always(head)
    yield always(b"HTTP/1.1 500 " + line + b"\r\nContent-Length: 0\r\n\r\n")
    yield after_request(lambda peer: peer.send(line + b"\r\n\r\n"))
    yield always(answer({"state": 3, "tokens": {"custom": {attack: "x"}}}))
    yield always(answer({"state": 3, attack: [[]] * 3, "notes": [{attack: _deep(attack)}]}))
    yield always(answer(failed))


def _deep(name):
    value = 1
    for _ in range(150):
        value = {name: value}
    return value


def over_websocket(attack):
    failed = {**RUNNING, "state": 6, "completed": True, "exitCode": 1, "exitMessage": attack}

    def acting(reply):
        def action(it):
            while True:
                reply(it, it.request())

        return dap(action)

    yield acting(lambda it, request: it.refuse(request, attack, code=attack, hint=attack))
    yield acting(lambda it, request: it.refuse(request, {"x": attack}, code=[attack]))
    yield acting(lambda it, request: it.raw(frame(attack.encode("utf-8", "surrogatepass"))))
    yield acting(
        lambda it, request: it.raw(frame(b"\x03\xe8" + attack.encode("utf-8", "replace")[:120], CLOSE))
    )
    yield acting(lambda it, request: it.answer(request, {"state": 3, "tokens": {"custom": {attack: "x"}}}))
    yield acting(lambda it, request: it.answer(request, failed))
    yield after_request(
        lambda peer: peer.send(b"HTTP/1.1 500 " + attack.encode("utf-8", "replace") + b"\r\n\r\n")
    )


@pytest.mark.parametrize("attack", [*ATTACKS.values(), everything], ids=[*ATTACKS, "everything"])
@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_no_error_holds_a_raw_control_character(transport, attack):
    for handler in {"http": over_http, "websocket": over_websocket}[transport](attack):
        error = failing(handler, transport=transport)
        for text in (str(error), repr(error), *(str(value) for value in vars(error).values())):
            assert not UNSEEN & set(text), repr(text)
        assert len(str(error)) < 1000


@pytest.mark.parametrize("transport", ["http", "websocket"])
@each(
    "reply", [b"HTTP/1.1 \x1bc\x07 No", b"HTTP/1.1 403 \x1b[2J\x9b", b"\x1b]0;x\x07", b"HTTP/1.1 \xb2\xb3 x"]
)
def test_a_proxys_answer_is_not_shown_raw(transport, reply):
    def proxies(server):
        return {"https": f"http://{HOST}:{server.port}"}

    handler = after_request(lambda peer: peer.send(reply + b"\r\n\r\n"))
    error = failing(handler, transport=transport, proxies=proxies, uri="https://server.test")
    assert str(error).isprintable()


def started_as(token):
    def reply(it):
        while True:
            request = it.request()
            if request["command"] == "execute":
                it.answer(request, {"token": token, "publicToken": token})
            else:
                it.refuse(request, "Your pipeline is not running")

    return dap(reply)


def test_a_token_that_a_server_made_up_is_not_shown_raw():
    token = everything.encode("utf-8", "ignore").decode("utf-8")
    with Server(started_as(token)) as server:
        with RocketRideClient(server.url, KEY, transport="websocket") as client:
            task = client.use(pipeline={"components": []})
            assert not UNSEEN & set(f"{task!r} {task.start!r}")
            with pytest.raises(RocketRideError) as caught:
                task.wait_until_complete(timeout=1.0)
    assert not UNSEEN & set(str(caught.value))


def test_one_that_no_call_can_name_is_not_shown_raw_either():
    with Server(started_as(everything)) as server:
        with RocketRideClient(server.url, KEY, transport="websocket") as client:
            with pytest.raises(ProtocolError) as caught:
                client.use(pipeline={"components": []})
    assert not UNSEEN & set(str(caught.value))


# The command line


def run(server, *arguments, stdin="", **options):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROCKETRIDE_")}
    variables = {**environment, "ROCKETRIDE_URI": server.url, "ROCKETRIDE_APIKEY": KEY, **options}
    return call_command(arguments, variables, stdin=stdin)


def next_request(it):
    """As `DapPeer.request`, binary frames too."""
    opcode, payload = it.receive()
    if opcode == CLOSE:
        raise Gone
    return json.loads(payload.partition(b"\n")[0])


def hostile_task(attack):
    """A task that says nothing but the attack, in mid-work first and failed then."""
    said = {
        **dict.fromkeys(("name", "project_id", "source", "status", "currentObject", "exitMessage"), attack),
        "errors": [attack, f"{attack}*{attack}*{attack}"],
        "warnings": [attack],
        "notes": [attack, {attack: attack}],
        "slowestDocs": [{"name": attack}],
        "componentStats": {attack: {"calls": 1}},
        "pipeflow": {"totalPipes": 1, "byPipe": {"0": [attack]}},
        attack: attack,
    }
    working = {**RUNNING, **said, "totalCount": 4, "completedCount": 1}
    failed = {
        **working,
        "state": 6,
        "completed": True,
        "exitCode": 1,
        "errors": [attack, "another " + attack],
    }
    seen = []

    def reply(it):
        while True:
            request = next_request(it)
            command = request["command"]
            if command == "rrext_get_task_status":
                seen.append(1)
                it.answer(request, working if len(seen) == 1 else failed)
            elif command == "rrext_get_tasks":
                # Not the token alone: what says that is hidden.
                it.answer(request, {"tasks": [{**said, "token": f"tk_{attack}", "description": attack}] * 2})
            elif command == "rrext_process":
                made = {"name": attack, "result_types": {attack: attack}, attack: [attack, {attack: attack}]}
                it.answer(request, {"pipe_id": 1, **made})
            else:
                it.answer(request)

    return dap(reply)


COMMANDS = {
    "status": ["status", TOKEN],
    "wait": ["wait", TOKEN, "--interval", "0.05", "--progress"],
    "stop": ["stop", TOKEN],
    "list": ["list"],
    "list-tokens": ["list", "--show-tokens"],
    "send": ["send", TOKEN, __file__, "--progress"],
}


@each("command", COMMANDS)
@pytest.mark.parametrize("options", [[], ["--json"], ["--verbose"]], ids=["plain", "json", "verbose"])
def test_no_command_prints_a_raw_control_character(command, options):
    with Server(hostile_task(everything)) as server:
        done = run(server, *COMMANDS[command], *options)
    assert done.returncode in (0, 1, 6), done.stderr
    assert "defect" not in done.stderr
    for text in (done.stdout, done.stderr):
        assert not (UNSEEN - {"\n"}) & set(text)
        assert not any(line.startswith("rocketride-sync: all is well") for line in text.splitlines())
    if options == ["--json"]:
        assert done.stdout.isascii()
        assert json.dumps(everything) in done.stdout


@on_posix
@pytest.mark.parametrize("attack", [everything, ATTACKS["overwrite"]], ids=["everything", "overwrite"])
def test_on_a_terminal_with_a_bar_it_is_the_same(attack):
    controller, terminal = os.openpty()
    shown = bytearray()

    def read():
        try:
            while True:
                data = os.read(controller, 65_536)
                if not data:
                    return
                shown.extend(data)
        except OSError:
            return  # the terminal is closed: Linux says so with an error

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with Server(hostile_task(attack)) as server:
            subprocess.run(
                [sys.executable, "-m", "rocketride_sync", *COMMANDS["wait"]],
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=terminal,
                timeout=60,
                env={**os.environ, "ROCKETRIDE_URI": server.url, "ROCKETRIDE_APIKEY": KEY, "TERM": "xterm"},
            )
    finally:
        os.close(terminal)
        reader.join(10)
        os.close(controller)
    text = shown.decode("utf-8")
    assert "task error:" in text
    assert attack not in text
    # What is there of our own: a line's end, a bar's return to the start of its line, colours.
    rest = text.replace("\r\n", "").replace("\r", "").replace("\x1b[31m", "").replace("\x1b[33m", "")
    rest = rest.replace("\x1b[0m", "").replace("\x1b[A", "").replace("\n", "")
    assert not UNSEEN & set(rest), repr(rest)
