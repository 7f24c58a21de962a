"""Python drops an answer that has been read. A Ctrl-C that comes just then is not lost."""

import contextlib

import pytest
from moments import each_moment, interrupted

from rocketride_sync.errors import RocketRideError

from ..loopback import Server, always, answer
from .calls import call, using

# Python asks an answer that it drops whether it is closed, and closes it otherwise.
IN_DROPPING = {"closed", "isclosed", "close", "flush", "__del__"}
ANSWERS = {
    "kept": answer({"state": 1}),
    "last": answer({"state": 1}, Connection="close"),
    "in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "not exact": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "cut short": answer({"state": 1})[:-5],
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_it_comes_out_of_the_call(kind):
    ends = kind in ("last", "cut short")
    lost = []

    def survives(number):
        with using(server.url) as transport:

            def calls():
                for _ in range(2):  # http.client holds the answer until the next request
                    with contextlib.suppress(RocketRideError):
                        call(transport)

            there, came_out = interrupted(calls, number, only_in=IN_DROPPING)
        if there and came_out is None:
            lost.append(number)
        return there

    def handler(peer):
        (once if ends else always)(ANSWERS[kind])(peer)

    with Server(handler) as server:
        assert each_moment(survives) > len(IN_DROPPING)
    assert lost == []


def once(data):
    def handler(peer):
        peer.read_request()
        peer.send(data)

    return handler
