"""Run all cells with tight limits, and write the table into docs/reliability.md."""

import argparse
import sys
import tempfile
from pathlib import Path

from hypothesis import given, settings

# The tests are no package: pytest finds their modules so.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.report import DOCUMENT, line, write
from faults.running import run
from faults.scene import Stage
from faults.schedules import SCHEDULES, play
from faults.table import CELLS

ROOM = 0.25


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "words", nargs="*", help="only cells with these words in their names; nothing is written"
    )
    words = parser.parse_args().words
    cells = [cell for cell in CELLS if all(word in cell.id for word in words)]
    results = []
    with tempfile.TemporaryDirectory(prefix="test-") as folder, Stage(Path(folder)) as stage:
        for cell in cells:
            results.append(run(cell, stage, ROOM))
            print(line(results[-1]), flush=True)
        if not words:
            _play_schedules(stage)
    failed = sum(bool(result.problems) for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    if not (words or failed):
        write(results)
        print(f"written to {DOCUMENT}")
    return 1 if failed else 0


def _play_schedules(stage):
    """The property of test_deadlines.py, on other schedules each time. Raises AssertionError."""

    @settings(max_examples=100, deadline=None, database=None)
    @given(SCHEDULES)
    def play_all(schedule):
        assert play(schedule, stage, ROOM) == []

    play_all()
    print("100 random schedules: nothing outlived its deadline")


if __name__ == "__main__":
    sys.exit(main())
