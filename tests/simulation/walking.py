"""`make interrupts`: Ctrl-C at every line of one short life of each method, over each transport.

A line of code that is reached again and again, as by the polls of a wait, is interrupted the first two times.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed

from . import running

_SEED = 1
_SIZE = 200


def _lines(transport, kind, visits):
    """The numbers of the lines to interrupt at: the first `visits` times that each line of code is reached."""
    running.prepare()
    life = running.live(transport, kind, _SEED, 0, calm=True)
    assert life.violation is None, life.violation
    return [number for number, before in enumerate(life.visits, 1) if before < visits]


def _walk(transport, kind, numbers):
    """Interrupt at these lines. What failed."""
    running.prepare()
    failures = []
    for number in numbers:
        life = running.live(transport, kind, _SEED, number, calm=True)
        if life.violation:
            failures.append((number, life.violation))
    return failures


def _walk_all(executor, transport, kind, visits, stride):
    numbers = executor.submit(_lines, transport, kind, visits).result()[::stride]
    parts = [
        executor.submit(_walk, transport, kind, numbers[at : at + _SIZE])
        for at in range(0, len(numbers), _SIZE)
    ]
    return transport, kind, len(numbers), [failure for part in parts for failure in part.result()]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.walking", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--stride", type=int, default=1, help="only every so many lines")
    parser.add_argument("--visits", type=int, default=2, help="how often each line; default 2")
    parser.add_argument("--methods", nargs="*", help="only these")
    arguments = parser.parse_args()
    running.prepare()
    from . import methods

    wanted = [kind for kind in methods.KINDS if not arguments.methods or kind[7:] in arguments.methods]
    pairs = [(transport, kind) for kind in wanted for transport in methods.transports(kind[7:])]
    began, failed = time.monotonic(), 0
    with ProcessPoolExecutor(arguments.jobs) as executor:
        with ThreadPoolExecutor(arguments.jobs) as threads:
            walks = [
                threads.submit(_walk_all, executor, *pair, arguments.visits, arguments.stride)
                for pair in pairs
            ]
            for walk in as_completed(walks):
                transport, kind, lines, failures = walk.result()
                failed += len(failures)
                print(f"{kind[7:]} over {transport}: {lines} lines, {len(failures)} failed", flush=True)
                for number, violation in failures[:5]:
                    print(f"    line {number}: {violation[:200]}")
                    print(
                        f"    python -m tests.simulation --calm --replay {transport} '{kind}' {_SEED} --interrupt-at {number}"
                    )
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
