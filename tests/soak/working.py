"""Threads that start tasks and wait for them, and what must come of each."""

import contextlib
import itertools
import threading
from collections import Counter

from rocketride_sync import Outcome, RocketRideError, TaskLostError, TaskNotFoundError

_OUTCOMES = (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED)
_LONGEST = 1.5
_GENEROUS = 90.0


class Job:
    """A task whose outcome is known beforehand, and what a wait for it has seen.

    Attributes:
        project: its own.
        expected: its outcome.
    """

    def __init__(self, project, chance):
        self.project = project
        self.expected = chance.choice(_OUTCOMES)
        self._seconds = chance.uniform(0.1, _LONGEST)
        self._polls = 0
        self._ends = []

    def pipeline(self):
        config = {"seconds": self._seconds, "total": 3}
        if self.expected is Outcome.FAILED:
            config.update(exit_code=1, exit_message="as it was told to")
        elif self.expected is Outcome.CANCELLED:
            config = {"forever": True}
        component = {"id": "src_1", "provider": "simulate", "config": config}
        return {"project_id": self.project, "source": "src_1", "components": [component]}

    def wait(self, client, token):
        """Wait for its end; the terminal status, or the error."""

        def on_progress(status):
            self._polls += 1
            if status.is_terminal:
                self._ends.append(status)
            elif self.expected is Outcome.CANCELLED and self._polls > 2:
                self._cancel(client, token)

        try:
            return client.wait_until_complete(token, _GENEROUS, 0.1, on_progress)
        except RocketRideError as error:
            return error

    @staticmethod
    def _cancel(client, token):
        with contextlib.suppress(RocketRideError):  # the next poll does it again
            client.terminate(token)

    def problem(self, end, server_restarted):
        """What is wrong with `end`, or None."""
        if isinstance(end, (TaskLostError, TaskNotFoundError)) and server_restarted and not self._ends:
            return None
        if isinstance(end, RocketRideError):
            return f"{type(end).__name__} (ends seen before: {len(self._ends)}): {end}"
        if end.project_id != self.project:
            return f"got the status of {end.project_id}"
        if end.outcome is not self.expected:
            return f"{end.outcome}, not {self.expected}"
        if len(self._ends) != 1 or self._ends[0] is not end:
            return f"its end was told {len(self._ends)} times"
        return None


class Work:
    """Threads, each of which starts a task and waits for it, again and again.

    Attributes:
        counts: of what came of the tasks: ``delivered``, ``lost`` (told to be so), ``unstarted``.
        problems: what must not be.
    """

    def __init__(self, server, clients, chances):
        self._server = server
        self._over = threading.Event()
        self._numbers = itertools.count()
        self._threads = [
            threading.Thread(target=self._work, args=(client, chance))
            for client, chance in zip(itertools.cycle(clients), chances)
        ]
        self.counts = Counter()
        self.problems = []

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, client, chance):
        while not self._over.is_set():
            try:
                self._one(client, Job(f"soak-{next(self._numbers)}", chance))
            except Exception as fault:
                self.problems.append(f"{type(fault).__name__}: {fault}")

    def _one(self, client, job):
        generation = self._server.generation
        token = self._server.start(job.pipeline())
        if token is None:
            self.counts["unstarted"] += 1
            self._over.wait(0.2)
            return
        end = job.wait(client, token)
        problem = job.problem(end, self._server.generation != generation)
        if problem is not None:
            self.problems.append(f"{job.project} ({client.name}): {problem}")
        self.counts["lost" if isinstance(end, RocketRideError) else "delivered"] += 1
