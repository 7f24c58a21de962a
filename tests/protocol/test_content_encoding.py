"""The body of an HTTP answer, decompressed."""

import gzip
import hashlib
import itertools
import zlib

import pytest
from cases import each

from rocketride_sync import errors
from rocketride_sync.options import SizeLimit
from rocketride_sync.protocol import content_encoding
from rocketride_sync.protocol.content_encoding import decompress

PLAIN = b'{"status": "OK"}' * 100


def raw(whole, level=-1):
    """Deflate data without the wrapper of zlib, as some servers send them."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(whole) + compressor.flush()


def limit(size):
    return SizeLimit("max_response_bytes", size)


@each(
    ("encoding", "body"),
    [
        (None, PLAIN),
        ("", PLAIN),
        ("identity", PLAIN),
        ("Identity", PLAIN),
        ("gzip", gzip.compress(PLAIN, mtime=0)),
        ("X-GZIP", gzip.compress(PLAIN, mtime=0)),
        ("deflate", zlib.compress(PLAIN)),
        ("Deflate", raw(PLAIN)),
        ("deflate", raw(PLAIN, 0)),
        ("deflate", gzip.compress(PLAIN, mtime=0)),
    ],
)
def test_decompress(encoding, body):
    assert decompress(encoding, body, limit(len(PLAIN))) == PLAIN


@each("level", [0, 1, 6, 9])
@each("window", [9, 12, 15])
@pytest.mark.parametrize("whole", [b"", b"{", PLAIN, bytes(70_000), hashlib.shake_128(b"").digest(70_000)])
def test_deflate_is_told_with_its_wrapper_from_without(level, window, whole):
    """Servers send both: RFC 9110 has the wrapper of zlib."""
    for bits in (window, -window):
        compressor = zlib.compressobj(level, zlib.DEFLATED, bits)
        body = compressor.compress(whole) + compressor.flush()
        assert decompress("deflate", body, limit(len(whole))) == whole


@pytest.mark.parametrize("size", [262_143, 262_144, 262_145, 3_000_000])
def test_decompression_in_pieces(size):
    whole = hashlib.shake_128(b"").digest(size) if size < 10**6 else bytes(size)
    assert decompress("gzip", gzip.compress(whole, mtime=0), limit(size)) == whole


@pytest.mark.parametrize("whole", [bytes(20_000_000), b"ab" * 5_000_000], ids=["zeros", "pairs"])
def test_the_time_is_looked_at_while_a_body_is_decompressed(whole):
    """A piece takes a few milliseconds; the whole may take seconds."""
    looks = itertools.count()

    def check_time():
        if next(looks) == 3:
            raise errors.TransportTimeoutError("late")

    with pytest.raises(errors.TransportTimeoutError, match="late"):
        decompress("gzip", gzip.compress(whole, 1, mtime=0), limit(len(whole)), (), check_time)


def test_the_limit_is_met_to_the_byte():
    with pytest.raises(errors.ProtocolError, match="larger than"):
        decompress("gzip", gzip.compress(PLAIN, mtime=0), limit(len(PLAIN) - 1))


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", zlib.compress), ("gzip", gzip.compress), ("deflate", raw)]
)
def test_nothing_is_lost_where_pieces_end(encoding, compress, monkeypatch):
    """Of a few bytes each, so that they end within what belongs together."""
    for size in range(1, 40):
        monkeypatch.setattr(content_encoding, "_PIECE", size)
        for whole in (b"ab" * 40, bytes(300), hashlib.shake_128(b"").digest(50)):
            assert decompress(encoding, compress(whole), limit(len(whole))) == whole


def members(*parts):
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


@pytest.mark.parametrize(
    "parts", [(PLAIN[:50], PLAIN[50:]), (b"", PLAIN, b""), [PLAIN[n : n + 1] for n in range(300)]]
)
def test_a_body_of_several_members_is_all_of_them(parts):
    """RFC 1952, section 2.2."""
    assert decompress("gzip", members(*parts), limit(len(PLAIN))) == b"".join(parts)


def test_no_member_is_lost_where_pieces_end(monkeypatch):
    for size in range(1, 60):
        monkeypatch.setattr(content_encoding, "_PIECE", size)
        assert (
            decompress("gzip", members(b"one ", b"two " * 9, b"three"), limit(100))
            == b"one " + b"two " * 9 + b"three"
        )


@each("rest", [bytes(1), bytes(600_000), b"\n", b"\x1f", b"\x1f\x8c", b"\x8b", PLAIN, b"\0" + members(b"x")])
@pytest.mark.parametrize(
    "compress", [zlib.compress, gzip.compress, lambda whole: members(whole[:5], whole[5:]), raw]
)
def test_what_follows_and_is_no_member_is_passed_over(compress, rest):
    """As urllib3 and requests do it: some servers fill up with zeros."""
    encoding = "deflate" if compress is raw else "gzip"
    assert decompress(encoding, compress(PLAIN) + rest, limit(len(PLAIN))) == PLAIN


@pytest.mark.parametrize(
    "damage", [lambda last: last[:-1], lambda last: last[:2], lambda last: last[:-5] + b"12345"]
)
def test_a_damaged_member_is_not_passed_over(damage):
    with pytest.raises(errors.ProtocolError, match="damaged"):
        decompress("gzip", members(PLAIN) + damage(members(PLAIN)), limit(10_000))


def test_the_limit_is_that_of_all_members():
    with pytest.raises(errors.ProtocolError, match="larger than"):
        decompress("gzip", members(PLAIN, b"x"), limit(len(PLAIN)))


def test_the_time_is_looked_at_for_each_member_even_if_it_is_empty():
    looks = itertools.count()
    assert decompress("gzip", members(b"") * 50, limit(1), (), lambda: next(looks)) == b""
    assert next(looks) >= 50


def test_an_empty_body_needs_no_decompression():
    assert decompress("gzip", b"", limit(10)) == b""


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw)]
)
def test_a_compressed_bomb_is_not_unpacked(encoding, compress):
    with pytest.raises(errors.ProtocolError, match="larger than max_response_bytes"):
        decompress(encoding, compress(bytes(10_000_000)), limit(1000))


@each(
    ("encoding", "body"),
    [
        ("gzip", b"not gzip"),
        ("gzip", raw(PLAIN)),
        ("gzip", gzip.compress(PLAIN, mtime=0)[:-9]),
        ("gzip", gzip.compress(PLAIN, mtime=0)[:5]),
        ("deflate", b"not deflate"),
        ("deflate", PLAIN),
        ("deflate", zlib.compress(PLAIN)[:-1]),
        ("deflate", zlib.compress(PLAIN)[:-4] + b"1234"),
        ("deflate", raw(PLAIN)[:-1]),
        ("deflate", raw(PLAIN)[:1]),
        ("deflate", b"x"),
        ("deflate", gzip.compress(PLAIN, mtime=0)[:-9]),
    ],
)
def test_damaged_data_are_a_protocol_error(encoding, body):
    with pytest.raises(errors.ProtocolError, match="damaged") as caught:
        decompress(encoding, body, limit(10_000))
    assert caught.value.__context__ is None


def test_an_unknown_encoding_shows_no_secret():
    with pytest.raises(errors.ProtocolError) as caught:
        decompress("a-key-of-somebody", b"x", limit(10), ["a-key-of-somebody"])
    assert "a-key" not in str(caught.value)


def test_an_unknown_encoding_is_a_protocol_error():
    with pytest.raises(errors.ProtocolError, match="'br'"):
        decompress("br", b"x", limit(10))
