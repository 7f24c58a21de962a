"""http.client's response, stricter: it passes over informational answers, and knows whether the answer ended exactly.

http.client takes any 1xx but 100 for the answer, reads lengths and chunks that are none, and forgets what it has
read beyond the end. What follows on the connection could then be taken for the answer to the next request.
"""

from __future__ import annotations

import http.client
import io
import string
from typing import Any, Callable, Optional, Tuple

_SWITCHING_PROTOCOLS = 101
_LONGEST_LINE = 65_536
_LINE_END = b"\r\n"
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
    chunk_left: Optional[int]
    _safe_read: Callable[[int], bytes]
    ended_exactly = False
    _last_chunk_read = False

    def _read_status(self) -> Tuple[str, int, str]:
        status: Tuple[str, int, str] = super()._read_status()  # type: ignore[misc]  # not in its stub
        while 100 <= status[1] < 200:
            if status[1] == _SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("it switched to a protocol that was not asked for")
            http.client.parse_headers(self.fp)
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
