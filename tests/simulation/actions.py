"""What a client does in its life. Each action checks what it gets."""

from __future__ import annotations

import contextlib

from rocketride_sync.errors import RocketRideError

from .ends import ENDS
from .invariants import UNANSWERED, Call, check_error, check_outcome, check_status, require
from .wait_check import WaitCheck

ACTIONS = {}


def action(name, span=1.0, lines=0.0, scripted=False):
    """Register a kind of life.

    Args:
        span: seconds within which its faults begin.
        lines: how many lines of code it runs, as a power of ten: where an interrupt may come.
        scripted: whether it chooses its faults itself, and is not interrupted.
    """

    def register(function):
        function.span = span
        function.lines = lines
        function.scripted = scripted
        ACTIONS[name] = function
        return function

    return register


@action("calls", span=40.0, lines=3.8)
def calls(life, client):
    """Statuses of several tasks in turn, with pauses in which connections grow old."""
    rng = life.rng
    tokens = [life.new_run().token for _ in range(rng.choice((1, 2, 3)))]
    tokens += [life.new_token()] if rng.random() < 0.3 else []
    tokens = [life.locked_to] if life.locked_to else tokens
    life.world.sleep(rng.uniform(0.0, 2.0))
    for _ in range(rng.choice((2, 4, 8))):
        token = rng.choice(tokens)
        timeout = max(life.round_trip, rng.choice((0.2, 1.0, 5.0, 20.0)))
        call = Call(life, "get_task_status", timeout).make(client.get_task_status, token, timeout=timeout)
        if call.error is None:
            run, document = check_status(life, call, token, call.result, call.begin)
            if call.result.is_terminal:
                check_outcome(life, call, run, document, call.result)
        else:
            check_error(life, call, token, seen=False, since=call.begin)
        life.outcomes.append(type(call.error or call.result).__name__)
        life.world.sleep(rng.choice((0.0, 0.0, 0.5, 3.0, 4.99, 5.0, 5.001, 12.0, 31.0)))


def what_happens_meanwhile(life, run):
    """Other people's doings while a task is waited for."""
    rng, engine, world = life.rng, life.engine, life.world
    if rng.random() < 0.2:
        _start_twin(life, run)
    if rng.random() < 0.15:
        world.later(rng.uniform(0.0, 20.0), engine.terminate, run)
    if rng.random() < 0.3:
        _let_be_replaced(life, run)


def _start_twin(life, run):
    """A run whose events look much like those of this task; where they have the same id, it is stopped at about its end."""
    if not run.is_chosen:
        life.new_run(project=run.project, twin=run)
        return
    seconds = run.seconds + life.rng.uniform(-0.5, 0.5)
    life.new_run(
        project=run.project,
        twin=run,
        how="stopped, with a line",
        starting=life.rng.uniform(0.0, 0.5),
        seconds=max(0.3, seconds),
        lingering=0.0,
    )


def _let_be_replaced(life, run):
    """Another run takes over the token at some moment after the end. In some lives the event of that end is lost."""
    delays = (0.0, 0.0, 0.01, 0.5, 9.0)
    if not life.faults.calm and life.rng.random() < 0.3:
        run.loses_end_event, delays = True, (0.05, 0.2, 0.5)
    run.when_ended.append(lambda run: life.world.later(life.rng.choice(delays), _replace, life, run))


def _replace(life, run):
    """Somebody starts the same pipeline again, which takes over the token, and in some lives stops it soon."""
    current = life.engine.known.get(run.token)
    if (current is not None and current.active) or not life.server.alive:
        return
    if run.loses_end_event or life.rng.random() < 0.2:
        replace_and_stop(life, run)
    else:
        life.new_run(token=run.token, project=run.project)


def replace_and_stop(life, run):
    """The next run begins and is stopped within a second, while the event of this one's end may be awaited."""
    life.world.count("a run that took over the token and was stopped at once")
    starting, seconds = life.rng.uniform(0.01, 0.2), life.rng.uniform(0.1, 0.5)
    life.new_run(
        token=run.token,
        project=run.project,
        how="stopped, with a line",
        starting=starting,
        seconds=seconds,
        lingering=0.0,
    )


def _prepared(life):
    """A run at some point of its life, or an unknown token; and the wait's interval and timeout."""
    rng = life.rng
    run = life.new_run()
    what_happens_meanwhile(life, run)
    life.world.sleep(rng.choice((0.0, 0.0, 1.0, 10.0, 100.0)))
    interval = rng.choice((0.1, 0.5, 2.0, 2.0, 10.0, 30.0))
    timeout = rng.choice((None, 0.5, 3.0, 20.0, 60.0, 200.0))
    return run, interval, timeout


@action("wait", span=50.0, lines=4.0)
def wait(life, client):
    """One wait for one task."""
    run, interval, timeout = _prepared(life)
    token = life.new_token() if life.rng.random() < 0.05 and not life.locked_to else run.token
    _wait(life, client, token, interval, timeout)


def _wait(life, client, token, interval, timeout):
    seen = []
    call = Call(life, "wait_until_complete", timeout).make(
        client.wait_until_complete,
        token,
        timeout=timeout,
        interval=interval,
        on_progress=lambda status: seen.append((status, life.world.now)),
    )
    life.outcomes.append(type(call.error).__name__ if call.error else f"{call.result.outcome}")
    WaitCheck(life, call, token, timeout, interval, seen).check()


@action("days", span=86_400.0, lines=5.0)
def days(life, client):
    """One wait of days."""
    rng = life.rng
    run = life.new_run(seconds=86_400.0 * rng.uniform(0.2, 3.0))
    what_happens_meanwhile(life, run)
    timeout = rng.choice((None, None, 86_400.0, 4 * 86_400.0))
    _wait(life, client, run.token, rng.choice((60.0, 120.0, 280.0)), timeout)


@action("iterate", span=50.0, lines=4.0)
def iterate(life, client):
    """The same as an iterator, which is left early in some lives."""
    run, interval, timeout = _prepared(life)
    seen = []
    leave_after = life.rng.choice((1, 3, 10**6, 10**6))

    def loop():
        statuses = client.iter_task_status(run.token, timeout=timeout, interval=interval)
        for status in statuses:
            seen.append((status, life.world.now))
            if len(seen) >= leave_after:
                statuses.close()
                return None
        return seen[-1][0]

    call = Call(life, "iter_task_status", timeout).make(loop)
    life.outcomes.append(type(call.error or call.result).__name__)
    if call.error is not None or call.result is not None:
        WaitCheck(life, call, run.token, timeout, interval, seen).check()


@action("run", span=20.0, lines=4.2)
def run(life, client):
    """Start a task, wait for it, perhaps terminate it."""
    rng = life.rng
    token = life.new_token()
    pipeline = {
        "project_id": "mine",
        "source": "source",
        "components": [{"id": "source"}],
        "token": token,
        "mark": f"mark {len(life.engine.executed)}",
        "plan": {
            "how": rng.choice([name for name, end in sorted(ENDS.items()) if not end.restarted]),
            "starting": 10 ** rng.uniform(-2, 0.5),
            "seconds": 10 ** rng.uniform(0.0, 1.5),
            "lingering": rng.choice((0.0, 0.5)),
        },
    }
    if rng.random() < 0.5:  # so that `use` goes over a connection that was kept
        _try(client.get_task_status, life.new_run().token)
        life.world.sleep(rng.choice((0.0, 0.5, 4.9, 6.0)))
    timeout = 20.0 + life.round_trip
    call = Call(life, "use", timeout).make(client.use, pipeline=pipeline, timeout=timeout)
    life.outcomes.append(type(call.error or call.result).__name__)
    if call.error is not None:
        check_error(life, call, token, seen=False, since=call.begin)
        return
    task = call.result
    require(task.token == token, "use: the task has another token")
    if rng.random() < 0.5:
        _terminate(life, task, token)
    seen, interval = [], rng.choice((0.5, 2.0))
    call = Call(life, "Task.wait_until_complete", 100.0).make(
        task.wait_until_complete,
        timeout=100.0,
        interval=interval,
        on_progress=lambda status: seen.append((status, life.world.now)),
    )
    WaitCheck(life, call, token, 100.0, interval, seen, known=True).check(
        own_terminate=life.terminated_own(token)
    )


_PROMPT = 1.0  # seconds of a `terminate` without faults


def _try(step, *args):
    with contextlib.suppress(RocketRideError):
        step(*args)


def _terminate(life, task, token):
    life.world.sleep(life.rng.uniform(0.0, 10.0))
    before = life.engine.known.get(token)
    active = before is not None and before.active
    call = Call(life, "Task.terminate", life.call_timeout).make(task.terminate)
    if call.error is not None:
        check_error(life, call, token, seen=False, since=call.begin)
        life.own_terminates[token] = UNANSWERED if call.error.request_sent else False
    elif before is not None:
        require(not before.active, "terminate returned, and the task goes on")
        stopped = active and before.reason == "user"
        # The client reads the status first. If that fails it cannot know; and the run may end by itself meanwhile. Nor can
        # it if the connection broke: then it has only seen that the run has ended.
        prompt = call.end - call.begin < _PROMPT and life.faults.calm
        life.own_terminates[token] = stopped if not active or (stopped and prompt) else None
