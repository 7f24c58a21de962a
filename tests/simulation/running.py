"""Many lives, in several processes, and the table of what happened in them."""

from __future__ import annotations

import collections
import gc
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed

TRANSPORTS = ("websocket", "http", "auto")


class Tally:
    """What happened how often."""

    def __init__(self):
        self.lives = 0
        self.virtual = 0.0
        self.connections = 0
        self.failures = []
        self.counts = collections.Counter()

    def add(self, life):
        self.lives += 1
        self.virtual += life.world.now - 1000.0
        self.connections += len(life.network.connections)
        self.counts[f"lives: {life.kind} over {life.transport}"] += 1
        self.counts["lives without faults"] += life.faults.calm
        self.counts["Ctrl-C"] += life.interrupted
        for kind in life.faults.hits:
            self.counts[f"fault: {kind}"] += 1
        self.counts.update({f"happened: {what}": number for what, number in life.world.counts.items()})
        for outcome in life.outcomes:
            self.counts[f"came of it: {outcome}"] += 1
        for run in life.engine.runs:
            self.counts[f"end: {run.how}" if run.ended else "end: lost or later"] += 1
        if life.violation:
            self.failures.append((life.transport, life.kind, life.seed, life.interrupt_at, life.violation))

    def merge(self, other):
        self.lives += other.lives
        self.virtual += other.virtual
        self.connections += other.connections
        self.failures += other.failures
        self.counts.update(other.counts)

    def table(self):
        width = max(map(len, self.counts), default=0)
        return "\n".join(f"  {name:<{width}}  {count:>8}" for name, count in sorted(self.counts.items()))


def live(transport, kind, seed, interrupt_at=None, calm=None):
    from .life import Life

    life = Life(seed, kind, transport, interrupt_at, calm)
    if life.interrupt_at is None:
        life.run()
    else:
        # In a thread of its own: Python may take an exception of a tracer for one that is handled for ever, in all that
        # the thread does later.
        with ThreadPoolExecutor(1) as executor:
            executor.submit(life.run).result()
    return life


def batch(jobs):
    """Live these lives; for another process. Returns a `Tally`."""
    prepare()
    tally = Tally()
    for job in jobs:
        tally.add(live(*job))
    gc.collect()
    return tally


_PREPARED = []


def prepare():
    """Put the seams in place, once in a process."""
    if not _PREPARED:
        from . import seams

        seams.install()
        # Only between lives: a life must not depend on when the collector comes.
        gc.collect()
        gc.freeze()
        gc.disable()
        _PREPARED.append(True)


def plan(seeds, kinds, transports):
    """The lives of these seeds: each of all kinds over all transports."""
    return [(transport, kind, seed) for seed in seeds for transport in transports for kind in kinds]


def run(jobs, processes, progress=lambda done, failed, failures: None, stop_at=10, seconds=None):
    """Live the lives in several processes. Returns a `Tally`."""
    # Of one process, the seconds are those of the processor: what is found must not depend on who else is busy.
    clock = time.process_time if processes == 1 else time.monotonic
    until = clock() + (float("inf") if seconds is None else seconds)
    whole = Tally()
    size = 60
    batches = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    if processes == 1:
        results = map(batch, batches)
        return _gather(whole, results, progress, stop_at, lambda: clock() > until)
    with ProcessPoolExecutor(processes) as executor:
        futures = [executor.submit(batch, each) for each in batches]
        whole = _gather(
            whole,
            (f.result() for f in as_completed(futures)),
            progress,
            stop_at,
            lambda: clock() > until,
        )
        for future in futures:
            future.cancel()
    return whole


def _gather(whole, results, progress, stop_at, time_is_up):
    for tally in results:
        whole.merge(tally)
        progress(whole.lives, len(whole.failures), tally.failures)
        if len(whole.failures) >= stop_at or time_is_up():
            break
    return whole
