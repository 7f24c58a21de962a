"""The poller of `transport="auto"`, step by step: with two pollers that do as they are told, against a fake clock."""

import pytest

from rocketride_sync import ServerError, TransportError
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations, run_log_operations
from rocketride_sync.transports import auto_poller
from rocketride_sync.transports.auto_poller import AutoPoller
from rocketride_sync.transports.fallback import Fallback
from rocketride_sync.transports.poller import WakeUp
from rocketride_sync.transports.websocket.upgrade import NoSlotError, NoWebSocketError

NONE = NoWebSocketError("404")
NO_SLOT = NoSlotError("403")
STATUS = {"state": 3}
MOMENT = pytest.approx(0.001, abs=0.00095)  # seconds; with none, nothing would be read


class Named(str):
    """A poll that equals its name."""

    operation = operations.get_task_status("tk_1")


class OfRunLog(Named):
    """What HTTP cannot carry."""

    operation = run_log_operations.get_task_runs("p", "s")


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


class Told:
    """A poller: notes what it is given, and hands out `results` one after the other."""

    def __init__(self):
        self.submitted = []
        self.results = []
        self.limits = []  # what each `next` had left
        self.queued = ([], None)
        self.closed = False
        self.removed = []

    @property
    def has_results(self):
        return bool(self.results)

    def submit(self, poll):
        self.submitted.append(poll)

    def next(self, deadline):
        self.limits.append(round(deadline.remaining(), 6))
        return self.results.pop(0) if self.results else None

    def take_queued(self):
        return self.queued

    def remove(self, poll):
        self.removed.append(poll)

    def end_told(self, poll):
        return f"told of {poll}"

    def close(self):
        self.closed = True


class Websocket(Told):
    is_open = False
    ready = False

    def __init__(self):
        super().__init__()
        self.shown = []

    def shown_elsewhere(self, poll, document):
        self.shown.append((poll, document))


class Pollers:
    def __init__(self):
        self.clock = Clock()
        self.fallback = Fallback(self.clock.monotonic)
        self.websocket, self.http = Websocket(), Told()
        self.loaded = []
        self.auto = self.make()

    def make(self):
        return AutoPoller(self.fallback, self.websocket, self.http, self.load_http)

    def load_http(self):
        self.loaded.append(list(self.http.submitted))

    def next(self):
        return self.auto.next(Deadline(5.0, self.clock.monotonic))

    def refuse(self, poll="refused", refusal=NO_SLOT):
        """The poll is submitted, and refused over WebSocket."""
        poll = Named(poll)
        self.auto.submit(poll)
        self.websocket.results.append((poll, refusal))
        assert self.next() is None


@pytest.fixture
def pollers(monkeypatch):
    pollers = Pollers()
    monkeypatch.setattr(auto_poller, "system_time", pollers.clock)
    monkeypatch.setattr("rocketride_sync.deadline.system_time", pollers.clock)
    return pollers


def sent(pollers):
    return pollers.websocket.submitted, pollers.http.submitted


# --- which way a poll goes


def test_at_first_all_go_over_websocket_for_as_long_as_the_caller_says(pollers):
    pollers.auto.submit(Named("a"))
    assert pollers.next() is None
    assert sent(pollers) == (["a"], [])
    assert (pollers.websocket.limits, pollers.http.limits) == ([5.0], [])
    pollers.websocket.results = [("a", STATUS)]
    assert pollers.auto.has_results
    assert pollers.next() == ("a", STATUS)
    assert not pollers.auto.has_results


def test_what_the_upgrade_was_refused_to_goes_over_http_and_the_caller_is_told_nothing_of_it(pollers):
    pollers.refuse("a")
    pollers.auto.submit(Named("b"))
    assert sent(pollers) == (["a"], ["a", "b"])


def test_http_is_loaded_before_its_first_poll_and_not_without_one(pollers):
    pollers.auto.submit(Named("a"))
    assert pollers.loaded == []
    pollers.refuse("b")
    assert pollers.loaded[0] == []


def test_if_http_cannot_be_loaded_its_poll_will_tell(pollers, monkeypatch):
    monkeypatch.setattr(pollers, "load_http", failing)
    pollers.auto = pollers.make()
    pollers.refuse("a")
    assert sent(pollers) == (["a"], ["a"])


def failing():
    raise TransportError("a module that this needs could not be loaded")


def test_after_a_refusal_websocket_is_tried_again_when_it_is_ready(pollers):
    pollers.refuse("a")
    pollers.websocket.ready = True
    pollers.auto.submit(Named("b"))
    assert sent(pollers) == (["a", "b"], ["a"])


def test_a_status_over_websocket_ends_the_refusal(pollers):
    pollers.refuse("a")
    pollers.websocket.results.append(("b", STATUS))
    assert pollers.next() == ("b", STATUS)
    pollers.auto.submit(Named("c"))
    assert sent(pollers) == (["a", "c"], ["a"])


@pytest.mark.parametrize("result", [("b", TransportError("lost")), (None, WakeUp.POLL), ("b", WakeUp.ENDED)])
def test_an_error_or_a_wake_up_does_not(pollers, result):
    pollers.refuse("a", NONE)
    pollers.websocket.results.append(result)
    assert pollers.next() == result
    pollers.auto.submit(Named("b"))
    assert pollers.http.submitted == ["a", "b"]
    pollers.http.results = [("a", STATUS)]
    pollers.clock.now += 1.0
    pollers.next()
    assert pollers.fallback.active, "the refusal is not forgotten"


def test_while_there_is_no_websocket_all_go_over_http_but_for_a_connection_that_is_there(pollers):
    pollers.fallback.http_succeeded(NONE)
    pollers.websocket.ready = True
    pollers.auto.submit(Named("a"))
    pollers.websocket.is_open = True
    pollers.auto.submit(Named("b"))
    assert sent(pollers) == (["b"], ["a"])


def test_what_http_cannot_carry_waits_for_websocket_and_its_refusal_is_told(pollers):
    """It may pass: to call it lost because HTTP has no run log would be wrong a moment later."""
    pollers.refuse("a")
    pollers.auto.submit(OfRunLog("b"))
    assert sent(pollers) == (["a", "b"], ["a"])
    pollers.websocket.results = [(OfRunLog("b"), NO_SLOT)]
    assert pollers.next() == ("b", NO_SLOT)
    assert pollers.http.submitted == ["a"]


def test_it_is_not_held_up_where_there_is_no_websocket(pollers):
    """HTTP says at once that it cannot carry it."""
    pollers.fallback.http_succeeded(NONE)
    pollers.auto.submit(OfRunLog("a"))
    assert sent(pollers) == ([], ["a"])


# --- what a success over HTTP says of WebSocket


def test_the_first_success_over_http_after_a_refusal_counts(pollers):
    pollers.refuse("a", NONE)
    pollers.auto.submit(Named("b"))
    pollers.http.results = [("a", STATUS), ("b", STATUS)]
    assert pollers.next() == ("a", STATUS)
    assert pollers.fallback.active
    pollers.clock.now += 15.0
    assert pollers.next() == ("b", STATUS)
    assert not pollers.fallback.active, "it was refused once"


def test_an_error_over_http_says_nothing_of_websocket(pollers):
    pollers.refuse("a", NONE)
    pollers.auto.submit(Named("b"))
    pollers.http.results = [("a", ServerError("down")), ("b", STATUS)]
    pollers.next()
    assert not pollers.fallback.active
    pollers.next()
    assert pollers.fallback.active


def test_a_status_over_websocket_takes_the_refusal_back(pollers):
    pollers.refuse("a", NONE)
    pollers.websocket.results.append(("b", STATUS))
    pollers.next()
    pollers.http.results = [("a", STATUS)]
    pollers.next()
    assert not pollers.fallback.active


def test_a_status_over_websocket_makes_the_next_refusal_the_first(pollers):
    for _ in range(3):
        pollers.fallback.http_succeeded(NONE)
        pollers.clock.now += 60.0
    pollers.websocket.results = [("a", STATUS)]
    pollers.next()
    pollers.fallback.http_succeeded(NONE)
    pollers.clock.now += 15.0
    assert not pollers.fallback.active


def test_while_a_caller_was_just_told_of_a_refusal_the_upgrade_is_not_tried_again(pollers):
    """And the success over HTTP in its place counts."""
    pollers.fallback.told(NONE)
    auto = pollers.make()
    auto.submit(Named("a"))
    assert sent(pollers) == ([], ["a"])
    pollers.http.results = [("a", STATUS)]
    assert auto.next(Deadline(5.0)) == ("a", STATUS)
    assert pollers.fallback.active


# --- whose turn it is


def test_while_polls_go_both_ways_each_is_listened_to_for_a_moment(pollers):
    pollers.refuse("a")
    pollers.clock.now += 0.05
    pollers.websocket.limits.clear()
    pollers.http.limits.clear()
    assert pollers.next() is None
    assert (pollers.websocket.limits, pollers.http.limits) == ([MOMENT], [0.05])


def test_results_over_http_do_not_wait_for_websocket_each_time(pollers):
    """Nor does it wait for more than a moment, while there are such results."""
    pollers.refuse("a")
    pollers.auto.submit(Named("b"))
    pollers.websocket.limits.clear()
    pollers.http.results = [("a", STATUS), ("a", STATUS), ("b", STATUS)]
    pollers.clock.now += 0.049
    assert pollers.next() == ("a", STATUS)
    assert pollers.websocket.limits == []
    pollers.auto.submit(Named("a"))
    pollers.clock.now += 0.002
    assert pollers.next() == ("a", STATUS)
    assert pollers.websocket.limits == [MOMENT]
    assert pollers.next() == ("b", STATUS)
    assert pollers.websocket.limits == [MOMENT]


def test_a_result_over_websocket_that_is_there_is_handed_out_at_once(pollers):
    pollers.refuse("a")
    pollers.websocket.results = [("b", STATUS)]
    pollers.http.results = [("a", STATUS)]
    assert pollers.auto.has_results
    assert pollers.next() == ("b", STATUS)
    assert pollers.auto.has_results
    assert pollers.next() == ("a", STATUS)
    assert not pollers.auto.has_results


def test_where_there_is_no_websocket_http_has_all_the_time(pollers):
    pollers.fallback.http_succeeded(NONE)
    pollers.auto.submit(Named("a"))
    pollers.next()
    pollers.websocket.is_open = True
    pollers.next()
    pollers.clock.now += 15.0
    pollers.websocket.is_open = False
    pollers.next()
    assert pollers.http.limits == [5.0, 0.05, 0.05]
    assert pollers.websocket.limits == [MOMENT, MOMENT], "it may have a connection by now"


def test_once_nothing_goes_over_http_websocket_has_all_the_time_again(pollers):
    pollers.refuse("a")
    pollers.http.results = [("a", STATUS)]
    pollers.next()
    pollers.websocket.limits.clear()
    pollers.http.limits.clear()
    assert pollers.next() is None
    assert (pollers.websocket.limits, pollers.http.limits) == ([5.0], [])


# --- the rest


@pytest.mark.parametrize(
    ("faults", "told"),
    [((NO_SLOT, None), NO_SLOT), ((None, NONE), NONE), ((NO_SLOT, NONE), NO_SLOT), ((None, None), None)],
)
def test_what_has_not_begun_is_taken_back_from_both(pollers, faults, told):
    pollers.refuse("c")
    pollers.websocket.queued = (["a", "b"], faults[0])
    pollers.http.queued = (["c"], faults[1])
    assert pollers.auto.take_queued() == (["a", "b", "c"], told)
    pollers.websocket.limits.clear()
    pollers.next()
    assert pollers.websocket.limits == [5.0], "nothing goes over HTTP any more"


def test_what_is_known_of_a_task_is_known_over_websocket(pollers):
    pollers.auto.remove("a")
    assert pollers.websocket.removed == ["a"]
    assert pollers.auto.end_told("a") == "told of a"


def test_what_http_shows_is_told_to_that_over_websocket(pollers):
    """A restart, say, which is no event that it could hear."""
    pollers.refuse("a")
    pollers.refuse("b")
    pollers.http.results = [("b", TransportError("lost")), ("a", STATUS)]
    assert [pollers.next(), pollers.next()][1] == ("a", STATUS)
    assert pollers.websocket.shown == [("a", STATUS)]


def test_closing_closes_both(pollers):
    pollers.auto.close()
    assert (pollers.websocket.closed, pollers.http.closed) == (True, True)
