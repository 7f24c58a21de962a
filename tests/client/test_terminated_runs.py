"""What this client has terminated itself: in each moment, and of no other run."""

import threading

import pytest
from cases import each
from moments import each_moment, interrupted

from rocketride_sync import (
    MemoryTransport,
    Outcome,
    ProtocolError,
    RocketRideClient,
    ServerError,
    TaskCancelledError,
    TaskNotFoundError,
    TaskStatus,
    TransientError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.client import terminated_runs
from rocketride_sync.client.terminated_runs import TerminatedRuns
from rocketride_sync.transports import memory
from rocketride_sync.transports.base import PollingWatch

TOKEN = "tk_0123456789abcdef0123456789abcdef"
RUNNING = {"state": 3, "startTime": 100.0, "totalCount": 3, "completedCount": 1}
STOPPING = {**RUNNING, "state": 4, "completed": True}
TEXT = {**RUNNING, "state": 6, "completed": True, "exitCode": 1, "exitMessage": "text"}
SILENT = {**TEXT, "exitMessage": "", "completedCount": 3}
NULL = {**TEXT, "exitCode": None, "exitMessage": "Stopped"}
GOOD = {**TEXT, "state": 5, "exitCode": 0, "exitMessage": ""}
ENDS = pytest.mark.parametrize("end", [TEXT, SILENT, NULL], ids=["6/1/text", "6/1", "6/null"])


class Server:
    """A transport to one task: `status` is what every poll answers, `on_terminate` what `terminate` does."""

    def __init__(self, status, on_terminate=lambda server: None):
        self.status = status
        self.on_terminate = on_terminate
        self.calls = []

    def call(self, operation, deadline):
        self.calls.append(operation.name)
        if operation.name == "terminate":
            return self.on_terminate(self)
        if operation.name == "use":
            return {"token": TOKEN}
        if operation.name != "get_task_status":
            return None
        answer = self.status.pop(0) if isinstance(self.status, list) else self.status
        if isinstance(answer, Exception):
            raise answer
        return answer

    def watch(self, operation):
        return PollingWatch(self)

    def close(self):
        pass


def ending_with(document, fault=None):
    def on_terminate(server):
        server.status = document
        if fault is not None:
            raise fault

    return on_terminate


def sent(fault):
    """What is raised when a request may have arrived, and was not answered."""
    fault.request_sent = True
    return fault


def unanswered():
    """The faults after which nobody knows whether the server ends the run."""
    return [
        sent(TransportTimeoutError("no answer")),
        sent(TransientError("a proxy gave up", http_status=504)),
        sent(ProtocolError("a proxy's page")),
        KeyboardInterrupt(),
    ]


def unseen():
    raise AssertionError("nobody needs to look")


def client_of(server):
    return RocketRideClient("test", "key", transport=server)


def is_ours(status):
    assert status.end_reason is None
    ours = status.terminated_by_client
    assert ours is not None or (status.outcome, status.outcome_certain) == (Outcome.CANCELLED, False)
    assert not ours or (status.outcome, status.outcome_certain) == (Outcome.CANCELLED, True)
    return ours


READS = pytest.mark.parametrize(
    "read",
    [
        lambda client: client.get_task_status(TOKEN),
        lambda client: client.get_task_status(TOKEN, previous=TaskStatus.from_dict(RUNNING)),
        lambda client: client.wait_until_complete(TOKEN, 20.0),
        lambda client: client.wait_all([TOKEN], 20.0)[0].result(),
        lambda client: list(client.iter_task_status(TOKEN, timeout=20.0))[-1],
    ],
    ids=["status", "previous", "wait", "wait_all", "iterate"],
)


@ENDS
@READS
def test_a_run_that_it_terminated_is_cancelled_however_it_is_read(end, read):
    client = client_of(Server(RUNNING, ending_with(end)))
    client.terminate(TOKEN)
    assert is_ours(read(client))


def test_another_client_does_not_know_it():
    server = Server(RUNNING, ending_with(TEXT))
    client_of(server).terminate(TOKEN)
    assert not is_ours(client_of(server).get_task_status(TOKEN))


@ENDS
def test_one_that_had_ended_just_before_keeps_its_outcome(end):
    client = client_of(Server(end))
    client.terminate(TOKEN)
    status = client.get_task_status(TOKEN)
    assert not is_ours(status)
    assert status.outcome is TaskStatus.from_dict(end).outcome


@ENDS
def test_while_it_is_being_terminated_its_end_counts_already(end):
    seen = []

    def on_terminate(server):
        seen.append(client.get_task_status(TOKEN))
        server.status = STOPPING
        seen.append(client.get_task_status(TOKEN))
        server.status = end
        seen.append(client.get_task_status(TOKEN))

    client = client_of(Server(RUNNING, on_terminate))
    client.terminate(TOKEN)
    assert [status.outcome for status in seen] == ["running", "running", "cancelled"]
    assert is_ours(seen[-1])
    assert is_ours(client.get_task_status(TOKEN))


@pytest.mark.parametrize("stale", [RUNNING, STOPPING], ids=["running", "stopping"])
def test_a_status_that_was_asked_for_before_the_answer_takes_nothing_back(stale):
    runs = TerminatedRuns()
    runs.terminate(TOKEN, TaskStatus.from_dict(RUNNING), lambda: None, unseen)
    runs.mark(TOKEN, TaskStatus.from_dict(stale), asked_at=0.0)
    assert is_ours(runs.mark(TOKEN, TaskStatus.from_dict(TEXT), asked_at=1e12))


def test_repeating_it_changes_nothing():
    client = client_of(Server(RUNNING, ending_with(TEXT)))
    client.terminate(TOKEN)
    client.terminate(TOKEN)
    assert is_ours(client.get_task_status(TOKEN))


@pytest.mark.parametrize("start", [100.5, 0.0])
def test_another_run_is_not_meant(start):
    client = client_of(Server(RUNNING, ending_with({**TEXT, "startTime": start})))
    client.terminate(TOKEN)
    assert not is_ours(client.get_task_status(TOKEN))


def test_the_next_run_does_not_make_it_forgotten():
    """The run log may tell its end after the next run was seen."""
    server = Server(RUNNING, ending_with(TEXT))
    client = client_of(server)
    client.terminate(TOKEN)
    ended, server.status = server.status, {**RUNNING, "startTime": 500.0}
    assert not is_ours(client.get_task_status(TOKEN))
    server.status = ended
    assert is_ours(client.get_task_status(TOKEN))


STARTING = {**RUNNING, "state": 1, "startTime": 0.0}
ENDED_STARTING = [{**TEXT, "startTime": start, "endTime": 105.0} for start in (100.0, 0.0)]


@READS
@each("end", ENDED_STARTING)
def test_a_run_that_had_no_start_yet_is_known_by_its_end(end, read):
    client = client_of(server := Server(STARTING, ending_with(end)))
    client.terminate(TOKEN)
    assert server.calls == ["get_task_status", "terminate", "get_task_status"]
    assert is_ours(read(client))


@each("end", ENDED_STARTING)
@each("later", [{**TEXT, "startTime": 500.0, "endTime": 505.0}, {**TEXT, "startTime": 0.0, "endTime": 505.0}])
def test_of_the_next_run_that_tells_nothing(end, later):
    client = client_of(server := Server(STARTING, ending_with(end)))
    client.terminate(TOKEN)
    server.status = later
    assert is_ours(client.get_task_status(TOKEN)) is False


@each(
    "then",
    [RUNNING, STARTING, TransportError("broke"), TaskNotFoundError("gone"), {"state": "junk"}],
    ids=repr,
)
def test_a_run_that_had_no_start_yet_and_whose_end_is_not_seen_cannot_be_told_from_the_next(then):
    client = client_of(server := Server(STARTING, ending_with([then, TEXT])))
    client.terminate(TOKEN)
    assert server.calls == ["get_task_status", "terminate", "get_task_status"]
    assert is_ours(client.get_task_status(TOKEN)) is False


@pytest.mark.parametrize(
    ("answers", "polls"),
    [
        ([TransportError("broke"), TransportError("again")], 2),
        ([TaskNotFoundError("gone")], 1),
        ([{"state": "junk"}], 1),
    ],
)
def test_a_status_that_cannot_be_read_just_before_is_no_hindrance(answers, polls):
    server = Server([*answers, TEXT], lambda _: None)
    client = client_of(server)
    client.terminate(TOKEN)
    assert server.calls == [*["get_task_status"] * polls, "terminate"]
    assert not is_ours(client.get_task_status(TOKEN))


@each("fault", [ServerError("no"), TransportError("broke"), TransportTimeoutError("late")], ids=repr)
def test_one_that_was_refused_or_not_sent_does_not_count(fault):
    client = client_of(Server(RUNNING, ending_with(TEXT, fault)))
    with pytest.raises(type(fault)):
        client.terminate(TOKEN)
    assert is_ours(client.get_task_status(TOKEN)) is False


def test_one_that_failed_does_not_undo_an_earlier_one():
    client = client_of(Server(RUNNING, ending_with(TEXT)))
    client.terminate(TOKEN)
    runs = client._terminated
    with pytest.raises(ZeroDivisionError):
        runs.terminate(TOKEN, TaskStatus.from_dict(RUNNING), lambda: 1 / 0, unseen)
    assert is_ours(client.get_task_status(TOKEN))


def test_a_success_stays_one():
    client = client_of(Server(RUNNING, ending_with(GOOD)))
    client.terminate(TOKEN)
    status = client.get_task_status(TOKEN)
    assert status.outcome is Outcome.SUCCEEDED


def test_after_a_restart_by_this_client_the_end_is_the_restarted_runs():
    server = Server(RUNNING, ending_with(TEXT))
    client = client_of(server)
    client.terminate(TOKEN)
    client.restart(project_id="p", source="s", pipeline={"source": "s", "components": []}, token=TOKEN)
    server.status = SILENT
    assert client.get_task_status(TOKEN).outcome is Outcome.SUCCEEDED


@each("state", [1, 2, 3, 6])
def test_after_a_restart_by_somebody_too_once_it_was_seen(state):
    server = Server(RUNNING, ending_with(TEXT))
    client = client_of(server)
    client.terminate(TOKEN)
    server.status = {**RUNNING, "state": state}
    client.get_task_status(TOKEN)
    server.status = SILENT
    assert client.get_task_status(TOKEN).outcome is Outcome.SUCCEEDED


ENDED = {**TEXT, "endTime": 1010.0}
ENDED_AGAIN = {**TEXT, "endTime": 5000.0, "exitMessage": "Out of memory"}


def ended_by(client, server, end=ENDED):
    """The run is terminated, and ends so."""
    server.status, server.on_terminate = RUNNING, ending_with(end)
    client.terminate(TOKEN)


@READS
def test_after_a_restart_by_somebody_once_its_end_was_seen_a_later_end_is_another_lives(read):
    """A restart keeps the start time, and may be over before this client looks again."""
    server = Server(RUNNING)
    client = client_of(server)
    ended_by(client, server)
    assert is_ours(read(client))
    server.status = ENDED_AGAIN
    status = read(client)
    assert not is_ours(status)
    assert status.outcome is Outcome.FAILED
    server.status = ENDED
    assert is_ours(read(client)), "the run log tells of the first end still"


def test_an_end_that_was_seen_before_the_answer_counts_as_the_first():
    def on_terminate(server):
        server.status = ENDED
        client.get_task_status(TOKEN)

    server = Server(RUNNING, on_terminate)
    client = client_of(server)
    client.terminate(TOKEN)
    server.status = ENDED_AGAIN
    assert not is_ours(client.get_task_status(TOKEN))


def test_of_the_end_of_a_restarted_run_that_is_terminated_again_the_first_end_is_its_own():
    server = Server(RUNNING)
    client = client_of(server)
    for end in (ENDED, ENDED_AGAIN):
        ended_by(client, server, end)
        assert is_ours(client.get_task_status(TOKEN))
    server.status = {**TEXT, "endTime": 6000.0}
    assert not is_ours(client.get_task_status(TOKEN))


@pytest.mark.parametrize("first", [0.0, 1010.0])
def test_ends_without_a_time_are_not_compared(first):
    server = Server(RUNNING)
    client = client_of(server)
    ended_by(client, server, {**TEXT, "endTime": first})
    assert is_ours(client.get_task_status(TOKEN))
    for another in (0.0, 1010.0):
        server.status = {**TEXT, "endTime": another}
        assert is_ours(client.get_task_status(TOKEN))


@pytest.mark.parametrize("end", [ENDED, ENDED_AGAIN])
def test_an_end_that_was_not_seen_before_a_restart_cannot_be_told_from_a_later_one(end):
    server = Server(RUNNING)
    client = client_of(server)
    ended_by(client, server, end)
    assert is_ours(client.get_task_status(TOKEN))


def test_a_time_of_a_task_that_stops_is_no_end():
    """Servers write it a second time when the task has stopped."""
    server = Server(RUNNING)
    client = client_of(server)
    ended_by(client, server, {**STOPPING, "endTime": 1009.0})
    client.get_task_status(TOKEN)
    server.status = ENDED
    assert is_ours(client.get_task_status(TOKEN))


@ENDS
def test_a_wait_that_cancels_on_timeout(end):
    client = client_of(Server(RUNNING, ending_with(end)))
    status = client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True)
    assert is_ours(status)
    with pytest.raises(TaskCancelledError):
        client_of(Server(RUNNING, ending_with(end))).wait_until_complete(
            TOKEN, 0, cancel_on_timeout=True, check=True
        )


def test_a_wait_that_cannot_cancel_says_so_still():
    def refuse(_):
        raise TransportError("broke")

    with pytest.raises(WaitTimeoutError, match="could not be terminated"):
        client_of(Server(RUNNING, refuse)).wait_until_complete(TOKEN, 0, cancel_on_timeout=True)


@pytest.mark.parametrize(
    "leave", [lambda task: task.terminate(), lambda task: task.__exit__(None, None, None)]
)
def test_a_task_that_is_terminated_by_its_handle_or_by_leaving_its_block(leave):
    server = Server(RUNNING, ending_with(TEXT))
    client = client_of(server)
    task = client.use(pipeline={"source": "s", "components": [{"id": "s", "provider": "p"}]})
    leave(task)
    assert task.ended
    assert is_ours(task.get_status())
    assert server.calls == ["use", *["get_task_status"] * 2, "terminate", "get_task_status"]


def test_its_memory_is_bounded():
    runs = TerminatedRuns()
    before = TaskStatus.from_dict(RUNNING)
    for number in range(1500):
        runs.terminate(f"tk_{number}", before, lambda: None, unseen)
    assert len(runs._runs) == 1000
    assert is_ours(runs.mark("tk_1499", TaskStatus.from_dict(TEXT), 0.0))
    assert not is_ours(runs.mark("tk_499", TaskStatus.from_dict(TEXT), 0.0))


def test_who_terminates_nothing_loads_nothing_for_it():
    client = client_of(Server(RUNNING))
    client.get_task_status(TOKEN)
    assert client._terminated is None


def test_a_kept_connection_that_is_dead_costs_one_of_two_polls():
    server = Server([TransportError("broke"), RUNNING, TEXT], lambda _: None)
    client = client_of(server)
    client.terminate(TOKEN)
    assert server.calls == ["get_task_status", "get_task_status", "terminate"]
    assert is_ours(client.get_task_status(TOKEN))


def test_ctrl_c_at_any_moment_makes_no_run_one_that_this_client_ended():
    """Else its end, whatever it was, would be told as cancelled."""
    ended = {**RUNNING, "state": 6, "completed": True, "exitCode": 1, "exitMessage": "Failed"}
    first = RocketRideClient("h", "key", transport=MemoryTransport([RUNNING, None]))
    first.terminate(TOKEN)  # loads what it needs

    def survives(number):
        transport = MemoryTransport([RUNNING, None, *[ended] * 3])
        client = RocketRideClient("h", "key", transport=transport)
        was_interrupted, _ = interrupted(lambda: client.terminate(TOKEN), number, {memory.__file__})
        if "terminate" not in [call.name for call in transport.calls]:
            client._transport = client._caller.transport = MemoryTransport([ended])
            assert not client.get_task_status(TOKEN).terminated_by_client
        return was_interrupted

    assert each_moment(survives) > 50


def test_a_task_that_is_terminated_again_is_among_the_latest():
    """Not the first to be forgotten, though its earlier run was terminated before those of a thousand others."""
    runs = TerminatedRuns()
    before, ended = TaskStatus.from_dict(RUNNING), TaskStatus.from_dict(TEXT)
    others = [f"tk_{number}" for number in range(999)]
    for token in [TOKEN, *others, TOKEN, "tk_another"]:
        runs.terminate(token, before, lambda: None, unseen)
    assert is_ours(runs.mark(TOKEN, ended, 0.0))
    assert not is_ours(runs.mark(others[0], ended, 0.0))
    assert is_ours(runs.mark(others[1], ended, 0.0))


def test_a_run_whose_termination_is_answered_late_is_among_the_latest():
    """Though a thousand others were terminated meanwhile."""
    runs = TerminatedRuns()
    before = TaskStatus.from_dict(RUNNING)

    def terminate_others():
        for number in range(1000):
            runs.terminate(f"tk_{number}", before, lambda: None, unseen)

    runs.terminate(TOKEN, before, terminate_others, unseen)
    assert is_ours(runs.mark(TOKEN, TaskStatus.from_dict(TEXT), 0.0))
    assert not is_ours(runs.mark("tk_0", TaskStatus.from_dict(TEXT), 0.0))


def broken(then):
    """What `terminate` does: once the connection breaks, and polls show `then` from there on."""

    def on_terminate(server):
        if server.calls.count("terminate") == 1:
            server.status = then
            fault = TransportError("the connection broke")
            fault.request_sent = True
            raise fault

    return on_terminate


@each(
    ("then", "times"),
    [
        pytest.param(RUNNING, 2, id="goes-on"),
        pytest.param(STOPPING, 2, id="goes-on-stopping"),
        pytest.param(TEXT, 1, id="ended"),
        pytest.param(TaskNotFoundError("no such task"), 1, id="forgotten"),
        pytest.param({**RUNNING, "startTime": 200.0}, 1, id="the-next-run"),
    ],
)
def test_after_a_broken_connection_only_the_same_run_is_terminated_again(then, times):
    server = Server(RUNNING, broken(then))
    client_of(server).terminate(TOKEN)
    assert server.calls.count("terminate") == times


@pytest.mark.parametrize(
    ("before", "then"),
    [
        pytest.param(RUNNING, ServerError("not now"), id="unseen-afterwards"),
        pytest.param(ServerError("not now"), RUNNING, id="unseen-before"),
        pytest.param({**RUNNING, "startTime": 0}, {**RUNNING, "startTime": 0}, id="not-started"),
    ],
)
def test_after_a_broken_connection_a_run_that_cannot_be_told_is_not_terminated_again(before, then):
    server = Server(before, broken(then))
    with pytest.raises(TransportError, match="carried it out is unknown; the task's status tells"):
        client_of(server).terminate(TOKEN)
    assert server.calls.count("terminate") == 1


@ENDS
@each("fault", unanswered(), ids=repr)
@each("then", [[], [RUNNING], [RUNNING, STOPPING]], ids=len)
def test_an_end_after_a_request_without_an_answer_is_not_certain(end, fault, then):
    """It may have been this request that ended the run, however late, and may not."""
    server = Server(RUNNING, ending_with([*then, *[end] * 3], fault))
    client = client_of(server)
    with pytest.raises(type(fault)):
        client.terminate(TOKEN)
    for _ in then:
        assert client.get_task_status(TOKEN).terminated_by_client is False
    for _ in range(3):
        assert is_ours(client.get_task_status(TOKEN)) is None
    assert server.calls.count("terminate") == 1


@ENDS
@READS
def test_it_is_the_same_when_the_connection_breaks(end, read):
    client = client_of(Server(RUNNING, broken(end)))
    client.terminate(TOKEN)
    assert is_ours(read(client)) is None


@ENDS
@READS
def test_and_when_nothing_could_be_seen_after_it_broke(end, read):
    server = Server(RUNNING, broken(ServerError("not now")))
    client = client_of(server)
    with pytest.raises(TransportError):
        client.terminate(TOKEN)
    server.status = end
    assert is_ours(read(client)) is None


@ENDS
def test_a_wait_that_was_not_told_whether_its_task_was_cancelled(end):
    server = Server(RUNNING, ending_with([RUNNING, *[end] * 3], sent(TransportTimeoutError("no answer"))))
    client = client_of(server)
    with pytest.raises(WaitTimeoutError, match="could not be terminated and may run on"):
        client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True)
    with pytest.raises(TaskCancelledError, match=r"not certain: this client had asked .* no answer"):
        client.wait_until_complete(TOKEN, 20.0, 0.02, check=True)
    assert is_ours(client.get_task_status(TOKEN)) is None


@each("end", [GOOD, {**TEXT, "exitCode": 0}])
def test_what_is_certain_without_it_stays_so(end):
    client = client_of(Server(RUNNING, ending_with(end, sent(TransportTimeoutError("no answer")))))
    with pytest.raises(TransportTimeoutError):
        client.terminate(TOKEN)
    status, plain = client.get_task_status(TOKEN), TaskStatus.from_dict(end)
    assert (status.outcome, status._doubt) == (plain.outcome, plain._doubt)


@each("first", unanswered(), ids=repr)
def test_an_answer_to_the_second_request_makes_it_certain(first):
    client = client_of(server := Server(RUNNING, ending_with(RUNNING, first)))
    with pytest.raises(type(first)):
        client.terminate(TOKEN)
    server.on_terminate = ending_with(TEXT)
    client.terminate(TOKEN)
    assert is_ours(client.get_task_status(TOKEN)) is True


def test_a_refusal_of_the_second_request_says_nothing_of_the_first():
    client = client_of(server := Server(RUNNING, ending_with(RUNNING, sent(TransportTimeoutError("late")))))
    with pytest.raises(TransportTimeoutError):
        client.terminate(TOKEN)
    server.on_terminate = ending_with(TEXT, TaskNotFoundError("no such task"))
    with pytest.raises(TaskNotFoundError):
        client.terminate(TOKEN)
    assert is_ours(client.get_task_status(TOKEN)) is None


def test_a_second_request_without_an_answer_does_not_undo_the_first():
    client = client_of(server := Server(RUNNING, ending_with(STOPPING)))
    client.terminate(TOKEN)
    server.on_terminate = ending_with(TEXT, sent(TransportTimeoutError("late")))
    with pytest.raises(TransportTimeoutError):
        client.terminate(TOKEN)
    assert is_ours(client.get_task_status(TOKEN)) is True


def test_of_another_run_a_request_without_an_answer_tells_nothing():
    server = Server(RUNNING, ending_with({**TEXT, "startTime": 100.5}, sent(TransportTimeoutError("late"))))
    client = client_of(server)
    with pytest.raises(TransportTimeoutError):
        client.terminate(TOKEN)
    assert is_ours(client.get_task_status(TOKEN)) is False


def test_a_later_end_is_not_this_clients_after_the_one_that_followed_a_request_without_an_answer():
    server = Server(RUNNING, ending_with(ENDED, sent(TransportTimeoutError("late"))))
    client = client_of(server)
    with pytest.raises(TransportTimeoutError):
        client.terminate(TOKEN)
    assert is_ours(client.get_task_status(TOKEN)) is None
    server.status = ENDED_AGAIN
    assert is_ours(client.get_task_status(TOKEN)) is False


UNREADABLE = [
    pytest.param([TransportError("broke"), TransportError("again")], id="lost"),
    pytest.param([{"state": "junk"}], id="garbled"),
    pytest.param([{**RUNNING, "state": 1, "startTime": 0.0}], id="not-started"),
]


def unread_before(before, then, fault):
    """A client whose request to terminate brought `fault`, where `before` were the answers just before; and its server."""

    def on_terminate(server):
        server.status = then
        raise fault

    client = client_of(server := Server(list(before), on_terminate))
    with pytest.raises(type(fault)):
        client.terminate(TOKEN)
    assert server.calls.count("terminate") == 1
    return client, server


@ENDS
@each("fault", [*unanswered(), sent(TransportError("broke"))], ids=repr)
@pytest.mark.parametrize("before", UNREADABLE)
@each("then", [[], [RUNNING], [RUNNING, STOPPING]], ids=len)
def test_a_request_without_an_answer_may_have_ended_a_run_that_was_not_seen_before(end, fault, before, then):
    client, _ = unread_before(before, [*then, *[end] * 2], fault)
    for _ in then:
        assert client.get_task_status(TOKEN).terminated_by_client is False
    for _ in range(2):
        assert is_ours(client.get_task_status(TOKEN)) is None


@ENDS
@READS
def test_however_its_end_is_read(end, read):
    client, _ = unread_before([{"state": "junk"}], end, sent(TransportTimeoutError("late")))
    assert is_ours(read(client)) is None


@pytest.mark.parametrize("before", UNREADABLE)
@each("fault", [ServerError("no"), TransportError("broke"), TransportTimeoutError("late")], ids=repr)
def test_but_not_if_it_was_refused_or_not_sent(before, fault):
    client, _ = unread_before(before, TEXT, fault)
    assert is_ours(client.get_task_status(TOKEN)) is False


def test_of_runs_that_were_not_seen_before_the_first_that_is_seen_is_meant():
    client, server = unread_before([{"state": "junk"}], RUNNING, sent(TransportTimeoutError("late")))
    client.get_task_status(TOKEN)
    for start, ours in ((500.0, False), (100.0, None), (500.0, False)):
        server.status = {**ENDED, "startTime": start}
        assert is_ours(client.get_task_status(TOKEN)) is ours
    server.status = ENDED_AGAIN
    assert is_ours(client.get_task_status(TOKEN)) is False


@each("start", [100.0, 500.0])
def test_an_answer_to_an_earlier_request_still_counts_for_the_run_of_that(start):
    server = Server(RUNNING)
    client = client_of(server)
    ended_by(client, server)
    server.status, server.on_terminate = (
        {"state": "junk"},
        ending_with(ENDED, sent(TransportTimeoutError("late"))),
    )
    for _ in range(2):
        with pytest.raises(TransportTimeoutError):
            client.terminate(TOKEN)
        server.status = {"state": "junk"}
    server.status = {**ENDED, "startTime": start}
    assert is_ours(client.get_task_status(TOKEN)) is (True if start == 100.0 else None)
    server.status = ENDED
    assert is_ours(client.get_task_status(TOKEN)) is True


@each("request_sent", [False, None])
def test_ctrl_c_before_the_request_is_sent_is_none(request_sent):
    """A transport of this library tells by `Operation.sent` whether it was; of another one it is not known."""

    class Telling(Server):
        def call(self, operation, deadline):
            if operation.name == "terminate":
                operation.sent = request_sent
            return super().call(operation, deadline)

    client = client_of(Telling(RUNNING, ending_with(TEXT, KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        client.terminate(TOKEN)
    assert is_ours(client.get_task_status(TOKEN)) is request_sent


@pytest.mark.parametrize("request_sent", [False, True])
def test_a_request_that_was_not_answered_in_time_is_not_repeated(request_sent):
    def late(server):
        fault = TransportTimeoutError("no answer")
        fault.request_sent = request_sent
        raise fault

    server = Server(RUNNING, late)
    with pytest.raises(TransportTimeoutError):
        client_of(server).terminate(TOKEN)
    assert server.calls == ["get_task_status", "terminate"]


@each("first", ["terminate", "with_options"])
def test_what_two_threads_terminate_first_is_known_of_both(first, monkeypatch):
    """A client makes its memory of that when it first needs it: it must be the same for both."""
    client = client_of(Server(RUNNING))
    others = []

    class Slow(TerminatedRuns):
        """Takes so long to make that another thread terminates a task meanwhile."""

        def __init__(self):
            if not others:
                others.append(threading.Thread(target=client.terminate, args=("tk_other",)))
                others[0].start()
                others[0].join(30)
            super().__init__()

    monkeypatch.setattr(terminated_runs, "TerminatedRuns", Slow)
    sharing = client.with_options() if first == "with_options" else client
    sharing.terminate(TOKEN)
    client._transport.status = TEXT
    for each_client in (client, sharing):
        for token in (TOKEN, "tk_other"):
            assert each_client.get_task_status(token).terminated_by_client is True
