"""The most memory that a process with one status takes, and what a wait of a day adds to it. Linux only."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Mapping

from .harness import Contender, Suite, Target, installed, reporting
from .process import CODE, NEEDS
from .server import KEY, TOKEN, running

_INTERVAL = 2
_POLLS_AN_HOUR = 3600 // _INTERVAL

# Not getrusage: its peak is that of the process that started this one, if that was larger.
_PEAK = """
import json
with open("/proc/self/status") as file:
    print(json.dumps({"peak MiB": int(file.read().partition("VmHWM:")[2].split()[0]) / 1024}))
"""

# The polls are real, over one connection; the pauses between them are left out.
_WAIT = """
import json, sys
from rocketride_sync import RocketRideClient
from rocketride_sync.config import Settings, resolve
from rocketride_sync.transports import create
_, address, key, token, polls, first = sys.argv
class Hurried:
    def __init__(self, transport):
        self.transport, self.call, self.close = transport, transport.call, transport.close
    def watch(self, operation):
        watch = self.transport.watch(operation)
        watch.pause = lambda seconds: None
        return watch
def memory(line):
    with open("/proc/self/status") as file:
        return int(file.read().partition(line)[2].split()[0])
where, key = resolve(address, key)
transport = Hurried(create("websocket", Settings(address=where, auth=key)))
with RocketRideClient(address, key, transport=transport) as client:
    for poll, status in enumerate(client.iter_task_status(token, interval=2), 1):
        if poll == int(first):
            early = memory("VmRSS:")
        if poll == int(polls):
            break
print(json.dumps({"peak MiB": memory("VmHWM:") / 1024, "growth KiB": memory("VmRSS:") - early}))
"""

_DAY = "rocketride_sync, a wait of a day"


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    if not Path("/proc/self/status").exists():
        return {}
    address = stack.enter_context(running())
    found = {
        name: reporting(code + _PEAK, address, KEY, TOKEN) for name, code in installed(CODE, NEEDS).items()
    }
    hours, polls = (1, 20) if quick else (24, _POLLS_AN_HOUR)
    found[_DAY] = reporting(_WAIT, address, KEY, TOKEN, str(hours * polls + polls), str(polls))
    return found


SUITE = Suite(
    about="the peak of a process with one status; what 24 hours of polling add, after the first hour",
    base="requests.get",
    rounds=3,
    targets=[
        Target("rocketride_sync, WebSocket", "peak MiB", 1.0, "requests.get"),
        Target(_DAY, "growth KiB", 256, every=True),
    ],
    contenders=_contenders,
)
