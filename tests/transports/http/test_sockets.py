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
