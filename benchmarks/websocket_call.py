"""What one status costs the client over WebSocket. Ours makes a typed status of it, the others stop at the dict."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from typing import Any, Callable, Dict, Mapping

import websocket

from rocketride_sync import RocketRideClient

from .harness import Contender, Suite, Target, calls, installed, repeat
from .server import KEY, TOKEN, running


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    address = stack.enter_context(running())
    url = f"ws://{address}/task/service"
    ours = stack.enter_context(RocketRideClient(address, KEY, transport="websocket"))
    default = stack.enter_context(contextlib.closing(websocket.create_connection(url)))
    tuned = stack.enter_context(
        contextlib.closing(
            websocket.create_connection(url, skip_utf8_validation=True, enable_multithread=False)
        )
    )
    many = {
        "rocketride_sync": repeat(lambda: ours.get_task_status(TOKEN)),
        "websocket-client, tuned": repeat(_bare(tuned.send, lambda: tuned.recv_data()[1])),
        "websocket-client": repeat(_bare(default.send, default.recv)),
    }
    if installed({"websockets": None}, {"websockets": "websockets.sync"}):
        from websockets.sync.client import connect

        other = stack.enter_context(connect(url, compression=None))
        many["websockets.sync"] = repeat(_bare(other.send, other.recv))
    if installed({"official": None}, {"official": "rocketride"}):
        many["official client"] = _official(address, stack)
    return {name: calls(several, 3 if quick else 40) for name, several in many.items()}


def _bare(send: Callable[[str], Any], receive: Callable[[], Any]) -> Callable[[], Any]:
    """Send, receive, `json.loads`."""
    numbers = itertools.count(1)

    def ask(command: str, arguments: Dict[str, Any]) -> Any:
        send(
            json.dumps({"type": "request", "command": command, "seq": next(numbers), "arguments": arguments})
        )
        return json.loads(receive())["body"]

    ask("auth", {"auth": KEY})
    return lambda: ask("rrext_get_task_status", {"token": TOKEN})


def _official(address: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    """The official client in a running loop: a turn enters and leaves the loop once."""
    import rocketride

    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    client = rocketride.RocketRideClient(uri=f"ws://{address}", auth=KEY)
    loop.run_until_complete(client.connect())
    stack.callback(lambda: loop.run_until_complete(client.disconnect()))

    async def ask(count: int) -> None:
        for _ in range(count):
            await client.get_task_status(TOKEN)

    return lambda count: loop.run_until_complete(ask(count))


SUITE = Suite(
    about="one status over WebSocket, on a connection that is kept",
    base="websocket-client, tuned",
    rounds=40,
    targets=[
        Target("rocketride_sync", "CPU µs", 1.8, "websocket-client, tuned", goal=1.4),
        Target("rocketride_sync", "CPU µs", 0.75, "official client", goal=0.7),
    ],
    contenders=_contenders,
)
