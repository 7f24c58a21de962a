"""Tasks and their runs: what truly happened, and the documents that a server makes of it."""

from __future__ import annotations

import re

from .ends import ENDS, NEWER
from .run_log import RunLog
from .seams import BASE

_OF_SERVER = re.compile("tk_[0-9a-f]{32}")
NOT_RUNNING = "Your pipeline is not running"


class Run:
    """One run of a task. Its states follow each other by themselves, as events of the world.

    Attributes:
        how: the name of its row in `ENDS`.
        ended: the time of its end, None before.
        lost: whether the server died with it.
        logged: whether the run log has its chapter, and its end.
        reason: why it was stopped, as an `end` event of a newer server tells.
        loses_end_event: whether that event reaches nobody.
    """

    def __init__(self, engine, token, project, source, how, number):
        self.engine = engine
        self.token = token
        self.project = project
        self.source = source
        self.how = how
        self.number = number
        self.begun = engine.world.now
        self.state, self.completed, self.text = 1, False, "Starting"
        self.start_time = 0.0
        self.exit_code, self.exit_message = 0, ""
        self.total = engine.world.rng.choice((0, 1, 7, 7, 40))
        self.errors = []
        self.ended = None
        self.lost = False
        self.reason = None
        self.loses_end_event = False
        self.is_chosen = not _OF_SERVER.fullmatch(token)  # the token, by the caller
        self.running_at = None
        self.logged = False
        self.chapter = None
        self.seconds = 0.0
        self.when_running = []
        self.when_ended = []

    @property
    def active(self):
        return self.ended is None and not self.lost

    @property
    def id(self):
        """The id of its events, which is that of other runs too if their tokens begin alike."""
        return f"{self.token.split('_', 1)[-1][:8]}.{self.source}"

    def plan(self, starting, seconds, lingering, restart):
        """Let it start, run for so many seconds, and end."""
        self.seconds = seconds
        later = self.engine.world.later
        later(starting / 2, self.enter, 2, "Initializing")
        later(starting, self.enter, 3, "Running")
        if restart:
            later(starting + seconds / 3, self._restart, starting)
        reason = "ttl" if ENDS[self.how].stopped else None
        later(starting + seconds, self.stop_working, lingering, self.how, reason)

    def enter(self, state, text):
        if not self.active or self.state >= 4:
            return
        self.state, self.text = state, text
        if state == 2 and not self.start_time:
            # Of runs of one source, a server starts no two in one microsecond.
            self.start_time = BASE + round(self.engine.world.now + self.number * 1e-6, 6)
            self.engine.log.began(self)
        if state == 3:
            self.running_at = self.running_at or self.engine.world.now
            self.engine.publish(self, "begin")
            self.engine.log.updated(self)
            self._call(self.when_running)

    def _restart(self, starting):
        if self.active and self.state == 3:
            self.state, self.text = 6, "Restarting"
            self.engine.tell(self, "restarts")
            self.engine.publish(self, "restart")
            self.engine.log.updated(self)
            later = self.engine.world.later
            later(starting / 4, self._resume, 1)
            later(starting / 3, self._resume, 2)
            later(starting / 2, self._resume, 3)

    def _resume(self, state):
        if self.active and self.state != 4:
            self.state, self.text = state, "Again"

    def stop_working(self, lingering, how, reason):
        """The engine has done its work, or was told to stop; its process may linger."""
        if not self.active or self.state == 4:
            return
        self.how, self.reason = how, reason
        self.completed = lingering > 0.0  # a prompt end goes from 4/false to 5/true
        self.state, self.text = 4, "Stopping"
        self.engine.world.later(lingering or 0.002, self._end)

    def _end(self):
        if not self.active:
            return
        row = ENDS[self.how]
        self.ended = self.engine.world.now
        self.state, self.exit_code, self.exit_message = row.shown(
            self.engine.generation, self.engine.world.rng
        )
        self.completed, self.text = True, "Done"
        if row.short:
            self.total = max(1, self.total)
        self.engine.has_ended(self)
        self._call(self.when_running)
        self._call(self.when_ended)

    def _call(self, waiting):
        waiters, waiting[:] = list(waiting), []
        for waiter in waiters:
            waiter(self)

    def done(self):
        if self.running_at is None:
            return 0
        if self.ended is not None:
            return self.total - 1 if ENDS[self.how].short else self.total
        share = (self.engine.world.now - self.running_at) / max(0.001, self.seconds)
        return int(self.total * min(0.99, share))


class Engine:
    """All tasks of one server.

    Attributes:
        runs: all that ever were, in order.
        known: the run that each token stands for at the moment.
        documents: by their serial number, each status that was ever made: (run, time, document).
        answered: the serial numbers of those that were answers to a poll.
        forgotten: when each token came to be unknown, once more each time: (token, time).
    """

    def __init__(self, world, generation):
        self.world = world
        self.generation = generation
        self.retention = world.rng.uniform(300, 360)
        self.runs = []
        self.known = {}
        self.documents = []
        self.answered = []
        self.forgotten = []
        self.subscribers = []
        self.unsubscribed = set()  # the (project, source) of tasks that were forgotten
        self.executed = []  # the marks of the pipelines that were executed
        self.terminated = []
        self.restarted = []
        self.log = RunLog(self)
        # It sends events that nobody subscribed to.
        self.talkative = generation == NEWER and world.rng.random() < 0.3

    def tell(self, run, text, *args):
        self.world.tell(f"run {run.number} of {run.token[:7]}: {text}", *args)

    def start(self, token, project, source, how, *, starting, seconds, lingering):
        """Begin a run; a finished one of the same token is replaced."""
        run = Run(self, token, project, source, how, len(self.runs) + 1)
        self.runs.append(run)
        self.known[token] = run
        self.tell(run, "begins, and will end %s after %.3f s", how, starting + seconds)
        run.plan(starting, seconds, lingering, ENDS[how].restarted)
        return run

    def terminate(self, run):
        if run.active:
            with_line = self.world.rng.random() < 0.3
            run.stop_working(0.1, "stopped, with a line" if with_line else "stopped", "user")

    def has_ended(self, run):
        self.tell(
            run, "has ended: %s, shown as %s/%s/%r", run.how, run.state, run.exit_code, run.exit_message
        )
        self.log.ended(run)
        if run.loses_end_event:
            self.world.count("an `end` event that alone was lost")
        else:
            self.publish(run, "end")
        early = run.running_at is None or run.ended - run.running_at <= 0.25
        self.world.later(0.0 if early else self.retention, self._forget, run)

    def _forget(self, run):
        if self.known.get(run.token) is run:
            del self.known[run.token]
            self.forgotten.append((run.token, self.world.now))
            self.tell(run, "is forgotten")
            # With a task go the subscriptions of its project and source, on every connection, a twin's among them.
            self.unsubscribed.add((run.project, run.source))
            for session in list(self.subscribers):
                session.unsubscribe((run.project, run.source))

    def lose_all(self):
        """The server dies, and its tasks with it."""
        for token, run in self.known.items():
            run.lost = run.lost or run.ended is None
            self.forgotten.append((token, self.world.now))
        self.known.clear()
        self.subscribers.clear()

    def was_unknown(self, token, since):
        """Whether `token` was unknown at some moment from `since` on."""
        forgotten = [at for name, at in self.forgotten if name == token]
        begun = max(
            (run.begun for run in self.runs if run.token == token and run.begun <= since), default=None
        )
        return token not in self.known or begun is None or any(at >= begun for at in forgotten)

    def publish(self, run, action):
        body = {
            "action": action,
            "__id": run.id,
            "projectId": run.project,
            "source": run.source,
        }
        if action == "end" and run.reason and self.generation == NEWER:
            body["reason"] = run.reason
        if self.generation == NEWER:
            body["eventTime"] = BASE + self.world.now
        for session in list(self.subscribers):
            session.publish(run, body)

    def document(self, run):
        """A TASK_STATUS document of `run` at this moment. Its `wordsCount` is its serial number."""
        document = {
            "name": f"run {run.number}",
            "project_id": run.project,
            "source": run.source,
            "state": run.state,
            "status": run.text,
            "completed": run.completed,
            "startTime": run.start_time,
            "endTime": 0.0 if run.ended is None else BASE + run.ended,
            "exitCode": run.exit_code if run.completed else 0,
            "exitMessage": run.exit_message,
            "totalCount": run.total,
            "completedCount": run.done(),
            "failedCount": 0,
            "errors": list(run.errors),
            "warnings": [],
            "notes": [f"its token is {run.token}"],
            "wordsCount": len(self.documents),
        }
        self.documents.append((run, self.world.now, document))
        return document
