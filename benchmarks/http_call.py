"""What one status costs the client over HTTP. Ours makes a typed status of the answer, the others stop at the dict."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any, Callable, Dict, Mapping

import requests
import urllib3

from rocketride_sync import RocketRideClient

from .harness import Contender, Suite, Target, calls, installed, repeat
from .server import KEY, TOKEN, running

_HEADERS = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    address = stack.enter_context(running())
    url = f"http://{address}/task?token={TOKEN}"
    ours = stack.enter_context(RocketRideClient(address, KEY, transport="http"))
    session = stack.enter_context(requests.Session())
    pool = urllib3.PoolManager()
    stack.callback(pool.clear)
    connection = stack.enter_context(contextlib.closing(http.client.HTTPConnection(address)))

    def plain() -> Any:
        connection.request("GET", f"/task?token={TOKEN}", headers=_HEADERS)
        return json.loads(connection.getresponse().read())["data"]

    found: Dict[str, Callable[[], Any]] = {
        "rocketride_sync": lambda: ours.get_task_status(TOKEN),
        "requests.Session": lambda: session.get(url, headers=_HEADERS, timeout=30).json()["data"],
        "requests.get": lambda: requests.get(url, headers=_HEADERS, timeout=30).json()["data"],
        "urllib3": lambda: json.loads(pool.request("GET", url, headers=_HEADERS, timeout=30).data)["data"],
        "http.client": plain,
    }
    if installed({"httpx": None}, {"httpx": "httpx"}):
        import httpx

        client = stack.enter_context(httpx.Client(timeout=30))
        found["httpx.Client"] = lambda: client.get(url, headers=_HEADERS).json()["data"]
    return {name: calls(repeat(call), 3 if quick else 40) for name, call in found.items()}


SUITE = Suite(
    about="one status over HTTP, on a connection that is kept",
    base="requests.Session",
    rounds=40,
    targets=[
        Target("rocketride_sync", "CPU µs", 0.55, "requests.Session"),
        Target("rocketride_sync", "CPU µs", 0.85, "httpx.Client"),
    ],
    contenders=_contenders,
)
