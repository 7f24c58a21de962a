"""What is fuzzed: each target takes any bytes, and fails unless what comes of them is right or an error of ours."""

from __future__ import annotations

import contextlib
import json
import pickle
import socket
import threading
import time
from email.parser import BytesHeaderParser
from types import SimpleNamespace
from typing import Any, Callable, Dict

from transports.dap_peer import DapPeer, Gone
from transports.loopback import HOST, Peer, Server

from rocketride_sync import DecodeError, RocketRideError, TaskStatus
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.deadline import Deadline
from rocketride_sync.options import SizeLimit
from rocketride_sync.protocol import (
    content_encoding,
    dap,
    http_answers,
    object_operations,
    operations,
    strict_json,
)
from rocketride_sync.redact import printable
from rocketride_sync.transports.http import HttpTransport
from rocketride_sync.transports.websocket.connection import Connection

KEY = "key-0123456789abcdef"
TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"
STATUS = operations.get_task_status(TOKEN)
PATIENCE = 2.0
LIMIT = 100_000
_SLOW = 10.0
_BETWEEN = b"\x1e"  # ASCII's record separator, which JSON cannot hold


def decoder(data: bytes) -> None:
    """A status document."""
    try:
        document = strict_json.loads(data)
    except ValueError:
        return
    try:
        seen = TaskStatus.from_dict(document)
    except DecodeError as error:
        _check(error)
        return
    _check_status(seen)
    assert TaskStatus.from_dict({**document, **seen.to_dict()}) == seen


def envelope(data: bytes) -> None:
    """An HTTP answer: its status, its headers, and after an empty line its body."""
    first, _, rest = data.partition(b"\n")
    head, _, body = rest.partition(b"\n\n")
    status = int(first) if first.isdigit() and len(first) < 4 else 200
    headers = BytesHeaderParser().parsebytes(head)
    for operation in (
        STATUS,
        object_operations.send("send", TOKEN, {}, "text/plain", data=SimpleNamespace(size=1)),
    ):
        try:
            plain = content_encoding.decompress(
                _header(headers, "Content-Encoding"), body, SizeLimit("max_response_bytes", LIMIT)
            )
            names = {name: _header(headers, name) or "" for name in headers}
            document = http_answers.interpret(operation, status, _Headers(names), plain, KEY)
        except RocketRideError as error:
            _check(error)
        else:
            assert 200 <= status < 300
            assert strict_json.loads(plain)["status"] == "OK"
            json.dumps(document)


def dialogue(data: bytes) -> None:
    """The payloads of a connection's frames, with an answer to each of two requests among them, perhaps."""
    talk = dap.Dialogue()
    numbers = [talk.request("rrext_get_task_status", {"token": TOKEN})[0] for _ in range(2)]
    try:
        for payload in data.split(_BETWEEN):
            talk.receive(payload[1:], binary=payload[:1] == b"B")
    except RocketRideError as error:
        _check(error)
    for number in numbers:
        answer = talk.answer(number)
        assert talk.answer(number) is None
        if answer is not None:
            with _ours():
                dap.interpret(STATUS, answer, KEY)
            refused = dap.refused_credential(STATUS, answer, KEY)
            assert refused is None or _check(refused)
    while talk.next_event() is not None:
        pass


def frames(data: bytes) -> None:
    """All that a WebSocket server sends after it has accepted the credential, before it hangs up."""
    ours, theirs = socket.socketpair()
    server = threading.Thread(target=_welcome_and_send, args=(theirs, data))
    server.start()
    began = time.monotonic()
    try:
        with _ours():
            connection = _connected(ours)
            try:
                _check_document(connection.ask(STATUS, Deadline(PATIENCE)))
                while connection.listen(Deadline(PATIENCE)) is not None:
                    pass
            finally:
                connection.close()
    finally:
        ours.close()
        server.join(_SLOW)
    assert not server.is_alive()
    assert time.monotonic() - began < _SLOW


def http_bytes(data: bytes) -> None:
    """All that an HTTP server sends before it hangs up."""
    began = time.monotonic()
    with _web_server() as (server, transport):
        server.answer = data
        with _ours():
            _check_document(transport.call(STATUS, Deadline(PATIENCE)))
        transport.close()
    assert time.monotonic() - began < _SLOW


TARGETS: Dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (decoder, envelope, dialogue, frames, http_bytes)
}


class _Headers(Dict[str, str]):
    """Headers by name, without regard to case."""

    def get(self, name: str, default: Any = None) -> Any:
        return next((value for known, value in self.items() if known.lower() == name.lower()), default)


def _header(headers: Any, name: str) -> Any:
    value = headers.get(name)
    return None if value is None else str(value)


@contextlib.contextmanager
def _ours() -> Any:
    try:
        yield
    except RocketRideError as error:
        _check(error)


def _check(error: RocketRideError) -> bool:
    """It can be shown, and kept."""
    text = str(error)
    _check_shown(text)
    assert KEY not in text
    assert TOKEN not in text
    assert error.__cause__ is None
    assert error.__context__ is None
    assert str(pickle.loads(pickle.dumps(error))) == text
    return True


def _check_shown(text: str) -> None:
    assert printable(text) == text, repr(text)
    assert len(text) < 1000, len(text)


def _check_document(document: Any) -> None:
    with _ours():
        _check_status(TaskStatus.from_dict(document))


def _check_status(seen: TaskStatus) -> None:
    """It can be asked everything, and makes the round trips."""
    for value in (
        seen.outcome,
        seen.progress,
        seen.elapsed(0.0),
        seen.started_at,
        seen.ended_at,
        seen.has_failures,
    ):
        repr(value)
    assert seen.new_errors(seen).messages == ()
    assert printable(repr(seen)) == repr(seen)
    assert len(repr(seen)) < 80
    text = json.dumps(seen.to_dict(), allow_nan=False)
    assert TaskStatus.from_dict(json.loads(text)) == seen
    assert pickle.loads(pickle.dumps(seen)) == seen
    if seen.is_terminal and not seen.succeeded:
        try:
            seen.raise_for_outcome()
        except RocketRideError as error:
            _check_shown(str(error))


def _settings(address: str) -> Settings:
    return Settings(address=Address.parse(address), auth=KEY, max_response_bytes=LIMIT)


def _connected(sock: socket.socket) -> Connection:
    return Connection(
        sock,
        Address.parse("fuzz.test"),
        KEY,
        client_name="fuzz",
        client_version="1",
        limit_of=_settings("http://fuzz.test").limit_of,
        dead_after=PATIENCE,
        connect_deadline=Deadline(PATIENCE),
        deadline=Deadline(PATIENCE),
    )


def _welcome_and_send(sock: socket.socket, data: bytes) -> None:
    sock.settimeout(_SLOW)
    with sock, contextlib.suppress(OSError, Gone):
        it = DapPeer(Peer(SimpleNamespace(requests=[]), sock))
        it.welcome()
        it.raw(data)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65_536):
            pass


class _WebServer(Server):
    answer = b""

    def __init__(self) -> None:
        super().__init__(self._hang_up)

    def _hang_up(self, peer: Peer) -> None:
        if peer.read_request() is not None:
            peer.send(self.answer)


_kept: Dict[str, Any] = {}


@contextlib.contextmanager
def _web_server() -> Any:
    """One server for all examples: making one takes longer than asking it."""
    if not _kept:
        server = _WebServer()
        server.__enter__()
        _kept["server"] = server
        _kept["transport"] = HttpTransport(_settings(f"http://{HOST}:{server.port}"))
    yield _kept["server"], _kept["transport"]


def close() -> None:
    """Close what the targets share."""
    if _kept:
        _kept.pop("transport").close()
        _kept.pop("server").__exit__(None, None, None)
