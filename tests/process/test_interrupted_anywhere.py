"""Ctrl-C between any two lines: it comes out, no lock stays held, no connection stays open, the client works on.

A signal handler of Python runs between two lines, or as a function returns. So each of these moments in turn, or every
thirty-first, gets a KeyboardInterrupt.
"""

import itertools
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
from transports.either_transport import either
from transports.loopback import Server

from rocketride_sync import RocketRideClient

from .peers import status_of, wait_until

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
STRIDE = 31
# The lock of logging is taken before Python 3.13 in a way that Ctrl-C can leave it held for ever, here for later tests.
NOT_HERE = (__file__, logging.__file__)
CALLS = {
    "status": lambda client: client.get_task_status(TOKEN, timeout=20),
    "wait": lambda client: client.wait_until_complete(TOKEN, timeout=20, interval=0.001),
}


class Moments:
    """Interrupts at the moment with a certain number; `count` says how many there were until then."""

    def __init__(self, number):
        self.number = number
        self.count = 0

    def trace(self, frame, event, argument):
        code = frame.f_code
        # Not in the line of the `def`, where a function's cells are made: no signal is handled there, and an exception
        # makes Python 3.11 crash.
        entered = event == "return" or (event == "line" and frame.f_lineno != code.co_firstlineno)
        if entered and code.co_filename not in NOT_HERE:
            self.count += 1
            if self.count == self.number:
                raise KeyboardInterrupt
        return self.trace

    def __enter__(self):
        self._outer = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exc_info):
        sys.settrace(self._outer)


def interrupted(call, client, number):
    """Whether there was such a moment in `call`."""
    with mock.patch("sys.unraisablehook"), Moments(number) as moments:
        try:
            call(client)
        except KeyboardInterrupt:
            return True
    # It may have come in a destructor: Python goes on after that.
    return moments.count >= number


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_ctrl_c_at_any_moment(transport, call, kept):
    answers = itertools.cycle([status_of(TOKEN), status_of(TOKEN), status_of(TOKEN, state=5, completed=True)])

    def survives(number):
        """Whether there was such a moment; if so, the client works on."""
        client = RocketRideClient(server.url, "key", transport=transport)
        if kept:
            call(client)
        was_interrupted = interrupted(call, client, number)
        call(client)
        client.close()
        return was_interrupted

    with Server(either(lambda _: next(answers))) as server:
        with RocketRideClient(server.url, "key", transport=transport) as first:
            call(first)  # imports what there is to import
        for number in itertools.count(1, STRIDE):
            # In a thread of its own, for Python 3.12 may take an exception of a tracer for one that is handled for
            # ever, in all that the thread does later.
            with ThreadPoolExecutor(1) as executor:
                was_interrupted = executor.submit(survives, number).result()
            wait_until(lambda: server.open == 0, "the end of the connections")
            if not was_interrupted:
                break
        assert number > 50
