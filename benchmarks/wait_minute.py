"""What a minute of waiting costs, ours and in loops that poll at fixed times: polls, CPU, and how late the end is seen.

Each waits in a process of its own, all at the same time, for a task of its own, which ends after a good minute. The
CPU is that of the wait: before, the process has waited for another task, which had nearly ended, and so loaded all.
"""

from __future__ import annotations

import contextlib
import random
from typing import Callable, Mapping

from .harness import Contender, Figures, Suite, Target, installed, reporting
from .process import WITHOUT_FASTAPI
from .server import KEY, ending, running

_SECONDS = 60.0
_INTERVAL = 2.0

_BEGIN = """
import json, sys, time
_, address, key, warm, token, interval = sys.argv
interval = float(interval)
def begin():
    global began, cpu
    began, cpu = time.monotonic(), time.process_time()
def report(polls, ended):
    now = time.monotonic()
    used, minutes = time.process_time() - cpu, (now - began) / 60
    print(json.dumps({"CPU ms a minute": used * 1e3 / minutes, "polls a minute": polls / minutes,
                      "delay ms": (now - ended) * 1e3}))
"""

_OURS = """
from rocketride_sync import RocketRideClient
with RocketRideClient(address, key, transport="{transport}") as client:
    client.wait_until_complete(warm, interval=interval)
    begin()
    status = client.wait_until_complete(token, interval=interval)
    report(status.completed_count, status.end_time)
"""

_LOOP = """
poll(warm)
begin()
while True:
    status = poll(token)
    if status["completed"]:
        break
    time.sleep(interval)
report(status["completedCount"], status["endTime"])
"""

_REQUESTS = """
import requests
session = requests.Session()
def poll(token):
    answer = session.get(
        f"http://{address}/task", params={"token": token}, headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    return answer.json()["data"]
"""

_WEBSOCKET_CLIENT = """
import itertools
import websocket
connection = websocket.create_connection(f"ws://{address}/task/service", skip_utf8_validation=True)
numbers = itertools.count(1)
def ask(command, arguments):
    connection.send(
        json.dumps({"type": "request", "command": command, "seq": next(numbers), "arguments": arguments})
    )
    return json.loads(connection.recv_data()[1])["body"]
ask("auth", {"auth": key})
def poll(token):
    return ask("rrext_get_task_status", {"token": token})
"""

_OFFICIAL = f"""
{WITHOUT_FASTAPI}
import asyncio
from rocketride import RocketRideClient
async def main():
    async with RocketRideClient(uri=f"ws://{{address}}", auth=key) as client:
        await client.get_task_status(warm)
        begin()
        status = await client.get_task_status(token)
        while not status["completed"]:
            await asyncio.sleep(interval)
            status = await client.get_task_status(token)
        report(status["completedCount"], status["endTime"])
asyncio.run(main())
"""

_CODE = {
    "rocketride_sync, WebSocket": (_OURS.format(transport="websocket"), 1.0),
    "rocketride_sync, HTTP": (_OURS.format(transport="http"), 1.0),
    "requests.Session, in a loop": (_REQUESTS + _LOOP, 1.0),
    "websocket-client, in a loop": (_WEBSOCKET_CLIENT + _LOOP, 1.0),
    "websocket-client, 20 times as often": (_WEBSOCKET_CLIENT + _LOOP, 0.05),
    "official client, in a loop": (_OFFICIAL, 1.0),
}


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    address = stack.enter_context(running())
    seconds, interval = (0.3, 0.1) if quick else (_SECONDS, _INTERVAL)

    def contender(code: str, interval: float) -> Callable[[], Figures]:
        def turn() -> Figures:
            token = ending(int(1000 * (seconds + random.random() * 2 * interval)))
            return reporting(_BEGIN + code, address, KEY, ending(1), token, str(interval))()

        return turn

    codes = installed(_CODE, {"official client, in a loop": "rocketride"})
    return {name: contender(code, interval * share) for name, (code, share) in codes.items()}


SUITE = Suite(
    about=f"a minute of waiting with interval={_INTERVAL:g}, and loops that poll as often",
    base="websocket-client, in a loop",
    rounds=2,
    # 0.85 of what it was when websocket-client took 10.1 ms, and this client 24.2 ms.
    targets=[Target("rocketride_sync, WebSocket", "CPU ms a minute", 2.03, "websocket-client, in a loop")],
    contenders=_contenders,
    together=True,
)
