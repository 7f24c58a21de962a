"""Run it for some time, and tell what was wrong."""

import argparse
import random
import sys
from pathlib import Path

# The tests are no package: pytest finds their modules so.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from soak.running import soak


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long (default: %(default)s)")
    parser.add_argument(
        "--seed",
        type=int,
        default=random.randrange(10**6),
        help="of all chances (default: a new one, which is printed)",
    )
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    problems = soak(options.seconds, options.seed, lambda text: print(text, flush=True))
    for problem in problems:
        print(f"PROBLEM: {problem}")
    print(f"{'0 passed, 1' if problems else '1 passed, 0'} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
