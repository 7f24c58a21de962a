"""http.client's response, stricter and faster: it passes over informational answers, and knows whether the answer ended
exactly.

http.client takes any 1xx but 100 for the answer, reads lengths and chunks that are none, and forgets what it has
read beyond the end. What follows on the connection could then be taken for the answer to the next request.
"""

from __future__ import annotations

import http.client
import io
import string
from typing import Any, Callable, List, Optional, Sequence, Tuple

from ...handler_exceptions import pass_on

_SWITCHING_PROTOCOLS = 101
_LONGEST_LINE = 65_536
_LINE_END = b"\r\n"
_MOST_USUAL = 64  # headers; http.client reads 100
_KINDS_IN_PARTS = ("multipart", "message")
_HEX_DIGITS = frozenset(string.hexdigits.encode())


class AnswerFile(io.BufferedReader):
    """The file that an answer is read from.

    Attributes:
        odd: whether a line was read that does not end, or contains what a line does not, as HTTP says.
    """

    odd = False

    def readline(self, size: Optional[int] = -1) -> bytes:
        line = super().readline(size)
        if not line.endswith(_LINE_END) or line.find(b"\r") != len(line) - 2 or b"\0" in line:
            self.odd = True
        return line

    def has_surplus(self) -> bool:
        """Whether bytes have been received that were not read. Nothing can be read afterwards."""
        raw: Any = self.raw
        return raw.end() or bool(self.peek(1))


class ExactResponse(http.client.HTTPResponse):
    """An answer, also a proxy's answer to CONNECT. `fp` must be an `AnswerFile`.

    Attributes:
        ended_exactly: whether it has been read to its end, which its headers declare exactly, and nothing follows it.
    """

    fp: Any = None  # so that `close` works even if Ctrl-C comes in `__init__`
    headers: Any
    chunk_left: Optional[int]
    _method: str
    _check_close: Callable[[], bool]
    _safe_read: Callable[[int], bytes]
    ended_exactly = False
    _last_chunk_read = False

    def begin(self) -> None:
        """Read the head. As the base class, whose parser of headers, that of e-mail, takes an eighth of a call."""
        if self.headers is not None:  # it has begun
            return
        version, status, reason = self._read_status()
        is_old = version in ("HTTP/1.0", "HTTP/0.9")
        if not (is_old or version.startswith("HTTP/1.")):
            raise http.client.UnknownProtocol(version)
        self.version = 10 if is_old else 11
        self.code = self.status = status
        self.reason = reason.strip()
        self.headers = self.msg = read_headers(self.fp)
        self.chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = self._body_length()
        # Of a body without a length, the end of the connection is the end.
        self.will_close = self._check_close() or (self.length is None and not self.chunked)

    def _body_length(self) -> Optional[int]:
        """The length of the body, None if the headers do not declare it."""
        if self._has_no_body() or self._method == "HEAD":
            return 0
        if self.chunked:
            return None
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError as error:
            pass_on(error)
            return None
        return length if length >= 0 else None

    def _read_status(self) -> Tuple[str, int, str]:
        status: Tuple[str, int, str] = super()._read_status()  # type: ignore[misc]  # not in its stub
        while 100 <= status[1] < 200:
            if status[1] == _SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("it switched to a protocol that was not asked for")
            read_headers(self.fp)
            status = super()._read_status()  # type: ignore[misc]
        return status

    def _get_chunk_left(self) -> Optional[int]:
        """The bytes left of the current chunk; None after the last one, with which the answer ends."""
        if not self.chunk_left:
            if self.chunk_left is not None and self._safe_read(len(_LINE_END)) != _LINE_END:
                raise http.client.HTTPException("a chunk does not end where it should")
            self.chunk_left = self._read_chunk_size()
            if self.chunk_left == 0:
                self._read_and_discard_trailer()  # type: ignore[attr-defined]
                self._last_chunk_read = True
                self._close_conn()
                self.chunk_left = None
        return self.chunk_left

    def _read_chunk_size(self) -> int:
        line: bytes = self.fp.readline(_LONGEST_LINE)
        digits = line.partition(b";")[0].strip()
        if not line.endswith(b"\n"):
            raise (
                http.client.LineTooLong("chunk size")
                if len(line) == _LONGEST_LINE
                else http.client.IncompleteRead(b"")
            )
        if not digits or not _HEX_DIGITS.issuperset(digits):
            raise http.client.HTTPException("a chunk does not begin with its size")
        return int(digits, 16)

    def _close_conn(self) -> None:
        """http.client calls this at the end of the answer, and when it is given up."""
        self.ended_exactly = self._is_at_exact_end()
        super()._close_conn()  # type: ignore[misc]

    def _is_at_exact_end(self) -> bool:
        if self.headers is None or self.headers.defects or self.will_close or self.fp.odd:
            return False
        at_end = self._last_chunk_read if self.chunked else self.length == 0
        return at_end and self._is_length_exact() and not self.fp.has_surplus()

    def _is_length_exact(self) -> bool:
        """Whether the headers declare where the body ends, once and clearly."""
        lengths = self.headers.get_all("Content-Length", [])
        if self.chunked:
            return not lengths and len(self.headers.get_all("Transfer-Encoding", [])) == 1
        clear = len(lengths) == 1 and lengths[0].isascii() and lengths[0].isdigit()
        return (clear or self._has_no_body()) and "Transfer-Encoding" not in self.headers

    def _has_no_body(self) -> bool:
        return self.status in (http.client.NO_CONTENT, http.client.NOT_MODIFIED)


def read_headers(file: Any) -> http.client.HTTPMessage:
    """As `http.client.parse_headers`, which reads them if they are of an unusual form; without white space around a value."""
    lines: List[bytes] = []
    message = http.client.HTTPMessage()
    while len(lines) < _MOST_USUAL:
        line = file.readline(_LONGEST_LINE + 1)
        lines.append(line)
        if line == _LINE_END:
            message.set_payload("")
            return message
        name, _, value = line.decode("latin-1").partition(":")
        if not _is_usual(name, value):
            break
        _append(message, name, value[:-2])
    return _without_white_space(http.client.parse_headers(_Reread(lines, file)))


def _without_white_space(message: http.client.HTTPMessage) -> http.client.HTTPMessage:
    headers = list(message.raw_items())
    for name, _ in headers:
        del message[name]
    for name, value in headers:
        _append(message, name, value)
    return message


def _append(message: http.client.HTTPMessage, name: str, value: str) -> None:
    message.set_raw(name, value.strip(" \t"))


def _is_usual(name: str, value: str) -> bool:
    """Whether a header needs nothing of a parser: it has one line of printable text, and is of no message in parts."""
    if not (value.endswith("\r\n") and value[:-2].isprintable()):
        return False
    if not (name.isascii() and name.replace("-", "a").isalnum()):
        return False
    return name.lower() != "content-type" or not any(kind in value.lower() for kind in _KINDS_IN_PARTS)


class _Reread:
    """A file with some of its lines again before it."""

    def __init__(self, lines: Sequence[bytes], file: Any) -> None:
        self._lines = iter(lines)
        self._file = file

    def readline(self, size: int = -1) -> bytes:
        line: Optional[bytes] = next(self._lines, None)
        return self._file.readline(size) if line is None else line
