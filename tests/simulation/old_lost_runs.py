"""What failed once about runs that were forgotten or replaced: the same as `old_failures.py`."""

from __future__ import annotations

import itertools

from rocketride_sync.errors import TaskReplacedError

from .actions import replace_and_stop
from .ends import NEWER
from .invariants import UNANSWERED, Call, check_error, check_outcome, check_status, require
from .old_failures import LIVES, old  # noqa: F401 - it is complete when these are registered


def _replace_when_ended(life, run):
    run.when_ended.append(lambda run: life.new_run(token=run.token, project=run.project, seconds=90.0))


@old("websocket", "auto")
def old_reason_of_another_run(life, client):
    """In the run log, the reason of one run's end was told of another that went on beside it."""
    life.engine.generation, life.engine.log.share = NEWER, 1.0
    for first, second in (("killed", "stopped, with a line"), ("stopped, with a line", "killed")):
        project = f"project of {first}"
        runs = [
            life.new_run(project=project, seconds=2.0, how=first, starting=1.0, lingering=0.0),
            life.new_run(project=project, seconds=1.5, how=second, starting=1.01, lingering=0.0),
        ]
        _replace_when_ended(life, runs[0])
        token = runs[0].token
        life.world.sleep(2.7)
        call = Call(life, "wait_until_complete", 60.0)
        call.make(client.wait_until_complete, token, timeout=60.0, interval=20.0)
        require(call.error is None, "the run log has no end of the run: %r", call.error)
        run, document = check_status(life, call, token, call.result, call.begin)
        require(run is runs[0], "the end of run %s", run.number)
        check_outcome(life, call, run, document, call.result)


@old("websocket", "auto")
def old_reason_that_an_event_had_told(life, client):
    """The run log does not tell it of two runs in one chapter. The `end` event had, and was forgotten."""
    life.engine.generation, life.engine.log.share = NEWER, 1.0
    for twin_seconds, interval in itertools.product((0.5, 60.0), (0.5, 20.0)):
        twin = life.new_run(
            project=f"project {interval} {twin_seconds}", seconds=twin_seconds, how="killed", starting=0.01
        )
        run = life.new_run(
            project=twin.project, seconds=4.0, how="restarted, stopped", starting=0.02, lingering=0.0
        )
        _replace_when_ended(life, run)
        call = Call(life, "wait_until_complete", 60.0)
        call.make(client.wait_until_complete, run.token, timeout=60.0, interval=interval)
        require(call.error is None, "the run log has no end of the run: %r", call.error)
        _, document = check_status(life, call, run.token, call.result, call.begin)
        since = call.begin + life.round_trip
        check_outcome(life, call, run, document, call.result, watched_since=since)


@old("websocket", "auto")
def old_chapter_of_another_run(life, client):
    """Three runs begin together, and one has its status in the chapter of the next: that one's end was taken for its own."""
    life.engine.generation, life.engine.log.share = NEWER, 1.0
    hows = ("killed", "well", "stopped, with a line")
    for first, second in itertools.permutations(hows, 2):
        run, *_ = [
            life.new_run(
                project=f"{first}, {second}", seconds=seconds, how=how, starting=starting, lingering=0.0
            )
            for how, starting, seconds in ((first, 1.0, 12.0), (second, 1.6, 2.0), ("well", 2.4, 0.9))
        ]
        _replace_when_ended(life, run)
        life.world.sleep(1.5)
        call = Call(life, "wait_until_complete", 60.0)
        call.make(client.wait_until_complete, run.token, timeout=60.0, interval=2.0)
        if call.error is None:
            _, document = check_status(life, call, run.token, call.result, call.begin)
            check_outcome(life, call, run, document, call.result)
        else:
            check_error(life, call, run.token, seen=True, since=call.begin)


@old("websocket", "auto")
def old_run_that_was_never_logged(life, client):
    """The next run's chapter, which is the nearest, was taken for its own."""
    life.engine.generation, life.engine.log.share = NEWER, 0.0
    run = life.new_run(seconds=2.0, how="killed", starting=1.0, lingering=0.0)
    life.world.sleep(1.5)

    def replace(run):
        life.engine.log.share = 1.0
        life.new_run(
            token=run.token, project=run.project, seconds=0.5, how="well", starting=0.1, lingering=0.0
        )

    run.when_ended.append(replace)
    call = Call(life, "wait_until_complete", 60.0)
    call.make(client.wait_until_complete, run.token, timeout=60.0, interval=20.0)
    require(
        isinstance(call.error, TaskReplacedError), "it did not see that the run was replaced: %r", call.error
    )
    require(
        call.error.outcome is None, "the run log says %s of a run that it does not hold", call.error.outcome
    )


@old("websocket", "auto")
def old_reason_of_the_next_run(life, client):
    """That one was stopped at once, and its end stood in the last seconds of this one's that were read by time."""
    life.engine.generation, life.engine.log.share = NEWER, 1.0
    life.engine.log.numbers_all = False
    run = life.new_run(seconds=90.0, how="killed", starting=0.1, lingering=0.0)

    def replace(_):
        following = life.new_run(
            token=run.token, project=run.project, seconds=0.5, how="stopped", starting=0.1, lingering=0.0
        )
        following.when_ended.append(
            lambda _: life.new_run(token=run.token, project=run.project, seconds=90.0, starting=0.1)
        )

    run.when_ended.append(replace)
    life.world.sleep(80.0)
    call = Call(life, "get_task_status", 5.0)
    call.make(client.get_task_status, run.token)
    require(call.error is None, "the task is not there: %r", call.error)
    previous = call.result
    life.world.sleep(15.0)
    call = Call(life, "get_task_status", 30.0)
    call.make(client.get_task_status, run.token, previous=previous, timeout=30.0)
    require(call.error is None, "the run log has no end of the run: %r", call.error)
    found, document = check_status(life, call, run.token, call.result, call.begin)
    require(found is run, "the end of run %s", found.number)
    check_outcome(life, call, run, document, call.result)
    require(call.result.end_reason is None, "it was %s that stopped the next one", call.result.end_reason)


@old("websocket", "auto")
def old_end_of_the_next_run(life, client):
    """This run's `end` event was lost. The next run's, which came within the second in which it was awaited, was taken for it."""
    life.engine.generation = NEWER
    for interval, timeout in itertools.product((0.1, 0.3), (20.0, None)):
        run = life.new_run(seconds=2.0, how="killed", starting=0.1, lingering=0.0)
        run.loses_end_event = True
        # After a poll has shown its end, for the polls cannot be further apart.
        run.when_ended.append(
            lambda run, pause=interval + life.round_trip: life.world.later(pause, replace_and_stop, life, run)
        )
        if timeout is None:
            call = Call(life, "wait_all", 60.0).make(client.wait_all, [run.token], interval=interval)
        else:
            call = Call(life, "wait_until_complete", timeout)
            call.make(client.wait_until_complete, run.token, timeout=timeout, interval=interval)
        require(call.error is None, "%s raised %r", call.name, call.error)
        status = call.result if timeout else call.result[0].status
        found, document = check_status(life, call, run.token, status, call.begin)
        require(found is run, "the end of run %s", found.number)
        check_outcome(life, call, run, document, status)


@old("websocket", "auto")
def old_reason_heard_before_a_loss(life, client):
    """The `end` event came while a poll was in flight, and was forgotten with the connection that broke before the answer."""
    life.engine.generation = NEWER
    life.server.think = lambda: 0.3
    for many, interval in itertools.product((False, True), (0.02, 0.05)):
        run = life.new_run(seconds=4.0, how="stopped, with a line", starting=0.01, lingering=0.0)
        run.when_ended.append(lambda _: life.world.later(0.1, life.network.close_all))
        call = Call(life, "wait", 60.0)
        if many:
            call.make(client.wait_all, [run.token], timeout=60.0, interval=interval)
        else:
            call.make(client.wait_until_complete, run.token, timeout=60.0, interval=interval)
        require(call.error is None, "the wait failed: %r", call.error)
        status = call.result[0].result() if many else call.result
        _, document = check_status(life, call, run.token, status, call.begin)
        check_outcome(life, call, run, document, status)
        require(status.end_reason == run.reason, "the reason that was heard is forgotten")


@old("websocket", "http", "auto")
def old_terminate_without_an_answer(life, client):
    """The run that died of it was called a failure, for certain; or cancelled, for certain, if the connection broke."""
    life.engine.terminate = lambda run: run.stop_working(0.1, "stopped, with a line", "user")
    spoil = life.server.spoil
    for silent in (False, True):
        run = life.new_run(seconds=500.0, how="well", starting=0.01)
        life.world.sleep(1.0)

        def lose(connection, answer, run=run, silent=silent):
            if run not in life.engine.terminated:
                return spoil(connection, answer)
            if not silent:
                life.server.spoil = spoil
                connection.close()
            return silent

        life.server.spoil = lose
        call = Call(life, "terminate", 20.0).make(client.terminate, run.token, timeout=20.0)
        require(bool(call.error) is silent, "terminate without an answer: %r", call.error)
        life.server.spoil = spoil
        call = Call(life, "get_task_status", 20.0).make(client.get_task_status, run.token, timeout=20.0)
        require(call.error is None, "get_task_status failed: %r", call.error)
        _, document = check_status(life, call, run.token, call.result, call.begin)
        require(call.result.terminated_by_client is None, "that nobody answered is not known any more")
        check_outcome(life, call, run, document, call.result, own_terminate=UNANSWERED)
