"""What importing costs: a fresh Python that imports something and exits."""

from __future__ import annotations

import contextlib
from typing import Mapping

from .harness import Contender, Suite, Target, installed, process
from .process import WITHOUT_FASTAPI

_CODE = {
    "bare Python": "pass",
    "rocketride_sync": "import rocketride_sync",
    "rocketride_sync, models": "from rocketride_sync import TaskStatus",
    "rocketride_sync, a client": "import rocketride_sync; rocketride_sync.RocketRideClient('localhost', 'key')",
    "websocket-client": "import websocket",
    "requests": "import requests",
    "httpx": "import httpx",
    "official client": f"{WITHOUT_FASTAPI}; import rocketride",
}
_NEEDS = {"httpx": "httpx", "official client": "rocketride"}


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    return {name: process(code) for name, code in installed(_CODE, _NEEDS).items()}


SUITE = Suite(
    about="a process that imports and exits",
    base="bare Python",
    rounds=40,
    targets=[Target("rocketride_sync", "CPU ms", 1.2, "bare Python")],
    contenders=_contenders,
)
