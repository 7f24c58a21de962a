"""The body of an HTTP answer, decompressed."""

import gzip
import hashlib
import itertools
import zlib

import pytest

from rocketride_sync import errors
from rocketride_sync.options import SizeLimit
from rocketride_sync.protocol import content_encoding
from rocketride_sync.protocol.content_encoding import decompress

PLAIN = b'{"status": "OK"}' * 100


def limit(size):
    return SizeLimit("max_response_bytes", size)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, PLAIN),
        ("", PLAIN),
        ("identity", PLAIN),
        ("Identity", PLAIN),
        ("gzip", gzip.compress(PLAIN, mtime=0)),
        ("X-GZIP", gzip.compress(PLAIN, mtime=0)),
        ("deflate", zlib.compress(PLAIN)),
    ],
)
def test_decompress(encoding, body):
    assert decompress(encoding, body, limit(len(PLAIN))) == PLAIN


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


@pytest.mark.parametrize("compress", [zlib.compress, gzip.compress])
def test_nothing_is_lost_where_pieces_end(compress, monkeypatch):
    """Of a few bytes each, so that they end within what belongs together."""
    for size in range(1, 40):
        monkeypatch.setattr(content_encoding, "_PIECE", size)
        for whole in (b"ab" * 40, bytes(300), hashlib.shake_128(b"").digest(50)):
            assert decompress("gzip", compress(whole), limit(len(whole))) == whole


def test_an_empty_body_needs_no_decompression():
    assert decompress("gzip", b"", limit(10)) == b""


def test_a_compressed_bomb_is_not_unpacked():
    with pytest.raises(errors.ProtocolError, match="larger than max_response_bytes"):
        decompress("gzip", gzip.compress(bytes(10_000_000)), limit(1000))


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(PLAIN, mtime=0)[:-9], gzip.compress(PLAIN, mtime=0)[:5]],
    ids=["none", "cut", "head"],
)
def test_damaged_data_are_a_protocol_error(body):
    with pytest.raises(errors.ProtocolError, match="damaged") as caught:
        decompress("gzip", body, limit(10_000))
    assert caught.value.__context__ is None


def test_an_unknown_encoding_shows_no_secret():
    with pytest.raises(errors.ProtocolError) as caught:
        decompress("a-key-of-somebody", b"x", limit(10), ["a-key-of-somebody"])
    assert "a-key" not in str(caught.value)


def test_an_unknown_encoding_is_a_protocol_error():
    with pytest.raises(errors.ProtocolError, match="'br'"):
        decompress("br", b"x", limit(10))
