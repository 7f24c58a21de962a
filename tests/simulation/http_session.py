"""The server's side of a connection, from its first byte: HTTP, until a WebSocket upgrade."""

from __future__ import annotations

import json
import re
from email.utils import formatdate
from urllib.parse import parse_qs, unquote, urlsplit

from . import frames
from .data_pipes import OVERLOAD
from .engine import NOT_RUNNING
from .websocket_session import DeadEnd, WebSocketSession

_KEPT_FOR = 5.0
_LENGTH = re.compile(rb"content-length:[ \t]*(\d+)", re.IGNORECASE)
_WEBSOCKET_KEY = re.compile(rb"sec-websocket-key:[ \t]*(\S+)", re.IGNORECASE)
_AUTHORIZATION = re.compile(rb"\r\nauthorization:[ \t]*(?:Bearer )?(\S*)", re.IGNORECASE)
_PAGE = b"<html><head><title>Bad gateway</title></head><body>The upstream is <b>not</b> there.</body></html>"
_INFORMATIONAL = (b"103 Early Hints\r\nlink: </a.css>; rel=preload", b"102 Processing", b"199 Odd")
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 408: "Request Time-out"}


class HttpSession:
    def __init__(self, server, connection):
        self._server = server
        self._connection = connection
        self._world = server.world
        self._buffer = b""
        self._busy = False
        self._turn = 0

    def gone(self):
        """The connection was closed by this side."""

    def arrived(self):
        self._buffer += self._connection.read()
        if self._connection.to_server.ended or self._connection.to_server.failure:
            self._connection.close()
        elif not self._busy:
            self._next_request()

    def _next_request(self):
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        size = _LENGTH.search(head)
        size = int(size.group(1)) if size else 0
        if len(rest) < size:
            return
        self._buffer, body = rest[size:], rest[:size]
        self._busy = True
        self._turn += 1
        self._server.admission.requests_in_service += 1
        self._world.later(self._server.think(), self._serve, head, body)

    def _serve(self, head, body):
        self._server.admission.requests_in_service -= 1
        if self._connection.gone or not self._server.alive:
            return
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        parts = urlsplit(target)
        path = unquote(parts.path)
        if b"upgrade: websocket" in head.lower():
            self._upgrade(head, path)
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._world.tell("connection %s: %s %s", self._connection.number, method, path)
        if self._server.faults.now("mute"):
            return
        page = self._server.faults.now("proxy page")
        if page:
            self._answer_page(page)
        elif self._server.faults.now("overload") or not self._server.admission.has_slot():
            self._answer(
                400,
                {
                    "status": "Error",
                    "error": {"message": OVERLOAD, "file": "transport_websocket.py", "lineno": 7},
                },
            )
        else:
            key = _AUTHORIZATION.search(head)
            self._server.answers.http_request(
                method, path, query, body, key and key.group(1).decode(), self._answer
            )

    def _answer(self, status, document):
        data = json.dumps(document).encode()
        head = f"HTTP/1.1 {status} {REASONS.get(status, 'Odd')}\r\ncontent-type: application/json\r\n"
        if self._world.rng.random() < 0.2:
            middle = len(data) // 2
            chunks = b"".join(
                b"%x\r\n%s\r\n" % (len(part), part) for part in (data[:middle], data[middle:]) if part
            )
            self._write((head + "transfer-encoding: chunked\r\n\r\n").encode() + chunks + b"0\r\n\r\n")
        else:
            self._write(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)

    def _answer_page(self, fault):
        status = (502, 503, 504, 429)[fault.variant % 4]
        after = (self._seconds_after, self._date_after, lambda _: b"")[fault.variant % 3](fault.variant % 7)
        head = b"HTTP/1.1 %d Trouble\r\ncontent-type: text/html\r\n%scontent-length: %d\r\n\r\n"
        self._write(head % (status, after, len(_PAGE)) + _PAGE)

    @staticmethod
    def _seconds_after(seconds):
        return b"retry-after: %d\r\n" % seconds

    def _date_after(self, seconds):
        """As an HTTP date: by the server's clock, which it sends with it, or by the same clock as the client's."""
        self._world.count("Retry-After as a date")
        skew = self._world.rng.choice((0.0, 7200.0, -86400.0))
        now = self._server.unix_time() + skew
        lines = f"retry-after: {formatdate(now + seconds, usegmt=True)}\r\n"
        if skew or seconds % 2:
            lines += f"date: {formatdate(now, usegmt=True)}\r\n"
        return lines.encode()

    def _write(self, answer):
        if self._connection.gone:
            return
        answer = self._hints() + answer
        if self._server.faults.now("doubled answers"):
            # The beginning of the second comes with the first: a client can know that the connection is spoiled.
            cut = self._world.rng.randrange(1, len(answer))
            self._connection.write_at_once(answer + answer[:cut])
            self._world.later(10 ** self._world.rng.uniform(-3, -0.5), self._connection.write, answer[cut:])
            self._busy = False
            return
        whole = self._server.spoil(self._connection, answer)
        if whole:
            self._busy = False
            self._world.later(_KEPT_FOR, self._idle, self._turn)
            if self._buffer:
                self._next_request()

    def _hints(self):
        """The informational answer that comes before the real one, if there is one."""
        hints = self._server.faults.now("early hints")
        return b"HTTP/1.1 %s\r\n\r\n" % _INFORMATIONAL[hints.variant % 3] if hints else b""

    def _idle(self, turn):
        """A connection that was idle for so long is closed; some proxies answer what nobody asked."""
        if turn == self._turn and not self._busy and not self._connection.gone:
            if self._server.faults.now("idle connections answered 408"):
                self._connection.write(
                    b"HTTP/1.1 408 Request Time-out\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )
            self._server.idle_closings.append(self._world.now)
            self._connection.close()

    def _upgrade(self, head, path):
        key = _WEBSOCKET_KEY.search(head)
        faults = self._server.faults
        page, refused, cut = (
            faults.now("proxy page"),
            faults.now("upgrade refused"),
            faults.now("upgrade cut"),
        )
        if faults.now("mute") or faults.now("upgrade swallowed"):
            return
        if (
            faults.now("overload")
            or not self._server.admission.has_slot()
            or path != "/task/service"
            or not key
        ):
            self._refuse(403, b"Forbidden")
        elif page:
            self._answer_page(page)
            self._connection.close()
        elif refused:
            self._refuse((404, 405, 426, 501)[refused.variant % 4], b"No")
        elif cut:
            self._connection.close()
        else:
            accepted = frames.accept_key(key.group(1))
            answer = (
                self._hints()
                + b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            )
            self._turn += 1
            if not self._server.spoil(
                self._connection, answer + b"sec-websocket-accept: %s\r\n\r\n" % accepted
            ):
                return
            vain = faults.now("upgrade in vain")
            if vain:
                self._connection.session = DeadEnd(self._connection, vain.variant)
                return
            session = WebSocketSession(self._server, self._connection)
            self._connection.session = session
            session.receive(self._buffer)

    def _refuse(self, status, reason):
        self._connection.write(
            b"HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % (status, reason)
        )
        self._connection.close()


def not_running(status=400):
    return status, {"status": "Error", "error": {"message": NOT_RUNNING, "file": "task.py", "lineno": 99}}
