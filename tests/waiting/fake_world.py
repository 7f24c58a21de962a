"""A fake clock, and a server that answers the polls of a wait from a script."""

from rocketride_sync import RetryPolicy, TaskState, TaskStatus
from rocketride_sync.waiting.wait_loop import statuses
from rocketride_sync.waiting.wait_rules import Wait

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
PROMPT = RetryPolicy(initial_delay=1.0, max_delay=8.0, jitter=0)


def status(state, *, completed=False, start=100.0, **fields):
    return TaskStatus.from_dict({"state": state, "completed": completed, "startTime": start, **fields})


RUNNING = status(TaskState.RUNNING)
DONE = status(TaskState.COMPLETED, completed=True)


def wait_of(world, token=TOKEN, *, timeout=None, interval=2.0, call_timeout=30.0, retry=PROMPT, **options):
    """The rules of a wait in the time of `world`."""
    return Wait(
        token,
        timeout=timeout,
        interval=interval,
        call_timeout=call_timeout,
        retry=retry,
        clock=world.clock,
        **options,
    )


class World:
    """A clock, and a server that answers from a script; the last answer repeats."""

    def __init__(self, *script, round_trip=0.0):
        self.now = 0.0
        self.script = list(script)
        self.round_trip = round_trip
        self.polls = []
        self.budgets = []
        self.pauses = []

    def clock(self):
        return self.now

    def pause(self, seconds):
        assert seconds > 0
        self.pauses.append(seconds)
        self.now += seconds

    def poll(self, deadline):
        self.polls.append(self.now)
        self.budgets.append(deadline.remaining())
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(answer):
            answer = answer(self)
        self.now += min(self.round_trip, deadline.remaining())
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(self, **options):
        return statuses(TOKEN, wait_of(self, **options), self.poll, self.pause)


def after(seconds, then, before=RUNNING):
    """An answer that changes at a moment."""
    return lambda world: then if world.now >= seconds else before
