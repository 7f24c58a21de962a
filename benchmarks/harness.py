"""Measuring: all contenders of a suite take turns in one run, so that a busy moment of the machine hits them alike."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import attrs

Figures = Dict[str, float]
"""What one turn of a contender measured, by column: ``{"wall ms": 61.2, "CPU ms": 55.0}``."""

Contender = Callable[[], Figures]


@attrs.frozen
class Target:
    """What a suite must show.

    Attributes:
        ours: the contender it is about.
        column: which of its figures.
        limit: the most that its median may be, as a multiple of the same of `peer`.
        peer: None if `limit` is in the column's own unit.
        every: the limit holds for each figure, not for the median.
    """

    ours: str
    column: str
    limit: float
    peer: Optional[str] = None
    every: bool = False

    def missed_by(self, figure: float) -> bool:
        """Whether `figure`, what was `reached`, is beyond the limit."""
        return figure > self.limit

    def __str__(self) -> str:
        times = f" x {self.peer}" if self.peer else ""
        return f"{self.ours}, {self.column}{' at most' * self.every} <= {self.limit:g}{times}"


@attrs.frozen
class Suite:
    """One comparison.

    Attributes:
        about: what is measured, in a line.
        base: the contender that the others are shown as multiples of.
        rounds: how many turns each contender gets.
        targets: what must come of it.
        contenders: makes them, with resources that end with the stack; with True, for a quick look, a turn does
            the least that it can. Peers that are not installed are left out.
        together: the turns of a round are taken at the same time, and there is none to warm up: for turns that are
            long, and idle nearly always.
    """

    about: str
    base: str
    rounds: int
    targets: Sequence[Target]
    contenders: Callable[[contextlib.ExitStack, bool], Mapping[str, Contender]]
    together: bool = False


Samples = Mapping[str, Mapping[str, List[float]]]
"""Figures by contender and column, one a round."""


def measure(suite: Suite, rounds: int, quick: bool, judged: bool = False) -> Samples:
    """Let each contender take a turn to warm up, but for a quick look, then one in each round, in random order.

    If it is only `judged`, those that no target speaks of are left out.
    """
    named = {suite.base, *(name for target in suite.targets for name in (target.ours, target.peer))}
    # What other suites have left costs this one nothing.
    gc.collect()
    gc.freeze()
    with contextlib.ExitStack() as stack:
        found = suite.contenders(stack, quick)
        contenders = {name: turn for name, turn in found.items() if not judged or name in named}
        samples: Dict[str, Dict[str, List[float]]] = {name: {} for name in contenders}
        take_turns = _at_once if suite.together else _one_by_one
        if not (suite.together or quick):
            take_turns(contenders)
        for _ in range(rounds):
            for name, figures in take_turns(contenders).items():
                for column, figure in figures.items():
                    samples[name].setdefault(column, []).append(figure)
    return samples


def _one_by_one(contenders: Mapping[str, Contender]) -> Dict[str, Figures]:
    taken = {}
    for name, turn in random.sample(list(contenders.items()), len(contenders)):
        gc.collect()
        taken[name] = turn()
    return {name: taken[name] for name in contenders}


def _at_once(contenders: Mapping[str, Contender]) -> Dict[str, Figures]:
    with ThreadPoolExecutor(len(contenders)) as pool:
        turns = {name: pool.submit(turn) for name, turn in contenders.items()}
        return {name: turn.result() for name, turn in turns.items()}


def columns(samples: Samples) -> List[str]:
    """The columns of a suite, in the order they were measured in."""
    return list(dict.fromkeys(column for figures in samples.values() for column in figures))


def reference(suite: Suite, contenders: Mapping[str, Any]) -> str:
    """Whom the others are shown as multiples of: a peer that is not there, as the official client on old Pythons,
    leaves its place to the first that is.
    """
    return suite.base if suite.base in contenders else next(iter(contenders))


def multiples(figures: Sequence[float], of: Sequence[float]) -> List[float]:
    """Round by round, the one figure as a multiple of the other."""
    return [figure / other if other else 1.0 for figure, other in zip(figures, of)]


def spread(figures: Sequence[float]) -> Tuple[float, float, float]:
    """The median, and the bounds of the middle 80 %."""
    if len(figures) < 2:
        return figures[0], figures[0], figures[0]
    tenths = statistics.quantiles(figures, n=10, method="inclusive")
    return statistics.median(figures), tenths[0], tenths[-1]


def reached(target: Target, samples: Samples) -> Optional[float]:
    """The figure to hold against the target's limit; None if it was not measured, or its peer is not installed."""
    if target.ours not in samples or (target.peer is not None and target.peer not in samples):
        return None
    figures: Sequence[float] = samples[target.ours][target.column]
    if target.peer is not None:
        figures = multiples(figures, samples[target.peer][target.column])
    return max(figures) if target.every else statistics.median(figures)


def calls(many: Callable[[int], object], count: int) -> Contender:
    """A turn of `count` calls, made by ``many(count)``: what one takes, of this process's CPU and in all."""

    def turn() -> Figures:
        # Not thread_time: a contender may have threads that work for it.
        cpu, wall = time.process_time(), time.perf_counter()
        many(count)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {"CPU µs": cpu / count * 1e6, "wall µs": wall / count * 1e6}

    return turn


def repeat(call: Callable[[], object]) -> Callable[[int], None]:
    """For `calls`: the same call again and again."""

    def many(count: int) -> None:
        for _ in range(count):
            call()

    return many


def process(code: str, *arguments: str) -> Contender:
    """A turn in which a fresh Python runs `code` and exits: what it takes in all, and of CPU."""

    def turn() -> Figures:
        began = time.perf_counter()
        child = subprocess.Popen(_python(code, *arguments), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = status  # it is waited for already
        if status:
            raise subprocess.CalledProcessError(status, "a contender")
        return {"CPU ms": (usage.ru_utime + usage.ru_stime) * 1e3, "wall ms": wall * 1e3}

    return turn


def reporting(code: str, *arguments: str) -> Contender:
    """A turn in which a fresh Python runs `code` and prints its figures as JSON, on the last line."""

    def turn() -> Figures:
        run = subprocess.run(_python(code, *arguments), check=True, stdout=subprocess.PIPE)
        figures: Figures = json.loads(run.stdout.splitlines()[-1])
        return figures

    return turn


def _python(code: str, *arguments: str) -> List[str]:
    return [sys.executable, "-I", "-c", code, *arguments]


def installed(contenders: Mapping[str, Any], needs: Mapping[str, str]) -> Dict[str, Any]:
    """The `contenders` but for those whose module in `needs` cannot be found."""
    from importlib.util import find_spec

    return {name: it for name, it in contenders.items() if name not in needs or find_spec(needs[name])}
