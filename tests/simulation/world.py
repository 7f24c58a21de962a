"""Virtual time: it passes only while somebody waits, and then goes straight to the next event."""

from __future__ import annotations

import heapq
import itertools
import threading

_MAX_READS = 20_000
_A_MOVE = 1e-7  # seconds; less may be a loop whose waits are too short
START = 1000.0
_LATEST = START + 40 * 86_400.0
_NEVER = float("inf")


class SimulationError(BaseException):
    """A life cannot go on. No `except Exception` of the client may swallow it."""


class NothingLeftError(SimulationError):
    """Somebody waits without a timeout, and nothing is left to happen: a hang."""


class StuckError(SimulationError):
    """The clock is read again and again without moving: a loop."""


class _Waiter:
    """A thread that waits until `ready()` or until `end`."""

    def __init__(self, ready, end):
        self.ready = ready
        self.end = end
        self.resume = threading.Semaphore(0)


class World:
    """Virtual time, and what will happen in it.

    Attributes:
        now: seconds of the virtual monotonic clock.
        story: what happened, as (time, text, arguments).
        counts: how often rare things happened that are no faults, by what they are.
        failed: what ended a thread, or all of them.
    """

    def __init__(self, rng):
        self.rng = rng
        self.now = START
        self.story = []
        self.counts = {}
        self._events = []
        self._numbers = itertools.count()
        self._reads = 0
        self._moved_at = START
        self._waiters = []
        self.failed = None

    # What the client sees.

    def monotonic(self):
        self._reads += 1
        if self._reads > _MAX_READS:
            raise StuckError(f"the clock was read {_MAX_READS} times at {self.now:.6f}, and never moved")
        return self.now

    perf_counter = monotonic

    def sleep(self, seconds):
        self.wait(lambda: False, seconds)

    # What the simulation does.

    def tell(self, text, *args):
        self.story.append((self.now, text, args))

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def later(self, seconds, step, *args):
        """Let `step` happen in so many seconds."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), step, args))

    def at(self, moment, step, *args):
        moment = moment if moment > self.now else self.now
        heapq.heappush(self._events, (moment, next(self._numbers), step, args))

    def wait(self, ready, seconds=None):
        """Let time pass until `ready()` or for `seconds`; whether it is ready."""
        end = _NEVER if seconds is None else self.now + seconds if seconds > 0.0 else self.now
        if self._waiters:
            return self._wait_with_others(_Waiter(ready, end))
        events = self._events
        while not ready():
            moment = events[0][0] if events else _NEVER
            if moment > end:
                self._move(end)
                return bool(ready())
            if moment > _LATEST:
                raise NothingLeftError(
                    f"nothing is left to happen after {self.now - START:.3f} s, and somebody waits"
                )
            _, _, step, args = heapq.heappop(events)
            self._move(moment)
            step(*args)
        return True

    # Several threads: see virtual_threads.py.

    def add_waiter(self):
        """For a thread that begins."""
        self._waiters.append(_Waiter(lambda: True, self.now))
        return self._waiters[-1]

    def leave(self):
        """A thread has ended: another goes on."""
        self._let_one_go_on(None)

    def _wait_with_others(self, own):
        self._waiters.append(own)
        if not self._let_one_go_on(own):
            own.resume.acquire()
        if self.failed is not None and isinstance(self.failed, SimulationError):
            raise self.failed
        return bool(own.ready())

    def _let_one_go_on(self, own):
        """Let time pass until a thread can go on, and resume it. Whether it is the current one."""
        while True:
            able = [waiter for waiter in self._waiters if waiter.end <= self.now or waiter.ready()]
            if able or self.failed is not None:
                chosen = self.rng.choice(able or self._waiters)
                self._waiters.remove(chosen)
                if chosen is not own:
                    chosen.resume.release()
                return chosen is own
            end = min(waiter.end for waiter in self._waiters)
            moment = self._events[0][0] if self._events else _NEVER
            if min(end, moment) > _LATEST:
                self.failed = NothingLeftError("nothing is left to happen, and all threads wait")
            elif moment <= end:
                _, _, step, args = heapq.heappop(self._events)
                self._move(moment)
                step(*args)
            else:
                self._move(end)

    def _move(self, moment):
        if moment > self.now:
            self.now = moment
            if moment - self._moved_at > _A_MOVE:
                self._moved_at = moment
                self._reads = 0

    def told(self):
        """The whole story as text."""
        lines = (
            f"{moment - START:12.6f}  {text % args if args else text}" for moment, text, args in self.story
        )
        return "\n".join(lines)
