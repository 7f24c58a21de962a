"""Measure beside the peers, all in one run, and say which targets were reached. See docs/performance.md."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from . import machine
from .harness import Samples, Suite, Target, columns, measure, multiples, reached, reference, spread

SUITES = (
    "imports",
    "process",
    "memory",
    "websocket_call",
    "http_call",
    "wait_end",
    "many_ends",
    "wait_minute",
    "many",
    "decode",
    "sending",
)


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the suites that were asked for; the exit code says whether all targets were reached, if that was asked."""
    options = _options(arguments)
    _settle()
    print(f"{machine.described()}; {', '.join(f'{k} {v}' for k, v in machine.versions().items())}")
    if any(name.startswith("__editable__") for name in sys.modules):
        print(
            "An editable installation: its import hook is part of every process. `make bench` does without."
        )
    print()
    results: Dict[str, Any] = {}
    missed = []
    for name in options.suites or SUITES:
        suite: Suite = importlib.import_module(f"benchmarks.{name}").SUITE
        rounds = options.rounds or (2 if options.quick else suite.rounds)
        samples = measure(suite, rounds, options.quick, options.check is not None)
        print(f"{name}: {suite.about}; {rounds} rounds")
        _print_samples(suite, samples)
        missed += [target for target in suite.targets if not _print_target(target, samples, options.check)]
        results[name] = {"rounds": rounds, "samples": samples}
        print(flush=True)
    document = {"machine": machine.described(), "versions": machine.versions(), "suites": results}
    if options.json:
        Path(options.json).write_text(json.dumps(document, indent=1), encoding="utf-8")
    if options.docs:
        from . import report  # draws with a library that only this needs

        report.write(Path(options.docs), document)
    return 1 if options.check and missed else 0


def _options(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"default: {' '.join(SUITES)}")
    parser.add_argument("--rounds", type=int, help="turns of each contender; default: what each suite needs")
    parser.add_argument(
        "--quick", action="store_true", help="see whether it all runs; the figures say nothing"
    )
    parser.add_argument("--json", metavar="FILE", help="write every figure there")
    parser.add_argument(
        "--docs", metavar="FOLDER", help="write tables, charts and figures there: performance.md and .json"
    )
    parser.add_argument(
        "--check",
        type=float,
        metavar="MARGIN",
        help="measure what has a target, and exit with 1 if one is missed MARGIN times",
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.suites if name not in SUITES]
    if unknown:
        parser.error(f"no such suite: {', '.join(unknown)}; there are {', '.join(SUITES)}")
    return options


def _settle() -> None:
    """See to it that every run measures the same thing, in this process and in those that it starts."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):  # the server is on this machine
            del os.environ[name]
    if hasattr(os, "sched_setaffinity"):
        # Waking another processor costs the kernel more than a bare client costs in all. Where the system chose to
        # run the server would decide every ratio, and in favour of the slower contender.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _print_samples(suite: Suite, samples: Samples) -> None:
    for column in columns(samples):
        found = {name: figures[column] for name, figures in samples.items() if column in figures}
        base = reference(suite, found)
        print(f"  {column:36} median  (10-90 %)            x {base}")
        for name, figures in sorted(found.items(), key=lambda item: spread(item[1])[0]):
            median, low, high = spread(figures)
            times, least, most = spread(multiples(figures, found[base]))
            print(
                f"    {name:34} {median:7.1f}  {f'({low:.1f}-{high:.1f})':18}  {times:6.2f} ({least:.2f}-{most:.2f})"
            )


def _print_target(target: Target, samples: Samples, margin: Optional[float]) -> bool:
    """Print how it went; whether the target was reached, or missed by less than the margin."""
    figure = reached(target, samples)
    if figure is None:
        print(f"  not measured: {target}")
        return True
    print(f"  {'MISSED' if target.missed_by(figure) else 'ok'}: {figure:.2f}, {target}")
    return figure <= target.limit * (margin or 1.0)


if __name__ == "__main__":
    sys.exit(main())
