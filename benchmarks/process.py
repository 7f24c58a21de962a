"""What a cron job pays: a fresh Python that gets one status and exits."""

from __future__ import annotations

import contextlib
from typing import Mapping

from .harness import Contender, Suite, Target, installed, process
from .server import KEY, TOKEN, running

# The official client loads FastAPI if it is there, as it is here for the emulator, and most of its users lack it.
WITHOUT_FASTAPI = 'import sys; sys.modules["fastapi"] = None'

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

_URLLIB3 = """
import json, sys
import urllib3
_, address, key, token = sys.argv
answer = urllib3.PoolManager().request(
    "GET", f"http://{address}/task", fields={"token": token}, headers={"Authorization": f"Bearer {key}"}, timeout=30
)
print(json.loads(answer.data)["data"]["completedCount"])
"""

_HTTP_CLIENT = """
import http.client, json, sys
_, address, key, token = sys.argv
connection = http.client.HTTPConnection(address, timeout=30)
connection.request("GET", f"/task?token={token}", headers={"Authorization": f"Bearer {key}"})
print(json.loads(connection.getresponse().read())["data"]["completedCount"])
connection.close()
"""

_ASK = """
    for seq, (command, arguments) in enumerate([("auth", {"auth": key}), ("rrext_get_task_status", {"token": token})]):
        connection.send(json.dumps({"type": "request", "command": command, "seq": seq, "arguments": arguments}))
        answer = json.loads(connection.recv())
    print(answer["body"]["completedCount"])
"""

_WEBSOCKET_CLIENT = f"""
import contextlib, json, sys
import websocket
_, address, key, token = sys.argv
connection = websocket.create_connection(f"ws://{{address}}/task/service", skip_utf8_validation=True)
with contextlib.closing(connection):{_ASK}"""

_WEBSOCKETS = f"""
import json, sys
from websockets.sync.client import connect
_, address, key, token = sys.argv
with connect(f"ws://{{address}}/task/service", compression=None) as connection:{_ASK}"""

_OFFICIAL = f"""
{WITHOUT_FASTAPI}
import asyncio
from rocketride import RocketRideClient
_, address, key, token = sys.argv
async def main():
    async with RocketRideClient(uri=f"ws://{{address}}", auth=key) as client:
        print((await client.get_task_status(token))["completedCount"])
asyncio.run(main())
"""

CODE = {
    "rocketride_sync": _OURS.format(transport="auto"),
    "rocketride_sync, WebSocket": _OURS.format(transport="websocket"),
    "rocketride_sync, HTTP": _OURS.format(transport="http"),
    "requests.get": _ONE_GET.format(library="requests"),
    "httpx.get": _ONE_GET.format(library="httpx"),
    "urllib3": _URLLIB3,
    "http.client": _HTTP_CLIENT,
    "websocket-client": _WEBSOCKET_CLIENT.replace(", skip_utf8_validation=True", ""),
    "websocket-client, tuned": _WEBSOCKET_CLIENT,
    "websockets.sync": _WEBSOCKETS,
    "official client": _OFFICIAL,
    "bare Python": "pass",
}
NEEDS = {"httpx.get": "httpx", "websockets.sync": "websockets", "official client": "rocketride"}


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    address = stack.enter_context(running())
    return {name: process(code, address, KEY, TOKEN) for name, code in installed(CODE, NEEDS).items()}


SUITE = Suite(
    about="a process that gets one status and exits",
    base="requests.get",
    rounds=30,
    targets=[
        Target("rocketride_sync, WebSocket", "CPU ms", 0.42, "official client"),
        Target("rocketride_sync, WebSocket", "CPU ms", 0.55, "requests.get"),
        Target("rocketride_sync, HTTP", "CPU ms", 1.05, "requests.get"),
    ],
    contenders=_contenders,
)
