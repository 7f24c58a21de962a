"""Random schedules of faults, delays and timeouts, for one property: nothing outlives its deadline, nothing lies."""

import time

import attrs
from hypothesis import strategies as st

from rocketride_sync import RetryPolicy, RocketRideError, TransientError, WaitTimeoutError

from . import spoiling
from .leftovers import watched
from .running import differences, outcome_of
from .scene import Scene
from .spoiling import Moment, Spoiling
from .table import SPOILINGS, TRANSPORTS

_GOOD = "nothing"
_FAULTS = {**SPOILINGS, _GOOD: Spoiling(Moment.QUESTION, spoiling.pass_on)}


@attrs.frozen
class Schedule:
    """What happens to one call or wait.

    Attributes:
        transport: the transport.
        faults: what comes of request after request: names of rows of the table, or "nothing".
        timeout: seconds for the call or the wait.
        look_timeout: seconds for each look of a wait; None: it is a call.
        interval: seconds between looks.
        work: seconds that the task runs; None: until it is terminated.
    """

    transport: str
    faults: list
    timeout: float
    look_timeout: float
    interval: float
    work: float


def _seconds(least, most):
    return st.integers(int(least * 100), int(most * 100)).map(lambda hundredths: hundredths / 100)


SCHEDULES = st.builds(
    Schedule,
    transport=st.sampled_from(TRANSPORTS),
    faults=st.lists(st.sampled_from(sorted(_FAULTS)), max_size=6),
    timeout=_seconds(0.05, 0.6),
    look_timeout=st.none() | _seconds(0.05, 0.4),
    interval=_seconds(0.02, 0.3),
    work=st.none() | _seconds(0, 0.4),
)


def play(schedule, stage, room):
    """What was wrong, in words; `room` is how many seconds all may take longer than it should."""
    problems = []
    with watched(problems), Scene(stage.server, stage.certificates, "proxy") as scene:
        token, _ = scene.start(schedule.work)
        direct = scene.direct()
        scene.proxy.spoil([_FAULTS[name] for name in schedule.faults])
        began = time.monotonic()
        outcome = outcome_of(lambda: _ask(schedule, scene, token))
        seconds = time.monotonic() - began
        scene.proxy.spoil([])
        if seconds > schedule.timeout + room:
            problems.append(f"took {seconds:.3f} s")
        problems += _judge(schedule, outcome, direct, token)
    return problems


def _ask(schedule, scene, token):
    retry = RetryPolicy(initial_delay=0.02, max_delay=0.1)
    client = scene.client(schedule.transport, timeout=schedule.look_timeout or schedule.timeout, retry=retry)
    if schedule.look_timeout is None:
        return client.get_task_status(token)
    return client.wait_until_complete(token, schedule.timeout, schedule.interval)


def _judge(schedule, outcome, direct, token):
    if isinstance(outcome, RocketRideError):
        documented = TransientError if schedule.look_timeout is None else WaitTimeoutError
        return [] if isinstance(outcome, documented) else [f"{outcome!r} came"]
    truth = direct.get_task_status(token)
    if schedule.look_timeout is None:
        # The task may have gone on meanwhile.
        return [] if outcome.project_id == truth.project_id else [f"the status of {outcome.project_id} came"]
    return list(differences(outcome, truth))
