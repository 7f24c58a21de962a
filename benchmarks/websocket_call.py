"""What one status costs the client over WebSocket. Ours makes a typed status of it, the others stop at the dict."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
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
        many["official client, loop in a thread"] = _official_in_thread(address, stack)
        many["official client, asyncio.run"] = _official_run(address)
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


def _official_in_thread(address: str, stack: contextlib.ExitStack) -> Callable[[int], None]:
    """The official client for synchronous code: its loop runs in a thread, to which each call is handed."""
    import rocketride

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stack.callback(loop.close)
    stack.callback(thread.join)
    stack.callback(loop.call_soon_threadsafe, loop.stop)

    def wait_for(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    client = rocketride.RocketRideClient(uri=f"ws://{address}", auth=KEY)
    wait_for(client.connect())
    stack.callback(lambda: wait_for(client.disconnect()))
    return repeat(lambda: wait_for(client.get_task_status(TOKEN)))


def _official_run(address: str) -> Callable[[int], None]:
    """The official client for synchronous code, the simple way: a loop and a connection for each call."""
    import rocketride

    async def ask() -> Any:
        async with rocketride.RocketRideClient(uri=f"ws://{address}", auth=KEY) as client:
            return await client.get_task_status(TOKEN)

    return repeat(lambda: asyncio.run(ask()))


SUITE = Suite(
    about="one status over WebSocket, on a connection that is kept",
    base="websocket-client, tuned",
    rounds=40,
    targets=[
        Target("rocketride_sync", "CPU µs", 1.2, "websocket-client, tuned"),
        Target("rocketride_sync", "CPU µs", 0.7, "official client"),
    ],
    contenders=_contenders,
)
