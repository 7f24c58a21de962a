"""How soon after the end of a task a wait returns, and how often it looked: told over WebSocket, polling over HTTP."""

from __future__ import annotations

import contextlib
import random
import time
from typing import Mapping

from rocketride_sync import RocketRideClient

from .harness import Contender, Figures, Suite, Target
from .server import KEY, ending, running

_INTERVAL = 2.0
_QUICK_INTERVAL = 0.2


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    address = stack.enter_context(running())
    interval = _QUICK_INTERVAL if quick else _INTERVAL
    return {
        name: _wait(stack.enter_context(RocketRideClient(address, KEY, transport=transport)), interval)
        for name, transport in (
            ("rocketride_sync, WebSocket", "websocket"),
            ("rocketride_sync, HTTP", "http"),
        )
    }


def _wait(client: RocketRideClient, interval: float) -> Contender:
    """A wait for a task that ends at a random moment, in the first interval or the second."""

    def turn() -> Figures:
        token = ending(random.randrange(50, int(2000 * interval)))
        began, cpu = time.monotonic(), time.process_time()
        status = client.wait_until_complete(token, interval=interval)
        elapsed = time.monotonic() - began
        return {
            "delay ms": (began + elapsed - status.end_time) * 1e3,
            "CPU ms": (time.process_time() - cpu) * 1e3,
            "polls - elapsed / interval": status.completed_count - elapsed / interval,
        }

    return turn


SUITE = Suite(
    about=f"from the end of a task to the return of wait_until_complete(interval={_INTERVAL:g})",
    base="rocketride_sync, HTTP",
    rounds=20,
    targets=[
        Target("rocketride_sync, WebSocket", "delay ms", 3.0),
        Target("rocketride_sync, WebSocket", "polls - elapsed / interval", 4.0, every=True),
        Target("rocketride_sync, HTTP", "polls - elapsed / interval", 4.0, every=True),
    ],
    contenders=_contenders,
)
