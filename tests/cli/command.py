"""The command, in this process or as a real one, and servers for it to talk to."""

from __future__ import annotations

import collections
import io
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import parse_qs, urlsplit

import pytest
from command_call import call_command
from command_process import run_command, start_command
from preloaded import is_forkable

KEY = "key-5f3a9c1e-secret"
TOKEN = "tk_0123456789abcdef0123456789abcdef"
PROGRAM = [sys.executable, "-m", "rocketride_sync"]
COMMAND = [*PROGRAM, "--transport", "http"]  # all that the stub speaks

RUNNING = {
    "name": "words",
    "state": 3,
    "completed": False,
    "startTime": 1700000000.0,
    "totalCount": 4,
    "completedCount": 1,
}
SUCCEEDED = {
    **RUNNING,
    "state": 5,
    "completed": True,
    "completedCount": 4,
    "endTime": 1700000009.5,
    "exitCode": 0,
}
FAILED = {**SUCCEEDED, "state": 6, "exitCode": 1, "exitMessage": "the engine fell over"}
CANCELLED = {**SUCCEEDED, "state": 6, "exitCode": 0, "completedCount": 2}
WITH_FAILURES = {
    **SUCCEEDED,
    "completedCount": 3,
    "failedCount": 1,
    "errors": ["Failed*bad input*pipe.cpp:10"],
}


def environment(**variables: str) -> Dict[str, str]:
    """This process's environment without what would steer the command, and with `variables`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("ROCKETRIDE_", "PYTEST_"))
        and name.upper() not in ("NO_COLOR", "HTTP_PROXY")
    }
    return {**kept, **variables}


def nowhere(kind: str) -> int:
    """A stdout that takes nothing, as a descriptor: a full disk, or a pipe without a reader."""
    if kind == "full":
        if not os.path.exists("/dev/full"):
            pytest.skip("needs /dev/full")
        return os.open("/dev/full", os.O_WRONLY)
    reader, writer = os.pipe()
    os.close(reader)
    return writer


class Answer:
    """One answer of the stub: an HTTP status, a body, a content type."""

    def __init__(self, status: int, body: str, content_type: str = "application/json") -> None:
        self.status, self.body, self.content_type = status, body.encode(), content_type


def ok(document: Dict[str, Any]) -> Answer:
    return Answer(200, json.dumps({"status": "OK", "data": document}))


def refusal(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"status": "Error", "error": {"message": message}}))


NOT_RUNNING = refusal(400, "Your pipeline is not running")
OVERLOADED = refusal(400, "server rejected WebSocket connection: HTTP 403")


class _Listener(ThreadingHTTPServer):
    """Its threads are waited for, but not for ever: a thread that outlives its test leaves its socket open at the end of all."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._handling: List[threading.Thread] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._handling.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self._handling:
            thread.join(10.0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing, on what may be the command's stderr, of a client that did not wait for its answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Stub:
    """A server on loopback that gives one answer after the other, and the last one for ever."""

    def __init__(self) -> None:
        self.answers: List[Answer] = []
        self.requests: List[Tuple[str, Optional[str]]] = []  # token, Authorization
        self.asked = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub._answer(self)

            do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Listener(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        token = parse_qs(urlsplit(handler.path).query).get("token", [""])[0]
        self.requests.append((token, handler.headers.get("Authorization")))
        answer = self._next_answer(token)
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.content_type)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)
        self.asked.set()

    def _next_answer(self, token: str) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server.join()


def run(*arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end: in this process, unless there is something for the interpreter in `variables`."""
    run_it = call_command if is_forkable(environment(**variables)) else run_command
    return run_it(_words(arguments), environment(**variables), stdin=stdin)


def run_process(*arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, as a process of its own."""
    return run_command(_words(arguments), environment(**variables), stdin=stdin)


def start(*arguments: str, env: Dict[str, str], **streams: Any) -> Any:
    """Start the command as a process of its own, which speaks HTTP alone."""
    return start_command(_words(arguments), env, **streams)


def run_into(kind: str, arguments: Sequence[str], variables: Dict[str, str], *, process: bool) -> Any:
    """Run the command to its end with a stdout that is "closed", or of a `kind` of `nowhere`. `process`: as one of its own."""
    words = [*PROGRAM, *arguments]
    streams: Dict[str, Any] = {
        "stderr": subprocess.PIPE,
        "encoding": "utf-8",
        "timeout": 60,
        "env": variables,
    }
    if kind == "closed":
        if process:
            return subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *words], **streams)
        return call_command(arguments, variables, stdout=None)
    with open(nowhere(kind), "w", encoding="utf-8") as stdout:
        if process:
            return subprocess.run(words, stdout=stdout, **streams)
        return call_command(arguments, variables, stdout=stdout)


def _words(arguments: Sequence[str]) -> List[str]:
    # Those have a server of their own, and no option that is for another.
    if arguments[:1] in (("serve",), ("demo",)):
        return list(arguments)
    return [*COMMAND[len(PROGRAM) :], *arguments]


def run_with(
    stub: Stub, *arguments: str, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command against `stub`, with a key."""
    variables = {"ROCKETRIDE_URI": stub.uri, "ROCKETRIDE_APIKEY": KEY, **variables}
    return run(*arguments, stdin=stdin, **variables)


def token(number):
    return f"tk_{number:04x}456789abcdef0123456789abcd"


class Tasks(Stub):
    """A server that has a script of answers for each task; the last answer repeats."""

    def __init__(self):
        super().__init__()
        self.scripts = {}
        self._turn = threading.Lock()
        self._given = collections.Counter()
        self._is_up = None

    def let_time_pass(self, leaping, seconds):
        """Let so many seconds pass once a task gives its last answer for the fifth time: all answers have been seen then."""
        self._is_up = lambda: leaping.leap(seconds)

    def _answer(self, handler):
        token = handler.path.partition("token=")[2]
        script = self.scripts.get(token, [NOT_RUNNING])
        with self._turn:
            self.answers = [script.pop(0) if len(script) > 1 else script[0]]
            self._given[token] += len(script) == 1
            if self._given[token] == 5 and self._is_up:
                self._is_up()
            super()._answer(handler)


class Done(NamedTuple):
    """What a command did that ran in this process."""

    code: int
    stdout: str
    stderr: str


def run_here(monkeypatch: Any, capsys: Any, *arguments: str, stdin: bytes = b"", **variables: str) -> Done:
    """Run the command in this process, which tests may change for it."""
    from rocketride_sync.cli.main import main

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    capsys.readouterr()
    return Done(main(arguments), *capsys.readouterr())
