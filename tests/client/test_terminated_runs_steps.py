"""What the memory of terminated runs does when something else than the server's answer comes."""

import itertools
from types import SimpleNamespace

import pytest
from cases import each
from handlers import raised_as_handler
from moments import between_lines, met_at_each_line

from rocketride_sync import ServerError, TaskNotFoundError, TaskStatus, TransportError, TransportTimeoutError
from rocketride_sync.client import terminated_runs
from rocketride_sync.client.terminated_runs import TerminatedRuns

RUNNING = {"state": 3, "startTime": 100.0}
STARTING = {"state": 2}
FAILED = {**RUNNING, "state": 6, "completed": True, "exitCode": 1, "exitMessage": "text"}
MOST_KEPT = 1000


def status(document):
    return TaskStatus.from_dict(document)


def sent(error):
    error.request_sent = True
    return error


class Script:
    """A step that raises or returns what comes next."""

    def __init__(self, *results):
        self.results = list(results)

    def __call__(self):
        result = self.results.pop(0)
        if isinstance(result, BaseException):
            raise result
        return result


def terminate(runs, before, step, look=None, token="tk_0"):
    """The exception that came out of it, None if none did."""
    try:
        runs.terminate(token, before and status(before), step, look or Script())
    except BaseException as error:
        return error
    return None


def mark(runs, document, token="tk_0"):
    return runs.mark(token, status(document), 0.0).terminated_by_client


def test_another_thread_that_reads_the_status_sees_it_at_any_moment():
    """A wait in it reads the end just when `terminate` returns."""
    runs, answered, seen = TerminatedRuns(), [], []

    def read():
        if answered:
            seen.append(mark(runs, FAILED))

    between_lines(
        lambda: runs.terminate("tk_0", status(RUNNING), lambda: answered.append(True), Script()),
        read,
        terminated_runs,
    )
    assert set(seen) == {True}


def test_a_status_of_before_does_not_make_another_thread_s_termination_forgotten(monkeypatch):
    """The task was restarted after a first one, which a status shows; at any step on the way to that it is terminated again."""

    def begin():
        runs, restarted = TerminatedRuns(), status(RUNNING)
        clock = SimpleNamespace(monotonic=itertools.count(1).__next__)
        monkeypatch.setattr(terminated_runs, "system_time", clock)

        def terminated():
            runs.terminate("tk_0", restarted, Script(None), Script())

        terminated()
        return lambda: runs.mark("tk_0", restarted, 1.5), terminated, lambda: mark(runs, FAILED)

    found = met_at_each_line(begin, terminated_runs, opcodes=True)
    assert len(found) > 10
    assert set(found) == {True}


def test_the_latest_are_kept_also_of_those_that_were_terminated_before():
    runs = TerminatedRuns()
    for number in (*range(MOST_KEPT), 0, MOST_KEPT):
        assert terminate(runs, RUNNING, Script(None), token=f"tk_{number}") is None
    known = [number for number in range(MOST_KEPT + 1) if mark(runs, FAILED, f"tk_{number}") is True]
    assert known == [0, *range(2, MOST_KEPT + 1)]


@each(
    "forgotten, left",
    [("tk_1", [["tk_2"], ["tk_0", "tk_2"]]), ("tk_2", [["tk_1"], ["tk_1", "tk_2"], ["tk_0", "tk_1"]])],
)
def test_another_thread_may_forget_a_run_at_any_moment(forgotten, left, monkeypatch):
    monkeypatch.setattr(terminated_runs, "_MAX_KEPT", 2)

    def begin():
        runs, tokens = TerminatedRuns(), ("tk_0", "tk_1", "tk_2")
        for token in tokens[:2]:
            assert terminate(runs, RUNNING, Script(None), token=token) is None
        return (
            lambda: runs.terminate("tk_2", status(RUNNING), Script(None), Script()),
            lambda: runs.forget(forgotten),
            lambda: [token for token in tokens if mark(runs, FAILED, token) is True],
        )

    found = met_at_each_line(begin, terminated_runs, opcodes=True)
    assert len(found) > 10
    assert all(known in left for known in found)


def test_what_is_refused_takes_no_place():
    runs = TerminatedRuns()
    assert terminate(runs, RUNNING, Script(None)) is None
    for number in range(MOST_KEPT):
        assert terminate(runs, RUNNING, Script(ServerError("no")), token=f"tk_refused_{number}")
    assert mark(runs, FAILED) is True


def test_an_error_of_a_handler_that_comes_while_it_is_asked_says_nothing_of_the_connection():
    """Nobody looks whether the task goes on, and nothing is asked again."""
    error = raised_as_handler(sent(TransportError("of another client")))
    step, look = Script(error, None), Script(status(RUNNING))
    assert terminate(TerminatedRuns(), RUNNING, step, look) is error
    assert (len(step.results), len(look.results)) == (1, 1)


@each("kind", [TaskNotFoundError, ServerError])
def test_an_error_of_a_handler_that_comes_in_the_look_says_nothing_of_the_task(kind):
    error = raised_as_handler(sent(kind("of another client")))
    broken = sent(TransportError("broke"))
    assert terminate(TerminatedRuns(), RUNNING, Script(broken, None), Script(error)) is error


@each(
    "answers, look, known",
    [
        ((None,), (), True),
        ((sent(TransportError("broke")), None), (status(RUNNING),), True),
        ((sent(TransportError("broke")),), (status(FAILED),), None),
    ],
)
def test_an_answer_makes_it_certain_also_to_the_second_request(answers, look, known):
    runs = TerminatedRuns()
    assert terminate(runs, RUNNING, Script(*answers), Script(*look)) is None
    assert mark(runs, FAILED) is known


@pytest.mark.parametrize("before", [None, STARTING], ids=["not read", "starting"])
def test_a_task_that_has_no_run_yet_is_not_taken_for_the_run_that_was_meant(before):
    runs = TerminatedRuns()
    assert terminate(runs, before, Script(sent(TransportTimeoutError("late"))))
    assert mark(runs, STARTING) is False
    assert mark(runs, FAILED) is None


def test_but_its_end_is():
    runs = TerminatedRuns()
    assert terminate(runs, None, Script(sent(TransportTimeoutError("late"))))
    assert mark(runs, {**FAILED, "startTime": 0.0}) is None


def test_a_request_without_an_answer_tells_nothing_of_a_run_that_had_ended_before():
    runs = TerminatedRuns()
    assert terminate(runs, FAILED, Script(sent(TransportTimeoutError("late"))))
    assert mark(runs, FAILED) is False


def late():
    return sent(TransportTimeoutError("late"))


def test_a_refusal_of_the_second_request_leaves_open_what_the_first_did():
    runs = TerminatedRuns()
    step = Script(sent(TransportError("broke")), ServerError("no"))
    assert type(terminate(runs, RUNNING, step, Script(status(RUNNING)))) is ServerError
    assert mark(runs, FAILED) is None


def test_a_request_without_an_answer_counts_for_each_life_of_a_run():
    runs = TerminatedRuns()
    for end_time in (1000.0, 2000.0):
        assert terminate(runs, RUNNING, Script(late()))
        assert mark(runs, {**FAILED, "endTime": end_time}) is None


def test_a_request_without_an_answer_counts_though_an_earlier_run_was_terminated():
    runs = TerminatedRuns()
    assert terminate(runs, {**RUNNING, "startTime": 50.0}, Script(None)) is None
    assert terminate(runs, RUNNING, Script(late()))
    assert mark(runs, FAILED) is None
