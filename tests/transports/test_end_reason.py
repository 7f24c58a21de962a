"""Why a task ended, told by `end` events: every way to wait, each order of event and status, and whose event it is."""

import json
import os
import time

import pytest
from cases import each
from command_process import run_command

from rocketride_sync import Outcome, RocketRideClient
from rocketride_sync.waiting import end_reason

from .dap_peer import KEY, RUNNING, TOKEN, serve
from .either_transport import STATUS, either
from .loopback import Server, answer

LONG = 60.0  # an interval that no test waits out
ROOM = 20.0  # seconds, where nothing should take so long
WAIT = end_reason.LONGEST
CHOSEN = "my-own-token"
SHORT = "tk_5f3a0123"

FAILED = {**RUNNING, "state": 6, "completed": True, "endTime": 200.0, "exitCode": 1, "exitMessage": "text"}
CANCELLED = {**FAILED, "exitCode": 0, "exitMessage": ""}
GOOD = {**FAILED, "state": 5, "exitCode": 0, "exitMessage": ""}
STOPPING = {**RUNNING, "state": 4, "completed": True}
BEGIN = ("begin", {})
LISTED = [{"id": "5f3a0123.s", "name": "n", "projectId": "p", "source": "s"}]


def wait_for_one(client, token, timeout):
    return client.wait_until_complete(token, timeout, LONG)


def wait_for_many(client, token, timeout):
    (result,) = client.wait_all([token], timeout, LONG)
    return result.result()


def first_of_many(client, token, timeout):
    (result,) = client.as_completed([token], timeout, LONG)
    return result.result()


def iterate(client, token, timeout):
    return list(client.iter_task_status(token, timeout=timeout, interval=LONG))[-1]


WAYS = pytest.mark.parametrize("way", [wait_for_one, wait_for_many, first_of_many, iterate])


@pytest.fixture(autouse=True)
def _an_event_is_awaited_for_longer_than_any_test_may_take(monkeypatch):
    """A wait that takes less than `ROOM` has not awaited what does not come, and nothing comes too late on a busy machine."""
    monkeypatch.setattr(end_reason, "LONGEST", LONG)


class Script:
    """A task whose polls are answered one after the other; the last answer repeats.

    Each step is a document, or a function of the peer that sends events and returns one.
    """

    def __init__(self, *steps, later=None):
        self.steps = list(steps)
        self.later = later  # what the peer does once the last step was answered
        self.polls = 0

    def reply(self, peer, request):
        if request["command"] != STATUS:
            peer.answer(request)
            return
        self.polls += 1
        last = len(self.steps) == 1
        step = self.steps[0] if last else self.steps.pop(0)
        with peer.together():  # an event that is read long before the answer has been answered by it
            peer.answer(request, step(peer) if callable(step) else step)
        if last and self.later is not None:
            later, self.later = self.later, None
            later(peer)


def told(document, *events):
    """A step: the events come before the answer."""

    def step(peer):
        for action, fields in events:
            peer.event(action, **fields)
        return document

    return step


def telling(*events):
    """What comes after the last answer."""

    def later(peer):
        for action, fields in events:
            peer.event(action, **fields)

    return later


def run(script, way=wait_for_one, token=TOKEN, auth=KEY, timeout=LONG, transport="websocket"):
    """The status that the wait returned, and the seconds that it took."""
    with Server(serve(script.reply)) as server, RocketRideClient(
        server.url, auth, transport=transport
    ) as client:
        client.ping() if transport == "websocket" else None  # connecting is not what is measured
        began = time.monotonic()
        status = way(client, token, timeout)
        return status, time.monotonic() - began


def end(reason="user", **fields):
    known = {} if reason is None else {"reason": reason, "eventTime": FAILED["endTime"]}
    return ("end", {**known, **fields})


# --- both orders


@WAYS
@pytest.mark.parametrize("reason", ["user", "ttl"])
@each(
    "script",
    [
        lambda event: Script(told(RUNNING, event), FAILED),
        lambda event: Script(told(RUNNING, event, event), FAILED),
        lambda event: Script(told(RUNNING, BEGIN), told(FAILED, event)),
        lambda event: Script(told(FAILED, event)),
        lambda event: Script(FAILED, later=telling(event)),
        lambda event: Script(FAILED, later=telling(event, event)),
        lambda event: Script(told(RUNNING, BEGIN), told(STOPPING, event), FAILED),
        lambda event: Script(told(RUNNING, event), STOPPING, FAILED),
        lambda event: Script(told(RUNNING, event, end(None)), FAILED),
        lambda event: Script(told(RUNNING, end(None), event), FAILED),
    ],
    ids=[
        "first",
        "twice",
        "with-status",
        "with-first",
        "after",
        "after-twice",
        "4",
        "then-4",
        "less",
        "more",
    ],
)
def test_the_reason_of_this_run_decides_in_each_order(script, way, reason):
    script = script(end(reason))
    status, seconds = run(script, way)
    assert (status.end_reason, status.outcome, status.outcome_certain) == (reason, Outcome.CANCELLED, True)
    assert seconds < ROOM


# --- how long it is awaited


@WAYS
def test_an_event_that_never_comes_is_awaited_for_a_second(way, monkeypatch):
    monkeypatch.setattr(end_reason, "LONGEST", WAIT)
    status, seconds = run(Script(FAILED), way)
    assert (status.end_reason, status.outcome) == (None, Outcome.FAILED)
    assert WAIT * 0.9 < seconds < ROOM


@WAYS
def test_the_deadline_of_the_wait_comes_first(way):
    status, seconds = run(Script(FAILED), way, timeout=1.0)
    assert status.outcome is Outcome.FAILED
    assert seconds < ROOM


@WAYS
def test_one_poll_awaits_nothing(way):
    status, seconds = run(Script(FAILED), way, timeout=0)
    assert status.outcome is Outcome.FAILED
    assert seconds < ROOM


@WAYS
@each(
    "document",
    [GOOD, CANCELLED, {**GOOD, "exitCode": 2}, {**GOOD, "exitCode": None}],
    ids=["5/0", "6/0", "5/2", "5/null"],
)
def test_where_nothing_depends_on_it_it_is_not_awaited(way, document):
    _, seconds = run(Script(document), way)
    assert seconds < ROOM


@WAYS
@pytest.mark.parametrize("events", [[end(None)], [end("later")], [end(7)]], ids=["none", "later", "7"])
def test_an_end_without_a_known_reason_is_awaited_no_longer(way, events):
    status, seconds = run(Script(FAILED, later=telling(*events)), way)
    assert (status.end_reason, status.outcome) == (None, Outcome.FAILED)
    assert seconds < ROOM


@WAYS
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("tasks", [[], [{"id": "77777777.s"}]], ids=["none", "others"])
def test_a_task_that_had_ended_before_the_subscription_is_not_waited_for(way, order, tasks):
    event = ("running", {"tasks": tasks, "__id": ""})
    script = Script(told(FAILED, event)) if order == "before" else Script(FAILED, later=telling(event))
    status, seconds = run(script, way)
    assert status.outcome is Outcome.FAILED
    assert seconds < ROOM


@WAYS
@each("tasks", [LISTED, None, [None], [{}], "junk"], ids=str)
def test_a_task_that_may_be_among_the_active_ones_is(way, tasks):
    script = Script(told(FAILED, ("running", {"tasks": tasks, "__id": ""})), later=telling(end()))
    assert run(script, way)[0].end_reason == "user"


@WAYS
def test_a_connection_that_breaks_meanwhile_ends_it(way):
    script = Script(FAILED, later=lambda peer: peer.close())
    status, seconds = run(script, way)
    assert status.outcome is Outcome.FAILED
    assert seconds < ROOM


@pytest.mark.parametrize("way", [wait_for_one, iterate])
def test_a_reason_outlives_the_connection_that_told_it(way):
    def lose(peer):
        peer.event("end", **end()[1])
        return RUNNING

    def cut(peer):
        peer.close()
        return {}

    script = Script(lose, cut, FAILED)
    status, _ = run(script, way)
    assert status.end_reason == "user"


TWIN_BEGINS = ("begin", {"__id": "77777777.s"})  # a reason to poll


def cutting(*events):
    """A step: the events come, and no answer."""

    def step(peer):
        for action, fields in events:
            peer.event(action, **fields)
        peer.close()
        return {}

    return step


def falling_back(*documents):
    """A server that refuses all upgrades but the first; over HTTP it answers with these, and with the last again."""
    left, made = list(documents), []
    first = Script(told(RUNNING, TWIN_BEGINS), cutting(end()))

    def handler(peer):
        made.append(peer)
        if len(made) == 1:
            serve(first.reply)(peer)
            return
        while True:
            request = peer.read_request()
            if request is None:
                return
            upgrade = request.startswith("GET /task/service")
            document = left.pop(0) if len(left) > 1 and not upgrade else left[0]
            peer.send(answer(b"no", "404 Not Found") if upgrade else answer(document))

    return handler


@WAYS
@each("events", [[end()], [end("ttl")], [end(None), end("ttl")]], ids=str)
@each("then", [[FAILED], [STOPPING, FAILED]], ids=len)
def test_a_reason_that_was_heard_outlives_the_connection_that_gave_no_answer(way, events, then):
    status, seconds = run(Script(told(RUNNING, TWIN_BEGINS), cutting(*events), *then), way)
    assert seconds < ROOM
    (*_, (_, fields)) = events
    assert (status.end_reason, status.outcome_certain) == (fields["reason"], True)
    assert status.outcome is Outcome.CANCELLED


@pytest.mark.parametrize("transport", ["websocket", "auto"])
@WAYS
def test_a_run_that_is_seen_to_go_on_after_that_had_another_end(way, transport):
    script = Script(
        told(RUNNING, TWIN_BEGINS), cutting(end()), told(RUNNING, TWIN_BEGINS), told(FAILED, end(None))
    )
    status, _ = run(script, way, transport=transport)
    assert (status.end_reason, status.outcome) == (None, Outcome.FAILED)


@WAYS
@each(("documents", "reason"), [([FAILED], "user"), ([RUNNING, FAILED], None)], ids=str)
def test_the_same_where_polls_go_over_http_from_then_on(way, documents, reason, monkeypatch):
    monkeypatch.setattr(f"{__name__}.LONG", 0.2)
    with Server(falling_back(*documents)) as server, RocketRideClient(server.url, KEY) as client:
        assert way(client, TOKEN, ROOM).end_reason == reason


# --- whose event it is


@pytest.fixture
def _an_event_that_never_comes_is_not_awaited_for_long(monkeypatch):
    """Only where it is sent before the status or not at all: how long it is awaited is for the tests above."""
    monkeypatch.setattr(end_reason, "LONGEST", 0.1)


NOT_FOR_LONG = pytest.mark.usefixtures("_an_event_that_never_comes_is_not_awaited_for_long")


@NOT_FOR_LONG
@WAYS
@each(
    "fields",
    [
        {"__id": "77777777.s"},
        {"__id": "5f3a0123.other"},
        {"__id": "5f3a0123"},
        {"__id": ""},
        {"__id": None},
        {"projectId": "other"},
        {"source": "other", "__id": "5f3a0123.other"},
    ],
    ids=str,
)
def test_the_event_of_another_task_decides_nothing(way, fields):
    status, _ = run(Script(told(RUNNING, ("begin", {})), told(FAILED, end(**fields)), FAILED), way)
    assert (status.end_reason, status.outcome) == (None, Outcome.FAILED)


@WAYS
@pytest.mark.parametrize("token", [CHOSEN, SHORT])
@pytest.mark.parametrize("order", ["before", "after"])
def test_the_reason_of_the_only_run_with_the_id_of_a_chosen_token_is_its(way, order, token):
    id_ = f"{token[3:11] if token is SHORT else token[:8]}.s"
    event = end(__id=id_)
    alone = ("running", {"tasks": [{"id": id_}, {"id": "77777777.s"}], "__id": ""})
    last = told(FAILED, event) if order == "before" else FAILED

    def wake(peer):
        peer.event("end", __id="77777777.s")  # a twin's: the next poll comes at once
        return RUNNING

    script = Script(told(RUNNING, alone), wake, last, later=telling(event))
    status, seconds = run(script, way, token)
    assert (status.end_reason, status.outcome, status.outcome_certain) == ("user", Outcome.CANCELLED, True)
    assert seconds < ROOM


@WAYS
def test_the_reason_of_a_run_with_the_same_id_is_not_taken_for_a_chosen_tokens(way):
    id_ = f"{CHOSEN[:8]}.s"
    two = ("running", {"tasks": [{"id": id_}, {"id": id_}], "__id": ""})
    script = Script(told(RUNNING, two, end(None, __id="77777777.s")), told(RUNNING, end(__id=id_)), FAILED)
    status, _ = run(script, way, CHOSEN)
    assert (status.end_reason, status.outcome) == (None, Outcome.FAILED)


@WAYS
def test_a_twins_event_does_not_hide_this_runs(way):
    twin = end("ttl", __id="77777777.s")
    status, _ = run(Script(told(RUNNING, twin), FAILED, later=telling(twin, end("user"))), way)
    assert status.end_reason == "user"


@WAYS
@each(
    ("token", "auth"),
    [(CHOSEN, KEY), (SHORT, KEY), (f"{TOKEN[:-1]}g", KEY), (TOKEN, TOKEN), (TOKEN, f"pk_{TOKEN[3:]}")],
    ids=["chosen", "short", "not-hex", "tk", "pk"],
)
def test_where_the_id_may_be_anothers_it_tells_nothing_and_nothing_is_awaited(way, token, auth):
    event = end(__id=f"{token[3:11]}.s")
    status, seconds = run(Script(told(RUNNING, event, event), FAILED, later=telling(event)), way, token, auth)
    assert (status.end_reason, status.outcome) == (None, Outcome.FAILED)
    assert seconds < ROOM


@WAYS
@each("live", [RUNNING, {**RUNNING, "state": 1}, {**RUNNING, "state": 2}, {**RUNNING, "state": 6}], ids=str)
def test_the_end_of_the_run_before_decides_nothing(way, live):
    """The status that is read after the event shows life: it was another run's, or there was a restart."""
    script = Script(told(RUNNING, end()), live, FAILED, later=telling(end(None)))
    status, _ = run(script, way)
    assert (status.end_reason, status.outcome) == (None, Outcome.FAILED)


@WAYS
@pytest.mark.parametrize("action", ["begin", "restart"])
def test_after_the_event_of_a_begin_only_a_new_end_counts(way, action):
    script = Script(told(RUNNING, end(), (action, {})), FAILED, later=telling(end(None)))
    assert run(script, way)[0].end_reason is None
    script = Script(told(RUNNING, end(), (action, {})), FAILED, later=telling(end("ttl")))
    assert run(script, way)[0].end_reason == "ttl"


@WAYS
@pytest.mark.parametrize("action", ["begin", "restart"])
def test_a_begin_that_is_told_after_the_status_takes_nothing_back(way, action):
    """The next run may begin at once; the status is still that of the run that ended."""
    script = Script(told(RUNNING, end()), FAILED, later=telling((action, {})))
    assert run(script, way)[0].end_reason == "user"


@WAYS
@pytest.mark.parametrize("own", [[], [end(None)], [end("ttl")]], ids=["lost", "plain", "ttl"])
@pytest.mark.parametrize("order", ["before", "after", "between"])
def test_the_end_of_the_next_run_decides_nothing(way, order, own):
    """It begins, and is stopped, while the event of this one's end is awaited, or before the answer to the poll comes."""
    following = [BEGIN, end("user"), end("user")]
    last = {
        "before": Script(told(RUNNING, end(None, __id="77777777.s")), told(FAILED, *own, *following)),
        "after": Script(told(RUNNING, BEGIN), FAILED, later=telling(*own, *following)),
        "between": Script(told(RUNNING, BEGIN), told(FAILED, *own), later=telling(*following)),
    }[order]
    status, seconds = run(last, way)
    reason = "ttl" if own == [end("ttl")] else None
    outcome = Outcome.CANCELLED if reason else Outcome.FAILED
    assert (status.end_reason, status.outcome, status.outcome_certain) == (reason, outcome, True)
    assert seconds < ROOM


@WAYS
def test_a_success_keeps_its_outcome_whatever_the_event_says(way):
    status, _ = run(Script(told(RUNNING, end()), GOOD), way)
    assert (status.end_reason, status.outcome) == ("user", Outcome.SUCCEEDED)


# --- several tasks, callbacks, transports


def test_each_of_many_gets_its_own_reason():
    tokens = [f"tk_{number:032x}" for number in (0x11111111 << 96, 0x22222222 << 96, 0x33333333 << 96)]
    reasons = dict(zip(tokens, ["user", "ttl", None]))

    def reply(peer, request):
        if request["command"] != STATUS:
            peer.answer(request)
            return
        token = request["arguments"]["token"]
        peer.answer(request, FAILED)
        action, fields = end(reasons[token], __id=f"{token[3:11]}.s")
        peer.event(action, **fields)

    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY, transport="websocket") as client:
        results = client.wait_all(tokens, 40.0, LONG)
    assert {result.token: result.status.end_reason for result in results} == reasons
    assert [result.status.outcome for result in results] == ["cancelled", "cancelled", "failed"]


def test_a_task_whose_event_is_awaited_does_not_hold_up_the_others(monkeypatch):
    monkeypatch.setattr(end_reason, "LONGEST", WAIT)
    slow, quick = TOKEN, f"tk_{0x22222222 << 96:032x}"

    def reply(peer, request):
        is_slow = request["arguments"].get("token") == slow
        peer.answer(request, (FAILED if is_slow else GOOD) if request["command"] == STATUS else None)

    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY, transport="websocket") as client:
        seen = [result.token for result in client.as_completed([slow, quick], 40.0, LONG)]
        first = client.wait_all([slow, quick], 40.0, LONG, return_when="FIRST_COMPLETED")
    assert seen == [quick, slow]
    assert [result.done for result in first] == [True, True]


@pytest.mark.parametrize("many", [False, True])
def test_the_callback_sees_the_reason_once(many):
    seen = []
    with Server(serve(Script(RUNNING, FAILED, later=telling(end())).reply)) as server, RocketRideClient(
        server.url, KEY, transport="websocket"
    ) as client:
        if many:
            client.wait_all([TOKEN], 40.0, 0.05, lambda _, status: seen.append(status))
        else:
            client.wait_until_complete(TOKEN, 40.0, 0.05, seen.append)
    assert [status.end_reason for status in seen] == [None, "user"]


@NOT_FOR_LONG
@WAYS
@pytest.mark.parametrize("transport", ["http", "auto"])
def test_over_each_transport_the_same_status_is_judged_alike(way, transport):
    with Server(either(lambda _: FAILED)) as server, RocketRideClient(
        server.url, KEY, transport=transport
    ) as client:
        status = way(client, TOKEN, 40.0)
    assert (status.end_reason, status.outcome) == (None, Outcome.FAILED)


@WAYS
def test_auto_hears_the_reason_too(way):
    reply = Script(FAILED, later=telling(end())).reply
    with Server(either(None, reply)) as server, RocketRideClient(server.url, KEY) as client:
        assert way(client, TOKEN, 40.0).end_reason == "user"


def test_over_http_nothing_is_awaited():
    with Server(either(lambda _: FAILED)) as server, RocketRideClient(
        server.url, KEY, transport="http"
    ) as client:
        client.get_task_status(TOKEN)
        began = time.monotonic()
        client.wait_until_complete(TOKEN, 40.0, LONG)
        client.wait_all([TOKEN], 40.0, LONG)
        assert time.monotonic() - began < ROOM


# --- the command line


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("options", [["--json"], ["--json", "--strict"]], ids=" ".join)
def test_the_command_line_hears_the_reason(several, options):
    other = f"tk_{0x22222222 << 96:032x}"

    def reply(peer, request):
        if request["command"] != STATUS:
            peer.answer(request)
            return
        token = request["arguments"]["token"]
        peer.answer(request, {**FAILED, "exitMessage": ""})
        peer.event("end", reason="user", __id=f"{token[3:11]}.s")

    tokens = [TOKEN, other] if several else [TOKEN]
    with Server(serve(reply)) as server:
        words = ["--uri", server.url, "wait", *tokens, *options]
        done = run_command(words, {**os.environ, "ROCKETRIDE_APIKEY": KEY})
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert (told["outcome"], told["outcome_certain"]) == ("cancelled", True)
    assert "cancelled by a user" in done.stderr
