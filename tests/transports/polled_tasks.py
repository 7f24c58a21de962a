"""Many tasks that are polled, on a server of the test's making, and clients that poll them."""

import time
from collections import Counter

from rocketride_sync import RetryPolicy, RocketRideClient

from .dap_peer import DONE, KEY, RUNNING
from .either_transport import STATUS

LONG = 60.0  # an interval, or a timeout, that no test waits out
ROOM = 20.0  # seconds, where nothing should take so long
MONITOR = "rrext_monitor"


def tokens(count):
    return [f"tk_{number:032x}" for number in range(count)]


def client_of(server, transport="websocket", **options):
    return RocketRideClient(server.url, KEY, transport=transport, **options)


def prompt_client_of(server, transport="websocket", **options):
    """A client that retries at once."""
    retry = RetryPolicy(initial_delay=0.01, max_delay=0.05)
    return client_of(server, transport, **{"retry": retry, **options})


class Tasks:
    """Tasks that run until `done`; counts polls by token and notes subscriptions."""

    def __init__(self, done=False):
        self.polls = Counter()
        self.subscriptions = []
        self.done = done
        self.commands = []

    def reply(self, peer, request):
        """Answer a request over WebSocket."""
        token = request["arguments"]["token"]
        self.commands.append((request["command"], token))
        if request["command"] == MONITOR:
            self.subscriptions.append((token, request["arguments"]["types"]))
            peer.answer(request)
        else:
            peer.answer(request, self.poll(token))

    def poll(self, token):
        """Count a poll; the status."""
        self.polls[token] += 1
        return self.status(token)

    def status(self, token):
        return {**(DONE if self.done else RUNNING), "project_id": f"project of {token}"}

    def end_of(self, peer, token):
        peer.event("end", projectId=f"project of {token}")


def take(peer, count):
    """So many requests for a status, answered by nobody; subscriptions are accepted."""
    found = []
    while len(found) < count:
        request = peer.request()
        if request["command"] == STATUS:
            found.append(request)
        else:
            peer.answer(request)
    return found


class Clock:
    """Seconds since it was made."""

    def __init__(self):
        self._began = time.monotonic()

    @property
    def now(self):
        return time.monotonic() - self._began
