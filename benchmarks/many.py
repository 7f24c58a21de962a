"""What it costs to wait for many running tasks in one process: CPU as a share of one core, and memory for each."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Mapping

from .harness import Contender, Suite, Target, installed, reporting
from .process import WITHOUT_FASTAPI
from .server import KEY, TOKEN, running

_INTERVAL = 2.0
_COUNTS = (1, 10, 100, 1000, 5000)
_FIRST_POLLS = 2.5  # seconds: after that, the polls are spread over the interval
_MEASURED = 4.0

# The share is measured over whole intervals, once every task was looked at; the memory, while all are waited for.
_BEGIN = """
import gc, json, sys, time
_, address, key, warm, count, interval, first, measured = sys.argv
interval, first, measured = float(interval), float(first), float(measured)
tokens = [f"tk_{number:032x}" for number in range(int(count))]
def resident():
    with open("/proc/self/status") as file:
        return int(file.read().partition("VmRSS:")[2].split()[0])
def begin():
    global began, before, polls, marks
    gc.collect()
    began, before, polls, marks = time.monotonic(), resident(), 0, []
def seen():
    global polls
    polls += 1
    if len(marks) < 2 and time.monotonic() > began + (first + measured if marks else first):
        marks.append((time.monotonic(), time.process_time(), polls, resident()))
    return len(marks) == 2
def report():
    (start, cpu, then, _), (end, used, now, memory) = marks
    figures = {"CPU % of a core": 100 * (used - cpu) / (end - start), "polls a second": (now - then) / (end - start)}
    if len(tokens) >= 100:
        figures["KiB a task"] = (memory - before) / len(tokens)
    print(json.dumps(figures))
"""

_OURS = """
from rocketride_sync import RocketRideClient
with RocketRideClient(address, key, transport="websocket") as client:
    client.wait_all([warm], timeout=0)
    begin()
    class Measured(Exception):
        pass
    def callback(token, status):
        if seen():
            raise Measured
    try:
        client.wait_all(tokens, None, interval, callback)
    except Measured:
        report()
"""

_OFFICIAL = f"""
{WITHOUT_FASTAPI}
import asyncio
from rocketride import RocketRideClient
async def main():
    async with RocketRideClient(uri=f"ws://{{address}}", auth=key) as client:
        await client.get_task_status(warm)
        begin()
        async def wait(token):
            while not seen():
                await client.get_task_status(token)
                await asyncio.sleep(interval)
        await asyncio.gather(*map(wait, tokens))
        report()
asyncio.run(main())
"""

_THOUSAND = "rocketride_sync, 1,000 tasks"


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    if not Path("/proc/self/status").exists():
        return {}
    address = stack.enter_context(running())
    counts, most = ((1, 1000), 100) if quick else (_COUNTS, max(_COUNTS))
    times = ("0.1", "0.5", "0.2") if quick else tuple(map(str, (_INTERVAL, _FIRST_POLLS, _MEASURED)))
    found = {
        f"rocketride_sync, {count:,} task{'s' * (count > 1)}": reporting(
            _BEGIN + _OURS, address, KEY, TOKEN, str(min(count, most)), *times
        )
        for count in counts
    }
    official = reporting(_BEGIN + _OFFICIAL, address, KEY, TOKEN, str(min(1000, most)), *times)
    peers = {"official client, 1,000 tasks": official}
    return {**found, **installed(peers, {"official client, 1,000 tasks": "rocketride"})}


SUITE = Suite(
    about=f"waiting for many running tasks, interval={_INTERVAL:g}, in one process over WebSocket",
    base=_THOUSAND,
    rounds=2,
    targets=[
        Target(_THOUSAND, "CPU % of a core", 25.0),
        Target(_THOUSAND, "KiB a task", 20.0),
        Target("rocketride_sync, 5,000 tasks", "KiB a task", 20.0),
    ],
    contenders=_contenders,
)
