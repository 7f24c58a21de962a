"""Random schedules of faults, delays and timeouts, for one property: nothing outlives its deadline, nothing lies."""

import time
from typing import List, Optional

import attrs
from hypothesis import strategies as st

from rocketride_sync import ProtocolError, RetryPolicy, RocketRideError, TransientError, WaitTimeoutError

from . import spoiling
from .leftovers import watched
from .running import differences, outcome_of
from .scene import Scene
from .spoiling import Moment, Spoiling
from .table import GARBLINGS, SPOILINGS, TRANSPORTS

_FAULTS = {**SPOILINGS, "nothing": Spoiling(Moment.QUESTION, spoiling.pass_on)}


@attrs.frozen
class Schedule:
    """What happens to a call or a wait.

    Attributes:
        transport: the transport.
        faults: what comes of request after request: names of rows of the table, or "nothing".
        tasks: what is waited for, each with the seconds that it runs, None until it is terminated; no task at all
            makes it one call.
        timeout: seconds for all of it.
        poll_timeout: seconds for each poll of a wait.
        interval: seconds between polls.
    """

    transport: str
    faults: List[str]
    tasks: List[Optional[float]]
    timeout: float
    poll_timeout: float
    interval: float


def _seconds(least, most):
    return st.integers(int(least * 100), int(most * 100)).map(lambda hundredths: hundredths / 100)


SCHEDULES = st.builds(
    Schedule,
    transport=st.sampled_from(TRANSPORTS),
    faults=st.lists(st.sampled_from(sorted(_FAULTS)), max_size=6),
    tasks=st.lists(st.none() | _seconds(0, 0.4), max_size=5),
    timeout=_seconds(0.05, 0.6),
    poll_timeout=_seconds(0.05, 0.4),
    interval=_seconds(0.02, 0.3),
)


def play(schedule, stage, room):
    """What was wrong, in words; `room` is how many seconds all may take longer than it should."""
    problems = []
    with watched(problems), Scene(stage.server, stage.certificates, "proxy") as scene:
        tokens = [scene.start(seconds)[0] for seconds in schedule.tasks or [None]]
        direct = scene.direct()
        scene.proxy.spoil([_FAULTS[name] for name in schedule.faults])
        ask = {0: _call, 1: _wait}.get(len(schedule.tasks), _wait_for_all)
        retry = RetryPolicy(initial_delay=0.02, max_delay=0.1)
        client = scene.client(schedule.transport, timeout=schedule.poll_timeout, retry=retry)
        began = time.monotonic()
        outcomes = ask(client, schedule, tokens)
        seconds = time.monotonic() - began
        scene.proxy.spoil([])
        if seconds > schedule.timeout + room:
            problems.append(f"took {seconds:.3f} s")
        for token, outcome in zip(tokens, outcomes):
            problems += _judge(outcome, direct.get_task_status(token), schedule)
    return problems


def _call(client, schedule, tokens):
    return [outcome_of(lambda: client.get_task_status(*tokens, timeout=schedule.timeout))]


def _wait(client, schedule, tokens):
    return [outcome_of(lambda: client.wait_until_complete(*tokens, schedule.timeout, schedule.interval))]


def _wait_for_all(client, schedule, tokens):
    return [outcome_of(it.result) for it in client.wait_all(tokens, schedule.timeout, schedule.interval)]


def _judge(outcome, truth, schedule):
    if isinstance(outcome, RocketRideError):
        return [] if isinstance(outcome, _documented(schedule)) else [f"{outcome!r} came"]
    if schedule.tasks:
        return list(differences(outcome, truth))
    # Its task may have gone on meanwhile.
    return [] if outcome.project_id == truth.project_id else [f"the status of {outcome.project_id} came"]


def _documented(schedule):
    """The errors that may come."""
    usual = WaitTimeoutError if schedule.tasks else TransientError
    garbled = sum(name in GARBLINGS for name in schedule.faults)
    return (usual, ProtocolError) if garbled >= (3 if schedule.tasks else 1) else (usual,)
