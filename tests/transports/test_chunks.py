"""The bytes of objects to send, chunk by chunk."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from cases import each
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync import ConfigurationError, arguments, documents
from rocketride_sync.transports import chunks
from rocketride_sync.transports.chunks import CHUNK, Bytes, File, encoded, size_of


def chunks_of(data):
    return [bytes(chunk) for chunk in data]


@given(st.binary(max_size=60), st.integers(4, 9))
def test_chunks_are_the_object_whatever_it_holds(data, size):
    made = Bytes(data, size)
    assert b"".join(chunks_of(made)) == data
    assert made.size == len(data)
    assert all(0 < len(chunk) <= size for chunk in chunks_of(made))


@given(st.text(max_size=40), st.integers(4, 9))
def test_each_chunk_of_a_text_is_a_text(text, size):
    assert "".join(chunk.decode() for chunk in chunks_of(Bytes(text.encode(), size))) == text


@pytest.mark.parametrize("buffer", [bytearray(b"abc"), memoryview(b"abc"), memoryview(b"abcd").cast("H")])
def test_anything_with_a_buffer_will_do(buffer):
    assert b"".join(chunks_of(Bytes(buffer))) == bytes(buffer)


@each("data", ["text", None, 5, [1, 2], memoryview(b"abcdef")[::2]])
def test_nothing_else_will(data):
    with pytest.raises(ConfigurationError, match="data must be bytes") as caught:
        Bytes(data)
    assert caught.value.__context__ is None


@each(
    ("data", "hint"),
    [
        ({"a": 1}, r"json\.dumps\(\)"),
        ([1, 2], r"json\.dumps\(\)"),
        ((), r"json\.dumps\(\)"),
        (5, "int$"),
        (None, "NoneType$"),
    ],
)
def test_a_whole_object_may_be_a_text_and_the_message_says_so(data, hint):
    with pytest.raises(ConfigurationError, match=f"^data must be a string, bytes, .* not .*{hint}") as caught:
        encoded(data)
    assert caught.value.__context__ is None
    assert (encoded("ä"), encoded(b"a")) == ("ä".encode(), b"a")


def test_a_piece_of_an_object_that_is_a_text_is_to_be_encoded():
    with pytest.raises(ConfigurationError, match=r"not str; encode\(\) makes bytes of it"):
        Bytes("text")


def test_without_a_chunk_size_it_is_one_chunk():
    assert [len(chunk) for chunk in Bytes(b"x" * (3 * CHUNK), None)] == [3 * CHUNK]
    assert chunks_of(Bytes(b"", None)) == []


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "object.txt")


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"x" * CHUNK, b"x" * (CHUNK + 1), ("x" + "ü" * CHUNK).encode(), b"x" + b"\x80" * (2 * CHUNK)],
    ids=["empty", "one", "chunk", "chunk and one", "text", "no text"],
)
def test_a_file_is_read_each_time_from_the_beginning(path, data):
    write(path, data)
    file = File.at(path)
    for _ in range(2):
        chunks = chunks_of(file)
        assert b"".join(chunks) == data
        assert all(len(chunk) <= CHUNK for chunk in chunks)
    if data.endswith("ü".encode()):
        assert all(chunk.decode() for chunk in chunks)


def test_of_a_file_that_grows_what_it_held_at_first_is_sent(path):
    write(path, b"first")
    file = File.at(path)
    write(path, b"first and more")
    assert chunks_of(file) == [b"first"]


def test_of_an_empty_file_that_grows_nothing_is_sent(path):
    write(path, b"")
    file = File.at(path)
    write(path, b"more")
    assert chunks_of(file) == []


def without_its_size(path, monkeypatch):
    """As some file systems tell of files whose content they make when it is read."""

    def without_size(found):
        return os.stat_result((*found[:6], 0, *found[7:]))

    told = {
        "stat": lambda path: without_size(os.stat(path)),
        "fstat": lambda number: without_size(os.fstat(number)),
    }
    monkeypatch.setattr(chunks, "os", SimpleNamespace(**{**vars(os), **told}))
    return path


def in_proc(path, monkeypatch):
    if not os.path.isfile("/proc/self/status"):
        pytest.skip("needs /proc")
    return "/proc/self/status"


@pytest.mark.parametrize("place", [without_its_size, in_proc])
def test_a_file_that_says_it_is_empty_but_has_content_is_an_error(path, monkeypatch, place):
    write(path, b"content")
    file = File.at(place(path, monkeypatch))
    with pytest.raises(ConfigurationError, match="has content, but its size reads as 0") as caught:
        chunks_of(file)
    assert caught.value.__context__ is None


def test_a_file_that_shrinks_is_an_error(path):
    write(path, b"x" * 10)
    file = File.at(path)
    write(path, b"x")
    with pytest.raises(ConfigurationError, match="became shorter"):
        chunks_of(file)


def test_a_file_that_goes_is_an_error(path):
    with pytest.raises(ConfigurationError, match="is not there") as caught:
        File.at(path)
    assert caught.value.__context__ is None
    write(path, b"x")
    file = File.at(path)
    os.remove(path)
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        chunks_of(file)
    assert caught.value.__context__ is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_is_not_waited_for(path):
    """Neither one that was there before nor one that takes a file's place."""
    write(path, b"x")
    file = File.at(path)
    os.remove(path)
    os.mkfifo(path)
    with ThreadPoolExecutor() as executor:
        reading = executor.submit(chunks_of, file)
        try:
            with pytest.raises(ConfigurationError, match="is no regular file"):
                reading.result(20)
        finally:
            os.close(os.open(path, os.O_RDWR))  # lets go of who waits
    with pytest.raises(ConfigurationError, match="is no regular file"):
        File.at(path)


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/", "is a directory"), (os.devnull, "is no regular file"), ("a\0b", "is not there")],
)
def test_what_is_no_file(path, problem):
    with pytest.raises(ConfigurationError, match=problem) as caught:
        size_of(path)
    assert caught.value.__context__ is None


def test_a_spooled_file_may_be_read_again_and_stays_open():
    with tempfile.TemporaryFile() as file:
        file.write(b"spooled")
        spooled = File.spooled(file)
        assert chunks_of(spooled) == chunks_of(spooled) == [b"spooled"]
        assert not file.closed


def test_what_is_known_of_an_object():
    assert documents.object_info(None) == {}
    assert documents.object_info({"name": "ä", "tags": [1, None]}) == {"name": "ä", "tags": [1, None]}
    surrogate = {"path": "caf\udce9"}
    for wrong in ("name", 5, {"data": b"x"}, {"share": float("nan")}, {("a",): 1}, surrogate, {"name": 5}):
        with pytest.raises(ConfigurationError, match="objinfo") as caught:
            documents.object_info(wrong)
        assert caught.value.__context__ is None


def test_types():
    assert arguments.mime_type(None) == "application/octet-stream"
    assert arguments.mime_type("text/plain; charset=utf-8") == "text/plain; charset=utf-8"
    for wrong in ("", "text", "text/plain\r\nX: y", "text/pläin", b"text/plain", 5):
        with pytest.raises(ConfigurationError, match="MIME type"):
            arguments.mime_type(wrong)
