"""Lives in which many tasks are waited for at once: for all of them, for the first, or for each as it ends."""

from __future__ import annotations

from rocketride_sync.errors import TaskNotFoundError

from .actions import action, what_happens_meanwhile
from .invariants import EXACT, Call, require
from .wait_check import ManyCheck

_POLLED_AT_A_TIME = 4  # over HTTP


class _Tasks:
    """The tasks, and how they are waited for.

    Attributes:
        seen: by token, the statuses that progress got, each with its time.
        last_polls: seconds that it may take, without faults, until each task was polled once more.
    """

    def __init__(self, life):
        rng = life.rng
        self.life = life
        runs = [life.new_run() for _ in range(rng.choice((1, 2, 5, 12, 40)))]
        what_happens_meanwhile(life, runs[0])
        life.world.sleep(rng.choice((0.0, 0.0, 1.0, 10.0)))
        self.tokens = [run.token for run in runs]
        self.tokens += [life.new_token()] if rng.random() < 0.2 else []
        self.tokens += self.tokens[:1] if rng.random() < 0.1 else []  # watched once nevertheless
        self.interval = rng.choice((0.5, 2.0, 10.0))
        self.timeout = rng.choice((None, 1.0, 10.0, 60.0, 200.0))
        self.seen = {token: [] for token in self.tokens}
        self.last_polls = self.interval + life.round_trip * (1 + len(self.tokens) / _POLLED_AT_A_TIME)

    @property
    def options(self):
        return {"timeout": self.timeout, "interval": self.interval, "on_progress": self._on_progress}

    def _on_progress(self, token, status):
        self.seen[token].append((status, self.life.world.now))

    def check(self, call, result, end=None, slack=0.0):
        """The result of one task, which came at `end` of the call; up to `slack` seconds were the caller's own."""
        outcome = type(result.error).__name__ if result.error else f"{result.status.outcome}"
        self.life.outcomes.append(outcome)
        part = call.part(result, self.timeout)
        part.end = end or part.end
        seen = self.seen[result.token]
        count = len(self.tokens)
        ManyCheck(
            self.life, part, result.token, self.timeout, self.interval, seen, count=count, slack=slack
        ).check()

    def check_prompt(self, call, tokens, end, slack=0.0):
        """Without faults, none of these has ended long before."""
        life = self.life
        for token in tokens if life.faults.calm else ():
            run = life.engine.known.get(token)
            if run is not None and run.ended is not None:
                late = end - max(run.ended, call.begin) - slack
                allowed = self.last_polls + life.awaits_in_vain(run)
                require(
                    late <= allowed,
                    "%s: no result of %s %.3f s after its end (allowed: %.3f)",
                    call.name,
                    token[:7],
                    late,
                    allowed,
                )


@action("many", span=40.0, lines=4.3)
def many(life, client):
    """Several tasks in one wait."""
    way = life.rng.choice((_wait_all, _wait_all, _wait_first, _as_completed, _as_completed))
    way(life, client, _Tasks(life))


def _wait_all(life, client, tasks):
    call = Call(life, "wait_all", tasks.timeout).make(client.wait_all, tasks.tokens, **tasks.options)
    for result in _results(call, tasks):
        tasks.check(call, result)


def _results(call, tasks):
    require(call.error is None, "%s raised %r", call.name, call.error)
    tokens = [result.token for result in call.result]
    require(tokens == tasks.tokens, "%s: results in another order", call.name)
    return call.result


def _wait_first(life, client, tasks):
    """Until there is a first result, or a first error. What had not ended by then has no result."""
    until = life.rng.choice(("FIRST_COMPLETED", "FIRST_EXCEPTION"))
    life.world.count(f"wait_all until {until}")
    call = Call(life, f"wait_all until {until}", tasks.timeout)
    call.make(client.wait_all, tasks.tokens, return_when=until, **tasks.options)
    results = _results(call, tasks)
    for result in results:
        if result.done:
            tasks.check(call, result)
        else:
            _check_open(life, call, tasks, result)
    open_ones = [result.token for result in results if not result.done]
    enough = [result for result in results if result.done and (result.error or until == "FIRST_COMPLETED")]
    require(not open_ones or enough, "%s returned, and there was no reason to", call.name)
    if open_ones:
        life.world.count("a task that was left when enough others had ended")
    tasks.check_prompt(call, tasks.tokens if until == "FIRST_COMPLETED" else open_ones, call.end)
    if life.faults.calm and any(type(result.error) is TaskNotFoundError for result in results):
        late = call.end - call.begin
        require(late <= tasks.last_polls, "%s returned %.3f s after the first error", call.name, late)


def _check_open(life, call, tasks, result):
    """A result that is not done: the latest status, which is no end."""
    seen = [status for status, _ in tasks.seen[result.token]]
    last = seen[-1] if seen else None
    require(result.status is last, "%s: the status of %s is not the latest", call.name, result.token[:7])
    require(not any(status.is_terminal for status in seen), "%s: an end without a result", call.name)


def _as_completed(life, client, tasks):
    """Each result when it is there. Some lives work on each result for a while, and some leave after a few."""
    rng = life.rng
    life.world.count("as_completed")
    pause = rng.choice((0.0, 0.0, 0.2, 3.0))
    leave_after = rng.choice((1, 3, 10**6, 10**6))
    results = []  # each with the time when it came

    def loop():
        iterator = client.as_completed(tasks.tokens, **tasks.options)
        for result in iterator:
            results.append((result, life.world.now))
            if len(results) >= leave_after:
                life.world.count("as_completed is left")
                iterator.close()
                return
            life.world.sleep(pause)

    call = Call(life, "as_completed", None).make(loop)
    require(call.error is None, "as_completed raised %r", call.error)
    _check_completed(life, call, tasks, results, pause, left=len(results) >= leave_after)


def _check_completed(life, call, tasks, results, pause, left):
    told = [result.token for result, _ in results]
    require(len(told) == len(set(told)), "as_completed: a second result of one task")
    require(left or set(told) == set(tasks.tokens), "as_completed: a task without a result")
    free = call.begin  # since when it could go on
    for number, (result, moment) in enumerate(results):
        require(result.done, "as_completed: a result that is not done")
        slack = number * pause
        tasks.check(call, result, moment, slack)
        tasks.check_prompt(call, [result.token] if result.error is None else [], moment, slack)
        if tasks.timeout is not None:
            late = moment - max(call.begin + tasks.timeout, free)
            require(late <= EXACT, "as_completed: a result came %.6f s after the deadline", late)
        free = moment + pause
