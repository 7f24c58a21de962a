"""`python -m tests.simulation`: lives of fresh seeds, of a fixed set, or one of them again with its whole story."""

from __future__ import annotations

import argparse
import sys
import time

from . import running

KINDS = ("calls", "wait", "iterate", "run", "send", "files", "many", "days", "method")
# Of the fixed set, over each transport: 2,000 lives, and some of the long kinds.
FIXED = {
    "calls": 550,
    "wait": 450,
    "iterate": 250,
    "run": 450,
    "method": 300,
    "send": 40,
    "files": 20,
    "many": 30,
    "days": 2,
}
_OLD_LIVES = 3  # of each old failure, over each transport on which it came


def _arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", default="1000", help="how many, or FIRST:LAST")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--fixed", action="store_true", help="the set that `make test` runs")
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--transports", nargs="*", default=running.TRANSPORTS)
    parser.add_argument("--seconds", type=float, help="stop after so long, of one process in its own time")
    parser.add_argument("--stop-at", type=int, default=10, help="stop after so many failures")
    parser.add_argument(
        "--replay", nargs=3, metavar=("TRANSPORT", "KIND", "SEED"), help="one life, and its story"
    )
    parser.add_argument("--interrupt-at", type=int, help="with --replay: Ctrl-C at this line")
    parser.add_argument("--calm", action="store_true", help="with --replay: without faults")
    return parser.parse_args()


def main():
    arguments = _arguments()
    if arguments.replay:
        return _replay(*arguments.replay, arguments.interrupt_at, arguments.calm or None)
    if arguments.fixed:
        jobs = _old_failures()
        for kind, lives in FIXED.items():
            jobs += running.plan(range(1, lives + 1), [kind], running.TRANSPORTS)
    else:
        jobs = running.plan(_seeds(arguments.seeds), arguments.kinds, arguments.transports)
    return _run(jobs, arguments)


def _old_failures():
    running.prepare()
    from .old_lost_runs import LIVES

    return [
        (transport, kind, seed)
        for kind, transports in LIVES.items()
        for transport in transports
        for seed in range(1, _OLD_LIVES + 1)
    ]


def _seeds(text):
    if ":" in text:
        first, last = map(int, text.split(":"))
    else:
        first = int(time.time() * 1000) % 10**9
        last = first + int(text) - 1
    return range(first, last + 1)


def _run(jobs, arguments):
    began = time.monotonic()

    def progress(done, failed, failures):
        for failure in failures:
            _print_failure(*failure)
        sys.stderr.write(
            f"\r{done} of {len(jobs)} lives, {failed} failed, {done / (time.monotonic() - began):.0f} a second "
        )
        sys.stderr.flush()

    tally = running.run(jobs, arguments.jobs, progress, arguments.stop_at, arguments.seconds)
    sys.stderr.write("\n")
    return report(tally, time.monotonic() - began)


def report(tally, seconds):
    print(f"{tally.lives} lives in {seconds:.1f} s, {tally.virtual / 86400:.1f} days of virtual time")
    print(tally.table())
    return 1 if tally.failures else 0


def _print_failure(transport, kind, seed, interrupt_at, violation):
    print(f"\nFAILED: {violation}")
    at = f" --interrupt-at {interrupt_at}" if interrupt_at else ""
    again = f"python -m tests.simulation --replay {transport} {kind} {seed}{at}"
    print(f"  again, with its story: {again}", flush=True)


def _replay(transport, kind, seed, interrupt_at, calm):
    running.prepare()
    life = running.live(transport, kind, int(seed), interrupt_at, calm)
    print(life.world.told())
    print(f"\nFAILED: {life.violation}" if life.violation else "\nEverything was as it must be.")
    return 1 if life.violation else 0


if __name__ == "__main__":
    sys.exit(main())
