"""What a poll of a wait costs, in calls of functions: they are the same on a slow machine and on a busy one."""

import itertools
import sys

from rocketride_sync import RocketRideClient

from ..dap_peer import DONE, KEY, RUNNING, TOKEN, serve
from ..loopback import Server

MOST_CALLS = 330
INTERVAL = 0.03


def calls_of_a_wait(polls):
    """How many functions a wait calls that polls so often, also those written in C."""
    numbers = itertools.count(1)

    def reply(peer, request):
        status = request["command"] == "rrext_get_task_status"
        peer.answer(request, (DONE if next(numbers) >= polls else RUNNING) if status else None)

    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    with Server(serve(reply)) as server:
        with RocketRideClient(server.url, KEY, transport="websocket") as client:
            client.get_task_status(TOKEN)
            before = sys.getprofile()
            sys.setprofile(count)
            try:
                client.wait_until_complete(TOKEN, interval=INTERVAL)
            finally:
                sys.setprofile(before)
    return calls


def test_a_poll_and_its_pause_take_few_calls():
    calls_of_a_wait(2)  # what is loaded first
    few, many = calls_of_a_wait(5), calls_of_a_wait(45)
    assert (many - few) / 40 < MOST_CALLS
