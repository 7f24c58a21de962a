"""`rocketride-sync wait` with several tokens: a line for each task as it ends, and a total."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence

from ..errors import RocketRideError
from ..redact import shorten
from ..reporting.snapshot import TASKS, Snapshot
from . import exit_codes, output, presentation, shared_options, signals
from .exit_codes import ExitCode
from .progress import Display
from .server_options import Environment, connect

if TYPE_CHECKING:
    from ..waiting.task_result import TaskResult

JSON_HELP = """with several TOKENs, the document has the gravest "outcome" and "error" of all, "status" is null, and there is
  "results": for each task, in the order of ending, {"token", "outcome", "error", "status"} as above
"""

_NAME_WIDTH = 40


def run(args: argparse.Namespace, environment: Environment, tokens: Sequence[str]) -> ExitCode:
    """Wait for the tasks, and tell of each; return the exit code of the gravest."""
    failure: BaseException
    screen = shared_options.screen(args)
    tally = Tally(len(tokens), screen, args)
    try:
        with contextlib.closing(screen), connect(args, environment) as client:
            for result in client.as_completed(tokens, args.timeout, args.interval):
                tally.add(result)
    except RocketRideError as error:
        failure = error
    except signals.STOPS as stop:
        failure = signals.told(stop, "the tasks run on")
    else:
        return tally.conclusion()
    return tally.failure(failure)


class Tally:
    """What has become of the tasks so far.

    Args:
        total: how many there are.
        screen: where it is shown.
        args: the options.
    """

    def __init__(self, total: int, screen: Display, args: argparse.Namespace) -> None:
        self._total = total
        self._screen = screen
        self._args = args
        self._results: List[TaskResult] = []
        self._codes: List[ExitCode] = []
        screen.update(self._snapshot())

    def add(self, result: TaskResult) -> None:
        """One more has ended, or cannot be waited for any longer."""
        self._results.append(result)
        self._codes.append(_code(result, self._args))
        if not (self._args.json or self._args.quiet):
            self._screen.print(_line(result))
        self._screen.update(self._snapshot())

    def _snapshot(self) -> Snapshot:
        done = len(self._results)
        last = shorten(self._results[-1].token) if self._results else ""
        return Snapshot("waiting" if done < self._total else "done", done, self._total, TASKS, 0, last)

    def conclusion(self) -> ExitCode:
        """All have a result: print the total, or the document, and return the exit code."""
        code, gravest = min(zip(self._codes, self._results), key=lambda found: exit_codes.gravity(found[0]))
        if self._args.json:
            output.result(
                presentation.document(None, gravest.error, outcome=_outcome(gravest), **self._member())
            )
        elif not self._args.quiet:
            output.result(f"{self._total:,} tasks: {', '.join(self._counts())}")
        if code:
            bad = sum(map(bool, self._codes))
            output.problem(
                f"{bad:,} of {self._total:,} tasks did not end well, the gravest is {_complaint(gravest)}"
            )
        return code

    def failure(self, error: BaseException) -> ExitCode:
        """The wait for all of them ended with `error`: as `report.failure`."""
        return presentation.failure(error, as_json=self._args.json, **self._member())

    def _counts(self) -> Iterator[str]:
        counts = Counter(map(_fate_of_items_too, self._results, self._codes))
        for fate, count in counts.most_common():
            yield f"{count:,} {fate}"

    def _member(self) -> Dict[str, Any]:
        return {"results": [_entry(result) for result in self._results]}


def _code(result: TaskResult, args: argparse.Namespace) -> ExitCode:
    if result.error is not None:
        return exit_codes.explain(result.error)[0]
    return exit_codes.of_status(result.result(), allow_failures=args.allow_failures)


def _outcome(result: TaskResult) -> Optional[str]:
    return None if result.status is None else result.status.outcome.value


def _fate(result: TaskResult) -> str:
    """What became of a task, in a word: its outcome, or the name of the exit code for its error."""
    if result.error is not None:
        return exit_codes.explain(result.error)[0].name.lower()
    return result.result().outcome.value


def _fate_of_items_too(result: TaskResult, code: ExitCode) -> str:
    return f"{_fate(result)} with failed items" if code and result.succeeded else _fate(result)


def _line(result: TaskResult) -> str:
    fate = presentation.painted(_fate(result))
    known = presentation.brief(result.status, _NAME_WIDTH) if result.status is not None else ""
    wrong = "" if result.error is None else output.visible(str(result.error))
    return "  ".join(part for part in (shorten(result.token), fate, known, wrong) if part)


def _complaint(result: TaskResult) -> str:
    wrong = (
        presentation.complaint(result.result())
        if result.error is None
        else presentation.advised(result.error)
    )
    name = shorten(result.token)
    return wrong if name in wrong else f"task {name}: {wrong}"


def _entry(result: TaskResult) -> Dict[str, Any]:
    return {"token": shorten(result.token), **presentation.described(result.status, result.error)}
