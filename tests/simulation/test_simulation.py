"""The fixed set of lives, in a process of its own. Fresh ones, and more: `make simulate`."""

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cases import each

from .plants import PLANTS
from .world import NothingLeftError, StuckError, World

ROOT = Path(__file__).resolve().parents[2]
RARE = (
    "Ctrl-C",
    "TaskVanishedError",
    "TaskReplacedError",
    "fault: silence",
    "fault: killed",
    "days over http",
)
RARE += (
    "the eleventh connection",
    "Retry-After as a date",
    "credential: pk_",
    "files over http",
    "nobody subscribed",
    "an end from the run log",
    "until FIRST_COMPLETED",
    "as_completed is left",
    "old_reason_of_another_run over websocket",
)


def simulation(*arguments):
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.timeout(900)
def test_every_life_of_the_fixed_set_is_as_it_must_be():
    # It is the longest test: one process among those of the other tests would end after all of them.
    done = simulation("--fixed", "--jobs", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    for rare in RARE:
        assert rare in done.stdout


@pytest.mark.parametrize("life", [("websocket", "calls", "3"), ("http", "wait", "11"), ("auto", "run", "46")])
def test_a_life_is_the_same_each_time(life):
    """Also one with retries, whose delays are random."""
    assert simulation("--replay", *life).stdout == simulation("--replay", *life).stdout


@each("plant", PLANTS, ids=lambda plant: plant.name)
def test_each_plant_has_its_place(plant):
    """What `make plant` changes is there, once."""
    text = Path(ROOT, plant.path).read_text(encoding="utf-8")
    assert len(re.findall(plant.old, text, re.DOTALL)) == 1


def test_a_wait_for_something_that_cannot_happen_is_an_error():
    with pytest.raises(NothingLeftError, match="nothing is left to happen"):
        World(random.Random(1)).wait(lambda: False)


def test_a_loop_that_reads_the_clock_and_never_moves_it_is_an_error():
    world = World(random.Random(1))
    with pytest.raises(StuckError, match="never moved"):
        all(world.monotonic() for _ in iter(int, 1))
