"""What a cron job pays: a fresh Python that gets one status and exits."""

from __future__ import annotations

import contextlib
from typing import Mapping

from .harness import Contender, Suite, Target, installed, process
from .server import KEY, TOKEN, running

_OURS = """
import sys
from rocketride_sync import RocketRideClient
_, address, key, token = sys.argv
with RocketRideClient(address, key, transport="{transport}") as client:
    print(client.get_task_status(token).completed_count)
"""

_ONE_GET = """
import sys
import {library}
_, address, key, token = sys.argv
answer = {library}.get(
    f"http://{{address}}/task", params={{"token": token}}, headers={{"Authorization": f"Bearer {{key}}"}}, timeout=30
)
print(answer.json()["data"]["completedCount"])
"""

_WEBSOCKET_CLIENT = """
import json, sys
import websocket
_, address, key, token = sys.argv
connection = websocket.create_connection(f"ws://{address}/task/service", skip_utf8_validation=True)
for seq, (command, arguments) in enumerate([("auth", {"auth": key}), ("rrext_get_task_status", {"token": token})]):
    connection.send(json.dumps({"type": "request", "command": command, "seq": seq, "arguments": arguments}))
    answer = json.loads(connection.recv())
print(answer["body"]["completedCount"])
connection.close()
"""

_OFFICIAL = """
import asyncio, sys
from rocketride import RocketRideClient
_, address, key, token = sys.argv
async def main():
    async with RocketRideClient(uri=f"ws://{address}", auth=key) as client:
        print((await client.get_task_status(token))["completedCount"])
asyncio.run(main())
"""

_CODE = {
    "rocketride_sync": _OURS.format(transport="auto"),
    "rocketride_sync, WebSocket": _OURS.format(transport="websocket"),
    "rocketride_sync, HTTP": _OURS.format(transport="http"),
    "requests.get": _ONE_GET.format(library="requests"),
    "httpx.get": _ONE_GET.format(library="httpx"),
    "websocket-client": _WEBSOCKET_CLIENT,
    "official client": _OFFICIAL,
    "bare Python": "pass",
}
_NEEDS = {"httpx.get": "httpx", "official client": "rocketride"}


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    address = stack.enter_context(running())
    return {name: process(code, address, KEY, TOKEN) for name, code in installed(_CODE, _NEEDS).items()}


SUITE = Suite(
    about="a process that gets one status and exits",
    base="requests.get",
    rounds=30,
    targets=[
        Target("rocketride_sync, WebSocket", "wall ms", 0.5, "official client", goal=0.42),
        Target("rocketride_sync, WebSocket", "wall ms", 1.0, "requests.get", goal=0.75),
        Target("rocketride_sync, HTTP", "wall ms", 1.3, "requests.get"),
    ],
    contenders=_contenders,
)
