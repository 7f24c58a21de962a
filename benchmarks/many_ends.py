"""How soon after the end of one of many tasks `as_completed` hands it out, over WebSocket."""

from __future__ import annotations

import contextlib
import random
import statistics
import time
from typing import Mapping

from rocketride_sync import RocketRideClient

from .harness import Contender, Figures, Suite, Target
from .server import KEY, ending, running

_INTERVAL = 2.0
_COUNTS = (30, 50, 256, 1000)
_FIRST_END, _LAST_END = 4000, 12000  # milliseconds


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    interval, counts = (0.2, (30,)) if quick else (_INTERVAL, _COUNTS)
    return {_name(count): _ends(count, interval, quick) for count in counts}


def _name(count: int) -> str:
    return f"rocketride_sync, {count:,} tasks"


def _ends(count: int, interval: float, quick: bool) -> Contender:
    """A wait for so many tasks, on a server that has no others, that end at random moments."""
    first, last = (100, 300) if quick else (_FIRST_END, _LAST_END)

    def turn() -> Figures:
        with running() as address, RocketRideClient(address, KEY, transport="websocket") as client:
            tokens = [ending(random.randrange(first, last)) for _ in range(count)]
            cpu = time.process_time()
            late = sorted(
                (time.monotonic() - result.result().end_time) * 1e3
                for result in client.as_completed(tokens, interval=interval)
            )
            cpu = time.process_time() - cpu
        return {
            "delay ms": statistics.median(late),
            "delay ms, 90 %": late[len(late) * 9 // 10],
            "CPU ms a task": cpu / count * 1e3,
        }

    return turn


SUITE = Suite(
    about=f"from the end of one of many tasks to its result, as_completed(interval={_INTERVAL:g})",
    base=_name(30),
    rounds=3,
    targets=[
        Target(_name(50), "delay ms", 20.0),
        Target(_name(256), "delay ms", 20.0),
        Target(_name(1000), "delay ms", 1e3 * _INTERVAL / 2 + 50.0),
    ],
    contenders=_contenders,
)
