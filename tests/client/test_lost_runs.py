"""Runs that the server forgot or replaced, and that its run log tells the end of; over the wire."""

import contextlib
import threading

import pytest
from cases import each
from logged_runs import ENDED, NO_LOG, RUNNING, LoggingTasks, RunLog
from transports.dap_peer import KEY, TOKEN, serve
from transports.either_transport import either, is_upgrade, over_http
from transports.loopback import Server, answer

from rocketride_sync import (
    Outcome,
    RetryPolicy,
    RocketRideClient,
    TaskFailedError,
    TaskNotFoundError,
    TaskReplacedError,
    TaskStatus,
    TaskVanishedError,
)
from rocketride_sync.waiting.run_log import _PAUSES

FAILED = {**ENDED, "state": 6, "exitCode": 1, "exitMessage": "Failed*disk full*here"}
NEXT = {**RUNNING, "startTime": 900.0}
SEEN = TaskStatus.from_dict(RUNNING)
TWIN = TOKEN[:-1] + "0"
PATIENCE = 30.0
QUICK = RetryPolicy(initial_delay=0.01, max_delay=0.05)
LOST = [([RUNNING, None], TaskVanishedError), ([RUNNING, NEXT], TaskReplacedError)]


@contextlib.contextmanager
def client_of(reply, **options):
    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY, retry=QUICK, **options) as client:
        yield client


def wait(client):
    return client.wait_until_complete(TOKEN, PATIENCE, 0.02)


def iterate(client):
    return list(client.iter_task_status(TOKEN, timeout=PATIENCE, interval=0.02))[-1]


def wait_for_many(client):
    (result,) = client.wait_all([TOKEN], PATIENCE, 0.02)
    return result.result()


def as_completed(client):
    (result,) = client.as_completed([TOKEN], PATIENCE, 0.02)
    return result.result()


def ask_again(client):
    """Two processes, as it were: the second has the status that the first kept."""
    previous = TaskStatus.from_dict(client.get_task_status(TOKEN).to_dict())
    return client.get_task_status(TOKEN, previous=previous, timeout=PATIENCE)


def wait_with_previous(client):
    return client.wait_until_complete(TOKEN, PATIENCE, 0.02, previous=client.get_task_status(TOKEN))


@pytest.fixture(params=[wait, iterate, wait_for_many, as_completed, ask_again, wait_with_previous])
def way(request):
    return request.param


@pytest.mark.parametrize(("statuses", "_error"), LOST)
def test_the_end_of_a_lost_run_is_that_of_the_log(way, statuses, _error):
    log = RunLog().add(ENDED, -900.0).add(FAILED, outcome="cancelled").add(ENDED, 900.0)
    with client_of(LoggingTasks(log, *statuses).reply) as client:
        status = way(client)
    assert status == TaskStatus.from_dict(FAILED)
    assert status.from_run_log
    assert status.is_terminal
    assert {(read["projectId"], read["source"]) for read in log.reads} == {("p", "s")}


STOPPED = {**FAILED, "exitMessage": ""}


@pytest.mark.parametrize("way", [wait, iterate, wait_for_many, as_completed, wait_with_previous])
@pytest.mark.parametrize(
    "statuses", [[RUNNING, None], [RUNNING, NEXT], [RUNNING, {**NEXT, "startTime": 0.0}, NEXT]]
)
@each(
    ("events", "reason"),
    [
        ([("end", {"reason": "ttl"})], "ttl"),
        ([("end", {"reason": "ttl"}), ("begin", {})], "ttl"),
        ([("end", {"reason": "ttl", "__id": "77777777.s"}), ("end", {})], None),
        ([("end", {}), ("begin", {}), ("end", {"reason": "ttl"})], None),
    ],
)
def test_a_reason_that_an_event_told_is_known_where_the_log_has_none(way, statuses, events, reason):
    """Of two runs in one chapter the log does not tell it. The end comes between the first two polls."""
    tasks, left = LoggingTasks(RunLog().add(STOPPED), *statuses), len(statuses)

    def reply(peer, request):
        tasks.reply(peer, request)
        if request["command"] == "rrext_monitor":
            subscribed.set()
        if subscribed.is_set() and len(tasks.statuses) == left - 1 and not told.is_set():
            told.set()
            for action, fields in events:
                peer.event(action, **fields)

    subscribed, told = threading.Event(), threading.Event()
    with client_of(reply) as client:
        if way is wait_with_previous:
            tasks.statuses.insert(0, RUNNING)
        status = way(client)
    stopped = reason is not None
    assert (status.from_run_log, status.end_reason) == (True, reason)
    assert (status.outcome is Outcome.CANCELLED, status.outcome_certain) == (stopped, stopped)


@pytest.mark.parametrize(("statuses", "error"), LOST)
def test_of_the_chapter_alone_the_error_has_the_outcome(way, statuses, error):
    log = RunLog().add(ENDED, final=False).add(ENDED, 900.0)
    with client_of(LoggingTasks(log, *statuses).reply) as client, pytest.raises(error) as caught:
        way(client)
    assert caught.value.outcome is Outcome.SUCCEEDED
    assert "the server's run log says no more of its end than 'ok'" in str(caught.value)
    assert caught.value.last_status == SEEN


def deny_reading(log):
    def reply(peer, request):
        if request["arguments"]["subcommand"] == "read":
            peer.refuse(request, "Permission 'task.monitor' denied")
        else:
            peer.answer(request, log.body(request["arguments"]))

    return reply


def test_the_reading_may_be_denied_alone(way):
    log = RunLog().add(FAILED, reason="user")
    tasks = LoggingTasks(deny_reading(log), RUNNING, None)
    with client_of(tasks.reply) as client, pytest.raises(
        TaskVanishedError, match="somebody terminated"
    ) as caught:
        way(client)
    assert caught.value.outcome is Outcome.CANCELLED


def garble(peer, _request):
    peer.raw(b"\x81\x03no!")


def break_off(peer, _request):
    peer.peer.reset()


class SayNothing:
    """Until the seconds have passed."""

    def __init__(self, leaping):
        self.leaping = leaping

    def __call__(self, _peer, _request):
        self.leaping.leap(PATIENCE)


def answer_nothing(peer, request):
    peer.answer(request)


class GoOnForEver(SayNothing):
    """Each answer takes a second."""

    def __call__(self, peer, request):
        self.leaping.leap(1.0)
        if request["arguments"]["subcommand"] == "chapters":
            peer.answer(request, RunLog().add(ENDED).body(request["arguments"]))
        else:
            peer.answer(request, {"events": [], "nextSeq": request["arguments"].get("cursor", 0) + 1})


USELESS = [
    NO_LOG,
    "Permission 'task.monitor' denied for this task",
    "Access denied: no permissions",
    garble,
    break_off,
    answer_nothing,
    RunLog(),
    RunLog().add(ENDED, 500.0),
    RunLog().add(ENDED, endTime=None, outcome=None, final=False),
]


@pytest.fixture
def _quick_retries(monkeypatch):
    """As many as ever: how long they take is for `tests/waiting/test_run_log.py`."""
    monkeypatch.setattr("rocketride_sync.waiting.run_log._PAUSES", [0.01] * len(_PAUSES))


@pytest.mark.usefixtures("_quick_retries")
@pytest.mark.parametrize(("statuses", "error"), LOST)
@each("log", USELESS)
def test_without_a_log_that_tells_it_is_the_error_as_ever(way, log, statuses, error):
    with client_of(LoggingTasks(log, *statuses).reply) as client, pytest.raises(error) as caught:
        way(client)
    assert caught.value.outcome is None
    assert "was last seen as RUNNING, its outcome is unknown" in str(caught.value)
    assert caught.value.last_status == SEEN
    assert caught.value.__context__ is None


@pytest.mark.parametrize("slow", [SayNothing, GoOnForEver])
def test_a_slow_log_keeps_the_deadline(way, slow, leaping):
    log = slow(leaping)
    with client_of(LoggingTasks(log, RUNNING, None).reply, timeout=PATIENCE) as client:
        with pytest.raises(TaskVanishedError):
            way(client)
    assert leaping.passed < 2 * PATIENCE


def test_a_wait_without_any_timeout_is_bounded_too(leaping):
    for way in (wait_for_many, wait):
        silent = SayNothing(leaping)
        with client_of(LoggingTasks(silent, RUNNING, None).reply, timeout=None) as client:
            with pytest.raises(TaskVanishedError):
                way(client)


def test_a_run_that_was_never_seen_is_not_looked_for(way):
    log = RunLog().add(ENDED)
    with client_of(LoggingTasks(log, None).reply) as client, pytest.raises(TaskNotFoundError):
        way(client)
    assert log.lists == 0


def test_a_chapter_may_be_closed_while_it_is_asked_for(way):
    log = RunLog().add(ENDED, endTime=None, outcome=None)

    def reply(peer, request):
        if log.lists == 2:
            log.chapters[0].update(endTime=200.0, outcome="ok", reason="ttl")
        peer.answer(request, log.body(request["arguments"]))

    with client_of(LoggingTasks(reply, RUNNING, None).reply) as client:
        status = way(client)
    assert (status.from_run_log, status.end_reason) == (True, "ttl")


@pytest.mark.parametrize("way", [wait, iterate, wait_for_many, as_completed])
def test_a_log_that_is_behind_is_asked_for_longer_than_one_request_may_take(way, leaping):
    """The client's timeout is that of each request. What passes before the last one comes to more."""
    log, last = RunLog().add(ENDED, endTime=None, outcome=None), len(_PAUSES)
    timeout = 10.0

    def reply(peer, request):
        if log.lists == last:
            log.chapters[0].update(endTime=200.0, outcome="ok")
        else:
            leaping.leap(1.2 * timeout / last)
        peer.answer(request, log.body(request["arguments"]))

    with client_of(LoggingTasks(reply, RUNNING, None).reply, timeout=timeout) as client:
        assert way(client).from_run_log
    assert leaping.passed > timeout


@pytest.mark.parametrize("way", [wait, wait_for_many])
def test_a_request_to_a_log_that_is_silent_is_made_again(way, leaping):
    log, silent, timeout = RunLog().add(ENDED), [], 10.0

    def reply(peer, request):
        if not silent:
            silent.append(request)
            leaping.leap(timeout)
        else:
            peer.answer(request, log.body(request["arguments"]))

    with client_of(LoggingTasks(reply, RUNNING, None).reply, timeout=timeout) as client:
        assert way(client).from_run_log


@pytest.mark.parametrize("transport", ["http", "auto"])
def test_http_has_no_run_log(way, transport):
    statuses = [RUNNING]

    def status(_token):
        gone = answer(
            b'{"status": "Error", "error": {"message": "Your pipeline is not running"}}',
            status="400 Bad Request",
        )
        return statuses.pop() if statuses else gone

    def handler(peer):
        if "task/service" in (request := peer.read_request() or ""):
            peer.send(answer(b"", status="404 Not Found"))
        while request:
            if "task/service" not in request:
                found = status("")
                peer.send(found if isinstance(found, bytes) else answer(found))
            request = peer.read_request()

    with Server(handler) as server, RocketRideClient(
        server.url, KEY, transport=transport, retry=QUICK
    ) as client:
        with pytest.raises(TaskVanishedError, match="its outcome is unknown"):
            way(client)
        assert not any("rrext" in request or "POST" in request for request in server.requests)


@pytest.mark.parametrize("statuses", [[RUNNING, None], [RUNNING, NEXT]], ids=["forgotten", "replaced"])
def test_a_server_that_is_short_of_slots_does_not_make_its_log_unknown(way, statuses):
    """It answers over HTTP meanwhile, which has no run log."""
    left, refused = list(statuses), []
    gone = answer(
        b'{"status": "Error", "error": {"message": "Your pipeline is not running"}}', status="400 Bad Request"
    )

    def status(_token):
        found = left.pop(0) if len(left) > 1 else left[0]
        return gone if found is None else found

    def handler(peer):
        if is_upgrade(peer) and (left == statuses or len(refused) < 2):
            refused.append(peer.read_request())
            peer.send(answer(b"", status="403 Forbidden"))
        elif is_upgrade(peer):
            serve(LoggingTasks(RunLog().add(ENDED), statuses[1]).reply)(peer)
        else:
            over_http(peer, status)

    with Server(handler) as server, RocketRideClient(server.url, KEY, retry=QUICK) as client:
        assert way(client).from_run_log


@pytest.mark.parametrize("many", [False, True])
def test_progress_sees_the_status_of_the_log_last(many):
    seen = []
    with client_of(LoggingTasks(RunLog().add(FAILED), RUNNING, None).reply) as client:
        if many:
            client.wait_all([TOKEN], PATIENCE, 0.02, lambda _, status: seen.append(status))
        else:
            client.wait_until_complete(TOKEN, PATIENCE, 0.02, seen.append)
    assert [status.from_run_log for status in seen] == [False, True]


def test_a_failure_in_the_log_is_one_for_check():
    log = RunLog().add({**FAILED, "exitCode": 3})
    with client_of(LoggingTasks(log, RUNNING, None).reply) as client:
        with pytest.raises(TaskFailedError, match="disk full") as caught:
            client.wait_until_complete(TOKEN, PATIENCE, 0.02, check=True)
    assert caught.value.status.from_run_log


def test_searches_for_many_do_not_hold_up_the_others():
    """Nobody answers for two of them; the third ends."""
    lost = {TOKEN, TWIN}
    polls = {}

    def reply(peer, request):
        token = request["arguments"].get("token")
        if request["command"] == "rrext_get_task_status":
            polls[token] = polls.get(token, 0) + 1
            if token in lost and polls[token] > 1:
                peer.refuse(request, "Your pipeline is not running")
            else:
                peer.answer(request, ENDED if polls[token] > 20 else RUNNING)
        elif request["command"] != "rrext_log":
            peer.answer(request)

    with client_of(reply, timeout=20.0) as client:
        results = client.as_completed([TOKEN, "tk_third", TWIN], PATIENCE, 0.02)
        assert next(results).token == "tk_third"
        results.close()


def test_many_that_are_lost_at_once():
    """As after a restart of the server: each is the answer to its own."""
    log, polls = RunLog(), {}
    tokens = [f"tk_{number:032x}" for number in range(100)]
    for number in range(100):
        log.add({**ENDED, "completedCount": number}, 1000.0 + 200.0 * number)

    def reply(peer, request):
        arguments = request["arguments"]
        if request["command"] == "rrext_log":
            peer.answer(request, log.body(arguments))
        elif request["command"] != "rrext_get_task_status":
            peer.answer(request)
        elif arguments["token"] in polls:
            peer.refuse(request, "Your pipeline is not running")
        else:
            polls[arguments["token"]] = 1
            peer.answer(request, {**RUNNING, "startTime": 1000.0 + 200.0 * tokens.index(arguments["token"])})

    with client_of(reply) as client:
        results = client.wait_all(tokens, PATIENCE, 0.02)
    assert [result.result().completed_count for result in results] == list(range(100))


@pytest.mark.parametrize("way", [wait, iterate, wait_for_many])
def test_a_wait_lasts_over_a_restart_of_the_server(way):
    """It dies in the middle of the wait, and comes back with a log and without the task."""
    log = RunLog().add(FAILED, outcome="cancelled", reason="user")
    before, after = LoggingTasks(log, RUNNING), LoggingTasks(log, None)
    restarted, polled = threading.Event(), threading.Event()

    def reply(peer, request):
        if restarted.is_set():
            after.reply(peer, request)
            return
        before.reply(peer, request)
        if request["command"] == "rrext_get_task_status":
            polled.set()
            restarted.wait(PATIENCE)
            peer.peer.reset()

    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY, retry=QUICK) as client:

        def restart():
            polled.wait(PATIENCE)
            server.refuse()
            restarted.set()
            server.accept_again()

        thread = threading.Thread(target=restart)
        thread.start()
        status = way(client)
        thread.join()
    assert status.from_run_log
    assert status.end_reason == "user"


@pytest.mark.parametrize("transport", ["auto", "websocket"])
def test_a_status_of_the_log_is_had_through_either(transport):
    tasks = LoggingTasks(RunLog().add(ENDED), RUNNING, None)
    with Server(either(lambda _: RUNNING, tasks.reply)) as server:
        with RocketRideClient(server.url, KEY, transport=transport, retry=QUICK) as client:
            assert wait(client).from_run_log


@pytest.mark.parametrize(
    "chapter",
    [
        {"outcome": f"{KEY} {TOKEN}"},
        {"reason": f"{KEY} {TOKEN}"},
        {"beginTime": f"{KEY} {TOKEN}"},
        {f"{KEY} {TOKEN}": 1, "outcome": None},
    ],
)
@pytest.mark.parametrize("way", [wait, wait_for_many, ask_again])
def test_no_secret_that_the_log_repeats_is_shown(way, chapter, caplog):
    caplog.set_level("DEBUG", "rocketride_sync")
    tasks = LoggingTasks(RunLog().add(ENDED, final=False, **chapter), RUNNING, None)
    with client_of(tasks.reply) as client, pytest.raises(TaskVanishedError) as caught:
        way(client)
    shown = f"{caught.value!r} {caught.value} {caplog.text}"
    assert KEY not in shown
    assert TOKEN not in shown
