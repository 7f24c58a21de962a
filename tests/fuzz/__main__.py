"""`make fuzz`, or ``python -m tests.fuzz``: try inputs for minutes, and keep those that something fails on."""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as pytest has it

from hypothesis import HealthCheck, given, seed, settings

from . import inputs, targets

_EXAMPLES = 500


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long, for all targets (default: 10)")
    parser.add_argument(
        "--seed", type=int, help="begin with this one (default: a random one, which is printed)"
    )
    parser.add_argument(
        "targets", metavar="TARGET", nargs="*", help=f"of {', '.join(targets.TARGETS)} (default: all)"
    )
    options = parser.parse_args()
    names = options.targets or list(targets.TARGETS)
    number = random.randrange(2**32) if options.seed is None else options.seed
    end = time.monotonic() + 60 * options.minutes
    failed: List[str] = []
    while len(failed) < len(names) and time.monotonic() < end:
        for name in names:
            if name not in failed and not _round(name, number, end):
                failed.append(name)
        number += 1
    targets.close()
    return 1 if failed else 0


def _round(name: str, number: int, end: float) -> bool:
    """Some hundred inputs for one target; whether all was well."""
    last = [b""]
    count = [0]

    def run(data: bytes) -> None:
        if time.monotonic() < end:
            last[0] = data
            count[0] += 1
            targets.TARGETS[name](data)

    rounds = settings(
        max_examples=_EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    began = time.monotonic()
    try:
        seed(number)(rounds(given(inputs.of(name))(run)))()
    except Exception as problem:
        path = inputs.CORPUS / name / f"found-{hashlib.sha256(last[0]).hexdigest()[:12]}"
        path.write_bytes(last[0])
        print(f"{name}: {type(problem).__name__}: {problem}\n  seed {number}, kept as {path}", flush=True)
        return False
    print(f"{name}: seed {number}, {count[0]} inputs in {time.monotonic() - began:.1f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
