"""One cell of the table: what came, when, and what was wrong with it."""

import time
from typing import Any, List

import attrs

from rocketride_sync import (
    RetryPolicy,
    RocketRideError,
    TaskLostError,
    TransportTimeoutError,
    WaitTimeoutError,
)

from .happenings import Mode
from .leftovers import poll, watched
from .scene import Scene
from .table import DEADLINE, OUTAGE, TIMEOUT, Cell

_PATIENCE = 30.0
_INTERVAL = 0.05
_OBJECT = b"some words"


@attrs.frozen
class Result:
    """What came of a cell.

    Attributes:
        cell: the cell.
        outcome: a `TaskStatus` or an error.
        seconds: until it came.
        problems: what was wrong, in words.
    """

    cell: Cell
    outcome: Any
    seconds: float
    problems: List[str]


def run(cell, stage, room):
    """Run a cell.

    Args:
        cell: the cell.
        stage: the stage.
        room: seconds that all may take longer than it should.
    """
    problems = []
    server = stage.mortal() if cell.row.by == "itself" else stage.server
    with watched(problems), Scene(server, stage.certificates, cell.row.by) as scene:
        outcome, seconds = _Run(cell, scene, problems).play()
    expected = cell.row.expected(cell.mode)
    problems += _compare(expected, outcome)
    if not expected.in_time(seconds, room):
        limit = expected.after.name if expected.after else "at once"
        problems.append(f"came after {seconds:.3f} s; was due: {limit}")
    return Result(cell, outcome, seconds, problems)


class _Run:
    def __init__(self, cell, scene, problems):
        self.row, self.mode, self.transport = cell.row, cell.mode, cell.transport
        self.scene = scene
        self.problems = problems
        self.begun = None
        self.token, self.project = scene.start(provider="webhook" if self.row.sends else "simulate")
        self.direct = scene.direct()

    def play(self):
        acts = {Mode.CALL: self.call, Mode.WAIT: self.wait, Mode.DEADLINE: self.deadline}
        try:
            return acts[self.mode]()
        finally:
            self.row.fault.end(self.scene)

    def begin(self):
        self.row.fault.begin(self.scene, self.mode)
        self.begun = time.monotonic()

    def client(self, timeout):
        hopeless = self.mode is Mode.WAIT and self.row.wait.error is not None
        outage = OUTAGE.seconds if hopeless else _PATIENCE
        retry = RetryPolicy(initial_delay=0.05, max_delay=0.2, max_outage=outage)
        return self.scene.client(self.transport, timeout=timeout, retry=retry, **self.row.options)

    def call(self):
        client = self.client(_PATIENCE)
        previous = client.get_task_status(self.token) if self.row.warm else None
        if self.row.sends:
            return self.send(client)
        self.begin()
        timeout = TIMEOUT.seconds if self.row.call.after is TIMEOUT else _PATIENCE
        began = time.monotonic()
        outcome = outcome_of(lambda: client.get_task_status(self.token, previous=previous, timeout=timeout))
        seconds = time.monotonic() - began
        self.judge(outcome)
        if self.row.by != "itself":
            self.check_client(client)
        return outcome, seconds

    def send(self, client):
        """An object is sent, perhaps after another one; none arrives twice."""
        sent = 0
        if self.row.warm:
            client.send(self.token, _OBJECT)
            sent = 1
        self.begin()
        began = time.monotonic()
        outcome = outcome_of(lambda: client.send(self.token, _OBJECT))
        seconds = time.monotonic() - began
        self.problems += self.row.fault.check(self.scene)
        failed = isinstance(outcome, RocketRideError)
        if not (failed or poll(lambda: self._arrived() == sent + 1)) or self._arrived() > sent + 1:
            self.problems.append(f"{self._arrived()} objects have arrived, of {sent + 1}")
        self.check_client(client)
        return outcome, seconds

    def _arrived(self):
        return self.direct.get_task_status(self.token).completed_count

    def check_client(self, client):
        """Once the fault is over, the client works, and takes no answer for that to another question."""
        self.row.fault.end(self.scene)
        token, project = self.scene.start()
        found = client.get_task_status(token).project_id
        if found != project:
            self.problems.append(f"the next call was answered with the status of {found}, not of {project}")
        needed = 2 if self.transport == "auto" else 1
        if not poll(lambda: self.scene.proxy.open <= needed):
            self.problems.append(f"{self.scene.proxy.open} connections are open, and {needed} are needed")

    def wait(self):
        client = self.client(TIMEOUT.seconds if self.row.wait.after is TIMEOUT else _PATIENCE)

        def on_progress(_):
            if not self.begun:
                self.begin()
                if self.row.wait.error is None:
                    self.direct.terminate(self.token)

        outcome = outcome_of(
            lambda: client.wait_until_complete(self.token, _PATIENCE, _INTERVAL, on_progress)
        )
        seconds = time.monotonic() - self.begun
        self.judge(outcome)
        return outcome, seconds

    def deadline(self):
        client = self.client(_PATIENCE)
        first = client.get_task_status(self.token)
        began = time.monotonic()
        outcome = outcome_of(
            lambda: client.wait_until_complete(
                self.token, DEADLINE.seconds, _INTERVAL, lambda _: self.begun or self.begin(), previous=first
            )
        )
        seconds = time.monotonic() - began
        self.judge(outcome)
        return outcome, seconds

    def judge(self, outcome):
        """Whether a status is what the server says, and an error tells what was seen last."""
        # When the time was up, a slow machine may have left none for the fault.
        if not isinstance(outcome, TimeoutError):
            self.problems += self.row.fault.check(self.scene)
        if isinstance(outcome, (WaitTimeoutError, TaskLostError)):
            if outcome.last_status.project_id != self.project:
                self.problems.append(f"the last status is one of {outcome.last_status.project_id}")
        elif not isinstance(outcome, RocketRideError):
            self.problems += differences(outcome, self.direct.get_task_status(self.token))


def differences(status, truth):
    """How a status differs from the server's."""
    told = [(it.project_id, it.state.name, it.completed) for it in (status, truth)]
    if told[0] != told[1] or (status.is_terminal and status != truth):
        yield f"{told[0]} came, and the server says {told[1]}"


def outcome_of(step):
    """What `step` returns, or the error of ours that it raises."""
    try:
        return step()
    except RocketRideError as error:
        return error


def _compare(expected, outcome):
    if expected.slow and isinstance(outcome, expected.slow):
        return
    wanted = expected.error.__name__ if expected.error else "the status"
    is_error = isinstance(outcome, RocketRideError)
    right = isinstance(outcome, expected.error) if expected.error else not is_error
    # A timeout is a TransportError, but not the answer to a connection that broke.
    if isinstance(outcome, TransportTimeoutError) and expected.error is not TransportTimeoutError:
        right = False
    if not right:
        yield f"{wanted} was to come, not {outcome!r}"
        return
    for name, value in expected.attributes.items():
        if getattr(outcome, name) != value:
            yield f"{name} is {getattr(outcome, name)!r}, not {value!r}"
    if expected.says not in str(outcome):
        yield f"{outcome} does not say {expected.says!r}"
