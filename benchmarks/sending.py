"""Sending files over WebSocket: many small ones, and one large one, which must not take memory."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Mapping

from .harness import Contender, Suite, Target, installed, reporting

KEY = "the-key"
MIB = 1024 * 1024
LINE = b"the quick brown fox jumps over the lazy dog\n"
PIPELINE = {
    "project_id": "benchmark",
    "source": "hook",
    "components": [
        {"id": "hook", "provider": "webhook", "config": {}},
        {"id": "words", "provider": "wordcount", "input": [{"lane": "text", "from": "hook"}]},
    ],
}

# Each client is connected and warm before it is measured, and its memory is its own: a process a turn.
_MEASURE = """
import json, sys, time
from pathlib import Path
_, uri, key, token, folder = sys.argv
small = sorted(map(str, Path(folder, "small").iterdir()))
large = [str(Path(folder, "large.bin"))]
def memory():
    # Not getrusage: its peak is that of the process that started this one, if that was larger.
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
def measure(send):
    def timed(files):
        began = time.perf_counter()
        results = send(files)
        assert [r["action"] for r in results] == ["complete"] * len(files), results
        assert all(r["bytes_sent"] == r["file_size"] == Path(r["filepath"]).stat().st_size for r in results)
        return (time.perf_counter() - began) * 1e3
    timed(small[:1])
    idle = memory()
    took = timed(large)
    peak = memory() - idle
    print(json.dumps({"small files ms": timed(small), "large file ms": took, "memory for it MiB": peak}))
"""

_OURS = """
from rocketride_sync import RocketRideClient
with RocketRideClient(uri, key, transport="{transport}") as client:
    measure(lambda files: client.send_files(files, token))
"""

_OFFICIAL = """
import asyncio
from rocketride import RocketRideClient
loop = asyncio.new_event_loop()
client = RocketRideClient(uri=uri, auth=key)
loop.run_until_complete(client.connect())
measure(lambda files: loop.run_until_complete(client.send_files(files, token)))
loop.run_until_complete(client.disconnect())
"""

_CODE = {
    "rocketride_sync, WebSocket": _OURS.format(transport="websocket"),
    "rocketride_sync, HTTP": _OURS.format(transport="http"),
    "official client": _OFFICIAL,
}


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    from rocketride_sync import RocketRideClient
    from rocketride_sync.emulator import Emulator

    folder = stack.enter_context(tempfile.TemporaryDirectory())
    _write_files(Path(folder), *((3, 1) if quick else (200, 256)))
    server = stack.enter_context(Emulator(api_key=KEY, max_data_bytes=1024 * MIB))
    client = stack.enter_context(RocketRideClient(server.uri, KEY))
    task = stack.enter_context(client.use(pipeline=PIPELINE, ttl=0))
    codes = installed(_CODE, {"official client": "rocketride"})
    return {
        name: reporting(_MEASURE + code, server.uri, KEY, task.token, folder) for name, code in codes.items()
    }


def _write_files(folder: Path, small: int, mib: int) -> None:
    (folder / "small").mkdir()
    text = LINE * (MIB // len(LINE))
    for number in range(small):
        (folder / "small" / f"{number:03}.txt").write_bytes(text[: 64 * 1024])
    with open(folder / "large.bin", "wb") as file:
        for _ in range(mib):
            file.write(text.ljust(MIB))


SUITE = Suite(
    about="200 files of 64 KiB, one file of 256 MiB, and what memory that takes above an idle client",
    base="official client",
    rounds=7,
    targets=[
        Target("rocketride_sync, WebSocket", "small files ms", 0.9, "official client"),
        Target("rocketride_sync, WebSocket", "large file ms", 0.9, "official client"),
        Target("rocketride_sync, HTTP", "small files ms", 2.0, "official client"),
        Target("rocketride_sync, WebSocket", "memory for it MiB", 30.0, every=True),
        Target("rocketride_sync, HTTP", "memory for it MiB", 30.0, every=True),
    ],
    contenders=_contenders,
)
