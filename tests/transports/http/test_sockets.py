"""An answer that is interrupted while it is made: Ctrl-C may come between any two steps."""

import socket

import pytest

from rocketride_sync.transports.http import sockets


def interrupt(*args):
    raise KeyboardInterrupt


def test_a_reader_that_was_not_made_closes():
    reader = sockets._DeadlineReader.__new__(sockets._DeadlineReader)
    reader.close()
    assert reader.closed


def test_an_answer_that_was_not_made_to_the_end_closes(monkeypatch):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        response = sockets._Response.__new__(sockets._Response)
        with monkeypatch.context() as interrupted:
            interrupted.setattr(sockets, "_DeadlineReader", interrupt)
            with pytest.raises(KeyboardInterrupt):
                response.__init__(ours)
        response.close()
        assert response.isclosed()


def head_of(connection, *headers):
    """The head of a request that is not sent."""
    connection.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
    try:
        for header in headers:
            connection.putheader(*header)
        return connection._buffer[1:]
    finally:
        connection._buffer.clear()
        connection.close()


def test_a_header_is_written_as_http_client_writes_it_the_first_time_and_later():
    connection = sockets.Connection("localhost")
    for key in ("Bearer a", "Bearer a", "Bearer b", "Bearer a"):
        head = head_of(connection, ("Authorization", key), ("Content-Length", "3"), ("X", "ä", "b"))
        assert head == [b"Authorization: " + key.encode(), b"Content-Length: 3", b"X: \xe4\r\n\tb"]


def test_a_header_that_is_none_is_refused_each_time():
    connection = sockets.Connection("localhost")
    for _ in range(3):
        with pytest.raises(ValueError, match="Invalid header value"):
            head_of(connection, ("X", "a\r\nY: b"))


def test_few_headers_are_remembered():
    connection = sockets.Connection("localhost")
    for name in map(str, range(1000)):
        assert head_of(connection, ("X", name)) == [f"X: {name}".encode()]
    assert len(connection._checked) == sockets._MAX_CHECKED
