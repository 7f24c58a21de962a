"""The server of all suites: HTTP and WebSocket on one port, and as little as will do, for the client is what is measured.

    python -m benchmarks.server     prints its port and serves until it is killed

Each answer has a body of its own: `completedCount` is the number of polls of the task so far. A task with a token of
`ending` ends so many milliseconds after the server first hears of it; `endTime` of its last status is that moment by
the monotonic clock, which the processes of a machine have in common.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Tuple

TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"
KEY = "the-key"
HOST = "127.0.0.1"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

_ENDING = "tk_ending_"
_numbers = itertools.count()


def ending(milliseconds: int) -> str:
    """The token of a task that nobody has asked for yet, and that ends `milliseconds` after it is first asked for."""
    return f"{_ENDING}{milliseconds}_{next(_numbers)}"


@contextlib.contextmanager
def running() -> Iterator[str]:
    """The ``host:port`` of a server in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"], stdout=subprocess.PIPE, universal_newlines=True
    )
    try:
        assert server.stdout is not None
        yield f"{HOST}:{int(server.stdout.readline())}"
    finally:
        server.kill()
        server.communicate()


class Task:
    """A task that runs for ever, or until its time has come."""

    def __init__(self, token: str, document: Dict[str, Any]) -> None:
        self._document = {**document, "project_id": f"project of {token}"}
        self._polls = itertools.count(1)
        self._listeners: List[Callable[[Dict[str, Any]], None]] = []
        self.token = token
        self._ended = 0.0
        if token.startswith(_ENDING):
            timer = threading.Timer(int(token[len(_ENDING) :].partition("_")[0]) / 1000, self._end)
            timer.daemon = True
            timer.start()

    def status(self) -> Dict[str, Any]:
        poll = next(self._polls)
        ended = self._ended
        return {
            **self._document,
            "status": f"Processing {poll}",
            "currentObject": f"filesys://data/file-{poll:06}.pdf",
            "completedCount": poll,
            "completedSize": poll * 2048,
            "state": 5 if ended else 3,
            "completed": bool(ended),
            "endTime": ended,
        }

    @property
    def summary(self) -> Dict[str, Any]:
        """What the list of active tasks says of it."""
        known = {key: self._document[key] for key in ("name", "source")}
        return {
            "id": f"{self.token[3:11]}.{known['source']}",
            "projectId": self._document["project_id"],
            **known,
        }

    @property
    def is_active(self) -> bool:
        return not self._ended

    def listen(self, tell: Callable[[Dict[str, Any]], None]) -> None:
        self._listeners.append(tell)

    def _end(self) -> None:
        body = {
            "action": "end",
            "projectId": self._document["project_id"],
            "source": self._document["source"],
        }
        self._ended = time.monotonic()
        for tell in self._listeners:
            tell({"type": "event", "seq": 99, "event": "apaevt_task", "body": body})


class Tasks:
    """The tasks by token; one that is asked for is there."""

    def __init__(self) -> None:
        from .documents import small

        self._document = small(1)
        self._lock = threading.Lock()
        self._tasks: Dict[str, Task] = {}

    def active(self) -> List[Dict[str, Any]]:
        with self._lock:
            return [task.summary for task in self._tasks.values() if task.is_active]

    def __getitem__(self, token: str) -> Task:
        with self._lock:
            if token not in self._tasks:
                self._tasks[token] = Task(token, self._document)
            return self._tasks[token]


def http(sock: socket.socket, tasks: Tasks) -> None:
    """Answer requests for statuses, with the headers of the real server, until the client goes."""
    received = sock.makefile("rb")
    while True:
        line, headers = head(received)
        if "upgrade" in headers:
            return websocket(sock, received, headers["sec-websocket-key"], tasks)
        if not line:
            return None
        token = line.split()[1].partition("token=")[2]
        body = json.dumps({"status": "OK", "data": tasks[token].status()})
        sock.sendall(
            "HTTP/1.1 200 OK\r\ndate: Mon, 23 Nov 2026 20:52:20 GMT\r\nserver: uvicorn\r\n"
            f"content-length: {len(body)}\r\ncontent-type: application/json\r\nvary: Origin\r\n\r\n{body}".encode()
        )


def head(received: BinaryIO) -> Tuple[str, Dict[str, str]]:
    """A request's first line, empty if the client is gone, and its headers, with names in small letters."""
    lines = []
    for line in iter(received.readline, b""):
        if line == b"\r\n":
            break
        lines.append(line.decode().strip())
    pairs = (line.partition(": ")[::2] for line in lines[1:])
    return "".join(lines[:1]), {name.lower(): value for name, value in pairs}


def websocket(sock: socket.socket, received: BinaryIO, key: str, tasks: Tasks) -> None:
    """Answer DAP requests until the client goes."""
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )
    lock = threading.Lock()

    def send(payload: bytes, opcode: int) -> None:
        with lock:
            sock.sendall(frame(payload, opcode))

    def tell(message: Dict[str, Any]) -> None:
        send(json.dumps(message).encode(), TEXT)

    for opcode, payload in frames(received):
        if opcode == TEXT:
            tell(answer(json.loads(payload), tasks, tell))
        elif opcode == PING:
            send(payload, PONG)
        elif opcode == CLOSE:
            send(payload, CLOSE)
            return


def answer(request: Dict[str, Any], tasks: Tasks, tell: Callable[[Dict[str, Any]], None]) -> Dict[str, Any]:
    command, token = request["command"], request["arguments"].get("token", "")
    response = {"type": "response", "seq": request["seq"], "request_seq": request["seq"], "command": command}
    response["success"] = True
    if command == "rrext_get_task_status":
        response["body"] = tasks[token].status()
    elif command == "auth":
        response["body"] = {"userToken": request["arguments"]["auth"]}
    elif command == "rrext_monitor" and request["arguments"]["types"]:
        body = {"action": "running", "tasks": tasks.active()}
        tell({"type": "event", "seq": 98, "event": "apaevt_task", "body": body})
        tasks[token].listen(tell)
    return response


def frame(payload: bytes, opcode: int) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes([size])
    else:
        length = b"\x7e" + struct.pack("!H", size) if size < 1 << 16 else b"\x7f" + struct.pack("!Q", size)
    return bytes([0x80 | opcode]) + length + payload


def frames(received: BinaryIO) -> Iterator[Tuple[int, bytes]]:
    """The client's frames: opcode and payload. They are short and never in fragments."""
    while True:
        start = received.read(2)
        if len(start) < 2:
            return
        size = start[1] & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", received.read(2))
        mask = received.read(4) * (size // 4 + 1)
        masked = int.from_bytes(received.read(size), "big")
        yield start[0] & 0x0F, (masked ^ int.from_bytes(mask[:size], "big")).to_bytes(size, "big")


def serve() -> None:
    """Print the port, and give each connection a thread."""
    tasks = Tasks()

    def connection(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client may leave as it likes.
        with sock, contextlib.suppress(OSError):
            http(sock, tasks)

    listener = socket.create_server((HOST, 0), backlog=100)
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=connection, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    serve()
