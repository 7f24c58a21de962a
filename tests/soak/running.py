"""All of it together, for some time."""

import contextlib
import gc
import random
import subprocess
import sys
import time
from pathlib import Path

from rocketride_sync import RetryPolicy, RocketRideClient

from .measuring import MIB, growth, measure
from .serving import KEY, UnsteadyServer
from .working import Work

WAITERS = 30
_TRANSPORTS = ("websocket", "http", "auto")
_RETRY = RetryPolicy(initial_delay=0.05, max_delay=0.5, max_outage=60.0)
_PROGRESS_EVERY = 5.0


class Cutter:
    """The process of `cutting.py`.

    Attributes:
        port: where it listens.
        cuts: how many connections it cut, once it has ended.
    """

    def __init__(self, target, seed):
        command = [sys.executable, str(Path(__file__).with_name("cutting.py")), str(target), str(seed)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._process.stdout.readline())
        self.cuts = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        said, _ = self._process.communicate()
        self.cuts = int(said)


def clients(stack, port):
    """A client of each transport, for many threads."""
    for transport in _TRANSPORTS:
        client = RocketRideClient(
            f"http://127.0.0.1:{port}", KEY, transport=transport, retry=_RETRY, timeout=10.0
        )
        client.name = transport
        yield stack.enter_context(client)


def soak(seconds, seed, tell=print):
    """Run for `seconds`; a list of problems."""
    samples = []
    threads = measure()["threads"]
    with UnsteadyServer(random.Random(seed)) as server:
        with Cutter(server.port, seed) as cutter, contextlib.ExitStack() as stack:
            chances = [random.Random(seed + number + 1) for number in range(WAITERS)]
            work = Work(server, list(clients(stack, cutter.port)), chances)
            with work:
                _watch(seconds, samples, lambda: tell(_line(samples, server, work)))
        tell(f"{_line(samples, server, work)}; {cutter.cuts} connections cut")
    gc.collect()
    problems = [*work.problems, *growth(samples)]
    if measure()["threads"] > threads:
        problems.append(f"{measure()['threads'] - threads} threads are left")
    if work.counts["delivered"] < seconds:
        problems.append(f"only {work.counts['delivered']} outcomes were delivered: nothing was tried")
    if not (cutter.cuts and server.restarts):
        problems.append("nothing was cut or restarted")
    return problems


def _watch(seconds, samples, progress):
    began = time.monotonic()
    told = 0.0
    while time.monotonic() - began < seconds:
        samples.append(measure())
        if time.monotonic() - began >= told + _PROGRESS_EVERY:
            told += _PROGRESS_EVERY
            progress()
        time.sleep(0.5)


def _line(samples, server, work):
    counts = ", ".join(f"{work.counts[name]} {name}" for name in ("delivered", "lost", "unstarted"))
    now = samples[-1]
    return (
        f"{len(work.problems)} problems; {counts}; {server.restarts} restarts; "
        f"{now['memory'] / MIB:.1f} MiB, {now['files']} files, {now['threads']} threads"
    )
