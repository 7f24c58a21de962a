"""A fake clock, and a poller that answers the polls of a wait for many tasks from scripts."""

from collections import deque
from functools import partial

from rocketride_sync import TaskNotFoundError, TransportTimeoutError
from rocketride_sync.transports.end_told import EndTold
from rocketride_sync.waiting.many_tasks import ManyTasksWait, _decode
from rocketride_sync.waiting.run_log_search import RunLogSearch

from . import fake_world
from .fake_world import wait_of

RUNNING = {"state": 3, "startTime": 100.0}
DONE = {**RUNNING, "state": 5, "completed": True}
UNKNOWN = TaskNotFoundError("Your pipeline is not running")
MOST_POLLS = 20_000  # more than any test here has reason for


class World:
    """A clock, and a way to poll tasks that answers from a script for each; the last answer repeats.

    Polls that follow each other without a pause would never end: the clock stands still meanwhile.

    An answer may be a function of the world. `wake_ups` come at their moments: (moment, token or None, WakeUp). `told` is what
    events tell of the end of a task, by token: (moment, EndTold). `log` is a `RunLog`, or what answers in its place.
    """

    def __init__(self, scripts, *, round_trip=0.0, wake_ups=(), told=None, log=None):
        self.now = 0.0
        self.scripts = {token: list(script) for token, script in scripts.items()}
        self.round_trip = round_trip
        self.wake_ups = deque(wake_ups)
        self.told = told or {}
        self.log = log
        self.asked = deque()
        self.by_token = {}
        self.polls = []
        self.searches = []  # token, moment, seconds left
        self.why_not = None
        self.left = []
        self.closed = 0
        self.at_hand = 0

    def clock(self):
        return self.now

    def submit(self, poll):
        self.asked.append(poll)

    def end_told(self, poll):
        return [EndTold(), *(told for moment, told in self.told.get(poll.token, ()) if moment <= self.now)][
            -1
        ]

    def search(self, poll):
        """The answer of the run log."""
        left = poll.begin().remaining()
        self.searches.append((poll.task.token, self.now, left))
        self.now += min(self.round_trip, left)
        poll.mark_answered()
        return poll, self.log(self) if callable(self.log) else self.log.body(poll.operation.arguments)

    def next(self, deadline):
        if self.wake_ups and self.wake_ups[0][0] <= self.now:
            return self.wake_up()
        if self.asked:
            poll = self.asked.popleft()
            if isinstance(poll, RunLogSearch):
                return self.search(poll)
            self.polls.append((poll.token, self.now))
            assert len(self.polls) < MOST_POLLS
            script = self.scripts[poll.token]
            answer = script.pop(0) if len(script) > 1 else script[0]
            left = poll.begin().remaining()
            self.now += min(self.round_trip, left)
            poll.mark_answered()
            if left < self.round_trip:
                return poll, TransportTimeoutError("late")
            return poll, answer(self) if callable(answer) else answer
        if self.wake_ups and self.wake_ups[0][0] <= self.now + deadline.remaining():
            return self.wake_up()
        assert deadline.remaining() > 0
        self.now += deadline.remaining()
        return None

    def wake_up(self):
        moment, token, wake_up = self.wake_ups.popleft()
        self.now = max(self.now, moment)
        return self.by_token.get(token), wake_up

    @property
    def has_results(self):
        """Whether there are answers `at_hand`: so many that have come when the first is taken."""
        self.at_hand -= 1
        return self.at_hand >= 0

    def take_queued(self):
        queued = list(self.asked)
        self.asked.clear()
        return queued, self.why_not

    def remove(self, poll):
        self.left.append(poll.token)

    def close(self):
        self.closed += 1

    def watch(self, polls):
        self.by_token = {poll.token: poll for poll in polls}
        return self

    def many(self, interval=2.0, on_progress=None, decode=_decode, **options):
        def make_wait(token, phase, own_time):
            return wait_of(self, token, interval=interval, phase=phase, own_time=own_time, **options)

        return ManyTasksWait(
            list(self.scripts), interval, make_wait, self.watch, on_progress, self.clock, decode
        )

    def results(self, **options):
        return list(self.many(**options).results())

    def moments(self, token):
        return [moment for polled, moment in self.polls if polled == token]


after = partial(fake_world.after, before=RUNNING)


def tokens(count):
    return [f"tk_{number:032x}" for number in range(count)]
