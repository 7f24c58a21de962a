"""The body of an HTTP answer as it was before compression: within its limit of size, and in time. No sockets."""

from __future__ import annotations

import zlib
from typing import Callable, Generator, Iterable, Iterator, List, Optional

from ..errors import ProtocolError
from ..options import SizeLimit
from .failures import readable

_PIECE = 16_384  # bytes, both of what is decoded and of the result: there may be many short members in it
_GZIP = b"\x1f\x8b"  # how a member begins
_WRAPPED = zlib.MAX_WBITS | 32  # in gzip or zlib, whichever it is
_RAW = -zlib.MAX_WBITS


def decompress(
    encoding: Optional[str],
    body: bytes,
    limit: SizeLimit,
    secrets: Iterable[str] = (),
    check_time: Callable[[], object] = lambda: None,
) -> bytes:
    """Decode `body` from its ``Content-Encoding``. More than `limit` bytes are a `ProtocolError`.

    Args:
        encoding: the header's value.
        body: the body as it was sent.
        limit: of the result.
        secrets: texts that a message must not show.
        check_time: called every few milliseconds; raises once the time is up.
    """
    if not encoding or not body or encoding.lower() == "identity":
        return body
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        raise ProtocolError(
            f"The answer is encoded as {readable(encoding, secrets)!r}, which was not asked for"
        )
    pieces: List[bytes] = []
    size = 0
    try:
        for piece in _inflate(body, _window_bits(encoding, body)):
            pieces.append(piece)
            size += len(piece)
            if size > limit.size:
                raise too_large(limit)
            check_time()
        return b"".join(pieces)
    except (zlib.error, EOFError):
        pass
    raise ProtocolError(f"The answer's {encoding.lower()} data are damaged")


def _window_bits(encoding: str, body: bytes) -> int:
    """How `zlib` has to read `body`. Some servers send ``deflate`` without its wrapper, and other clients read that."""
    if encoding.lower() != "deflate" or body.startswith(_GZIP):
        return _WRAPPED
    # RFC 1950, section 2.2. No compressor begins raw data so: it would be a stored block with odd bits before its length.
    has_header = body[0] & 0x0F == zlib.DEFLATED
    return _WRAPPED if has_header else _RAW


def _inflate(body: bytes, window_bits: int) -> Iterator[bytes]:
    """Decode in pieces, both what goes in and what comes out. Raises EOFError if an end is missing."""
    end = yield from _inflate_member(body, 0, window_bits)
    # More members may follow (RFC 1952, section 2.2). Anything else is passed over, as urllib3 does it.
    while body.startswith(_GZIP, end):
        end = yield from _inflate_member(body, end, _WRAPPED)


def _inflate_member(body: bytes, start: int, window_bits: int) -> Generator[bytes, None, int]:
    """Decode what begins at `start`; where it ends."""
    decoder = zlib.decompressobj(window_bits)
    while not decoder.eof:
        rest = body[start : start + _PIECE]
        if not rest:
            raise EOFError
        start += len(rest)
        # The last bytes, a checksum, are not taken before all else has come out.
        while rest and not decoder.eof:
            yield decoder.decompress(rest, _PIECE)
            rest = decoder.unconsumed_tail
    return start - len(decoder.unused_data)


def too_large(limit: SizeLimit) -> ProtocolError:
    """The error for an answer beyond `limit`: made, not raised."""
    return ProtocolError.lasting(f"The answer is larger than {limit}")
