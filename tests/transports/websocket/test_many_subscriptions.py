"""Which of very many tasks a wait subscribes to over WebSocket, and when: a bound in bytes, and nothing unread piles up."""

import threading

from rocketride_sync.transports.websocket.subscription_allowance import FEW, SubscriptionAllowance

from ..dap_peer import DONE, RUNNING, dap
from ..either_transport import STATUS
from ..loopback import Server
from ..polled_tasks import LONG, MONITOR, prompt_client_of

MANY = 60
TOKENS = [f"tk_{number:08x}{number:024x}" for number in range(MANY)]


class Listing:
    """A server of tasks that run until `done`; it answers a subscription with a list of so many bytes."""

    def __init__(self, size=0, one_project=False):
        self.size = size
        self.done = set()
        self.polls = dict.fromkeys(TOKENS, 0)
        self.subscribed = []
        self._one_project = one_project

    def status(self, token):
        self.polls[token] += 1
        return {**(DONE if token in self.done else RUNNING), "project_id": self.project(token)}

    def project(self, token):
        return "p" if self._one_project else f"project of {token}"

    def end(self, peer, token):
        self.done.add(token)
        peer.event("end", projectId=self.project(token), __id=f"{token[3:11]}.s")

    def reply(self, peer, request):
        token = request["arguments"].get("token")
        if request["command"] == STATUS:
            peer.answer(request, self.status(token))
            return
        if request["arguments"]["types"]:
            self.subscribed.append(token)
            tasks = [{"id": f"{each[3:11]}.s"} for each in TOKENS]
            peer.event("running", tasks=tasks, padding="x" * self.size)
        peer.answer(request)


def ends_of(listing, tokens, count):
    """Wait with a long interval for tasks that end, one after the other, once so many are subscribed to."""

    def script(peer):
        while not (len(listing.subscribed) >= count and all(listing.polls.values())):
            listing.reply(peer, peer.request())
        for token in tokens:
            listing.end(peer, token)
        while True:
            listing.reply(peer, peer.request())

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        results = client.as_completed(TOKENS, timeout=LONG, interval=LONG)
        found = [next(results).token for _ in tokens]
        results.close()
    return found


def test_all_of_many_are_subscribed_to_if_the_lists_are_short_and_their_ends_are_seen_at_once():
    listing = Listing()
    assert ends_of(listing, TOKENS[3:50:7], MANY) == TOKENS[3:50:7]
    assert listing.subscribed == TOKENS


def test_an_end_that_tells_whose_it_is_wakes_no_twins_where_there_are_many():
    listing = Listing(one_project=True)
    assert ends_of(listing, TOKENS[5:6], MANY) == TOKENS[5:6]
    assert all(polls == 1 for token, polls in listing.polls.items() if token != TOKENS[5])


def test_twins_that_cannot_be_told_apart_are_not_all_subscribed_to():
    """Each end would wake them all up."""
    listing = Listing(one_project=True)
    own = [f"nightly-{number}" for number in range(MANY)]
    listing.polls = dict.fromkeys(own, 0)
    before = []

    def script(peer):
        while True:
            listing.reply(peer, peer.request())
            if len(listing.subscribed) >= FEW and all(polls > 1 for polls in listing.polls.values()):
                before.append(len(listing.subscribed))
                listing.done.update(own)

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        assert all(result.succeeded for result in client.wait_all(own, timeout=LONG, interval=0.2))
    assert before[0] == FEW


def test_with_long_lists_one_subscription_tells_so_and_the_others_wait_until_few_tasks_are_left():
    listing = Listing(size=400_000)
    before = []

    def script(peer):
        while True:
            listing.reply(peer, peer.request())
            if all(polls > 1 for polls in listing.polls.values()):
                before.append(list(listing.subscribed))
                listing.done.update(TOKENS)

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        assert all(result.succeeded for result in client.wait_all(TOKENS, timeout=LONG, interval=0.2))
    assert before[0] == TOKENS[:1]


def test_no_more_lists_are_on_their_way_than_may_be_unread():
    """Subscriptions are not sent before the earlier ones are answered."""
    listing = Listing(size=100_000)
    held, together = [], []

    def script(peer):
        while not all(listing.polls.values()):
            request = peer.request()
            (held.append if request["command"] == MONITOR else lambda each: listing.reply(peer, each))(
                request
            )
        while len(together) < 4:
            # The first answer tells how long a list is, and then there are two.
            enough = len(held) >= (2 if together else 1)
            peer.peer.sock.settimeout(0.1 if enough else 30.0)
            try:
                held.append(peer.request())
            except OSError:  # it sends no more
                together.append(len(held))
                for each in held:
                    listing.reply(peer, each)
                held.clear()
        peer.peer.sock.settimeout(None)
        listing.end(peer, TOKENS[0])
        while True:
            listing.reply(peer, peer.request())

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        results = client.as_completed(TOKENS, timeout=LONG, interval=LONG)
        assert next(results).token == TOKENS[0]
        results.close()
    assert max(together) == 2


def test_one_answer_that_is_slow_does_not_hold_back_the_others():
    told, answered = [], []
    handed_out = threading.Event()

    def script(peer):
        first = [peer.request() for _ in range(4)]
        polls = [request for request in first if request["command"] == STATUS]
        while len(polls) < 2:
            polls.append(peer.request())
        peer.answer(polls[0], DONE)
        handed_out.wait(20)
        answered.append(list(told))
        peer.answer(polls[1], DONE)
        for request in first:
            if request["command"] == MONITOR:
                peer.answer(request)
        peer.request()

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        for result in client.as_completed(TOKENS[:2], timeout=LONG):
            told.append(result.token)
            handed_out.set()
    assert answered == [TOKENS[:1]]


def test_the_allowance_is_in_bytes_and_the_list_is_looked_at_again_when_half_have_ended():
    allowance = SubscriptionAllowance()
    assert allowance.next(1000, 0) == 1
    assert allowance.next(1000, 130_000) == 0
    assert allowance.next(501, 130_000) == 0
    assert allowance.next(500, 130_000) == 1
    assert allowance.next(256, 65_000) == 4
    allowance = SubscriptionAllowance()
    assert allowance.next(1000, 0) == 1
    assert allowance.next(1000, 0) == 64
    allowance.connection_lost()
    assert allowance.next(1000, 0) == 1


def test_the_lists_of_all_are_16_mib_at_most_and_those_that_may_be_unread_256_kib():
    allowance = SubscriptionAllowance()
    assert allowance.next(128, 0) == 1
    assert [allowance.next(128, 128 * 1024 + more) for more in (0, 1)] == [2, 0]
    assert [allowance.next(65, 128 * 1024 + more) for more in (0, 1)] == [2, 1]
    allowance.connection_lost()
    assert [allowance.next(60, size) for size in (0, 270_000)] == [1, 1]  # one at a time, though it is longer
