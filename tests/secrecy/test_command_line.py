"""The command line shows no secret: not on stdout or stderr, and not to whoever lists processes."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_call import call_command
from transports.dap_peer import RUNNING, dap
from transports.loopback import Server, always, answer

from .marks import KEY, TOKEN, VARIABLE, found_in

ECHO = f"{KEY} {TOKEN}"
COMMANDS = {
    "status": ["status", "-"],
    "wait": ["wait", "-", "--interval", "0.05", "--timeout", "2", "--progress"],
    "stop": ["stop", "-"],
    "send": ["send", "-", __file__],
    "run": ["run", "PIPELINE", "--env-file", "VARIABLES"],
    "list": ["list"],
}


def refusing(peer):
    """Over WebSocket."""

    def action(it):
        while True:
            request = it.request()
            text = f"{VARIABLE} {ECHO}" if request["command"] == "execute" else ECHO
            it.refuse(request, text, code=text, hint=text)

    dap(action)(peer)


def failing(peer):
    """A task whose every word is a secret."""
    words = dict.fromkeys(("name", "status", "currentObject", "exitMessage"), f"{KEY} {TOKEN}")
    told = {**RUNNING, **words, "errors": [KEY, TOKEN], "warnings": [TOKEN], "notes": [TOKEN, {KEY: TOKEN}]}
    failed = {**told, "state": 6, "completed": True, "exitCode": 1}

    def action(it):
        while True:
            request = it.request()
            bodies = {
                "rrext_get_task_status": failed,
                "rrext_get_tasks": {
                    "tasks": [{"token": TOKEN, **words, "source": TOKEN, "description": KEY}]
                },
                "execute": {"token": TOKEN, "publicToken": TOKEN},
            }
            it.answer(request, bodies.get(request["command"]))

    dap(action)(peer)


SERVERS = {
    "page": ("http", always(answer(f"<p>{ECHO}".encode(), "500 Oops"))),
    "refusal": ("http", always(answer(json.dumps({"error": {"error": ECHO}}).encode(), "401 No"))),
    "redirect": ("http", always(answer(b"", "302 Found", Location=f"/{KEY}?{TOKEN}"))),
    "refused": ("websocket", refusing),
    "failed": ("websocket", failing),
}


@pytest.fixture
def files(tmp_path):
    """The names in `COMMANDS` of files, and the files."""
    pipeline = tmp_path / "job.pipe"
    component = {"id": "s", "provider": "simulate", "config": {"x": "${ROCKETRIDE_MARK}"}}
    pipeline.write_text(json.dumps({"source": "s", "components": [component]}))
    variables = tmp_path / "variables"
    variables.write_text(f"ROCKETRIDE_MARK='{VARIABLE}'\n")
    key = tmp_path / "key"
    key.write_text(KEY)
    return {"PIPELINE": str(pipeline), "VARIABLES": str(variables), "KEY": str(key)}


@pytest.mark.parametrize(
    ("server", "command"),
    # These take WebSocket.
    [(s, c) for s in SERVERS for c in COMMANDS if c not in ("list", "run") or SERVERS[s][0] == "websocket"],
)
def test_no_command_shows_a_secret(server, command, files):
    transport, handler = SERVERS[server]
    with Server(handler) as running:
        variables = {**os.environ, "ROCKETRIDE_URI": running.url}
        done = call_command(words_of(command, transport, files), variables, stdin=TOKEN)
    assert (
        done.returncode not in (0, 2)
        or command == "list"
        or (server, command) in {("failed", "status"), ("failed", "stop")}
    )
    assert "defect" not in done.stderr
    shown = done.stdout + done.stderr
    assert not found_in(shown), f"{found_in(shown)}:\n{shown}"


def words_of(command, transport, files):
    words = [files.get(word, word) for word in COMMANDS[command]]
    return [*words, "--transport", transport, "--verbose", "--apikey-file", files["KEY"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_whoever_lists_processes_sees_no_secret(command, files):
    transport, handler = SERVERS["failed"]
    seen = []
    started = threading.Event()

    def watching(peer):
        started.wait(30)
        seen.append(arguments_of(child.pid))
        handler(peer)

    with Server(watching) as running:
        child = subprocess.Popen(
            [sys.executable, "-m", "rocketride_sync", *words_of(command, transport, files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "ROCKETRIDE_URI": running.url},
        )
        started.set()
        printed = "".join(child.communicate(TOKEN, timeout=60))
    assert seen
    assert not found_in(printed + "".join(seen)), f"{found_in(printed)}:\n{printed}"


def arguments_of(pid):
    """What `ps` shows; nothing where there is no /proc."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_text() if path.exists() else ""
