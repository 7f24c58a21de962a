"""`rocketride-sync wait` with several tokens: a line for each task as it ends, and a total."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ..errors import RocketRideError
from ..redact import shorten
from ..reporting.snapshot import TASKS, ProgressSnapshot
from . import command_result, exit_codes, output, shared_options, signals
from .exit_codes import ExitCode, Judgement
from .progress import Display
from .server_options import Environment, make_client

if TYPE_CHECKING:
    from ..waiting.task_result import TaskResult

JSON_HELP = """with several TOKENs, the document has the gravest "outcome" and "error" of all, "status" is null, and there is
  "results": for each task, in the order of ending, {"token", "outcome", "outcome_certain", "error",
  "status"} as above
"""

_NAME_WIDTH = 40


def run(args: argparse.Namespace, environment: Environment, tokens: Sequence[str]) -> ExitCode:
    """Wait for the tasks and print the result of each; return the most severe exit code."""
    failure: BaseException
    display = shared_options.make_display(args)
    printer = TaskResultPrinter(len(tokens), display, args)
    try:
        with contextlib.closing(display), make_client(args, environment) as client:
            for result in client.as_completed(tokens, args.timeout, args.interval):
                printer.add(result)
    except RocketRideError as error:
        failure = error
    except signals.STOP_EXCEPTIONS as stop:
        failure = signals.with_task_state(stop, "the tasks run on")
    else:
        return printer.print_total()
    return printer.print_error(failure)


class TaskResultPrinter:
    """Prints the result of each task when it is added, and the total at the end.

    Args:
        total: how many tasks there are.
        display: where to print, and to show how many tasks are done.
        args: the options of the command.
    """

    def __init__(self, total: int, display: Display, args: argparse.Namespace) -> None:
        self._total = total
        self._display = display
        self._args = args
        self._judgement = shared_options.judgement(args)
        self._results: List[TaskResult] = []
        self._codes: List[ExitCode] = []
        display.update(self._progress())

    def add(self, result: TaskResult) -> None:
        """Print the result of one more task: it has ended, or it cannot be waited for any longer."""
        self._results.append(result)
        self._codes.append(_exit_code(result, self._judgement))
        if not (self._args.json or self._args.quiet):
            self._display.print_result(_result_line(result))
        self._display.update(self._progress())

    def _progress(self) -> ProgressSnapshot:
        done = len(self._results)
        last = shorten(self._results[-1].token) if self._results else ""
        return ProgressSnapshot(
            "waiting" if done < self._total else "done", done, self._total, TASKS, 0, last
        )

    def print_total(self) -> ExitCode:
        """After the last result: print the total or the document, and return the exit code."""
        code, gravest = min(zip(self._codes, self._results), key=_gravity)
        if self._args.json:
            output.print_result(
                command_result.json_document(
                    None,
                    gravest.error,
                    outcome=_outcome(gravest),
                    certain=_is_certain(gravest),
                    **self._json_member(),
                )
            )
        elif not self._args.quiet:
            output.print_result(f"{self._total:,} tasks: {', '.join(self._outcome_counts())}")
        self._print_doubts()
        bad = [
            found for found in zip(self._codes, self._results) if found[0] and not self._is_doubted(found[1])
        ]
        if bad:
            _, worst = min(bad, key=_gravity)
            output.print_problem(
                f"{len(bad):,} of {self._total:,} tasks did not end well, the gravest is {_problem_text(worst)}"
            )
        return code

    def _is_doubted(self, result: TaskResult) -> bool:
        return result.succeeded and self._judgement.doubts(result.result())

    def _print_doubts(self) -> None:
        """Print a line on the successes that are not certain, if there are any."""
        doubted = [result for result in self._results if self._is_doubted(result)]
        if doubted:
            first = doubted[0]
            output.print_problem(
                f"{len(doubted):,} of {self._total:,} tasks succeeded, but that is not certain, the first is "
                f"task {shorten(first.token)}: {first.result()._doubt} ({self._judgement.doubt_hint})"
            )

    def print_error(self, error: BaseException) -> ExitCode:
        """Print the error that ended the whole wait, as `command_result.print_error`; return the exit code."""
        return command_result.print_error(error, as_json=self._args.json, **self._json_member())

    def _outcome_counts(self) -> Iterator[str]:
        counts = Counter(self._outcome_word_with_items(result) for result in self._results)
        for outcome, count in counts.most_common():
            yield f"{count:,} {outcome}"

    def _outcome_word_with_items(self, result: TaskResult) -> str:
        if not result.succeeded:
            return _outcome_word(result)
        status, items = result.result(), ""
        if status.has_failures and not self._judgement.allow_failures:
            items = " with failed items" if status.failed_count else " with items left undone"
        return f"{_outcome_word(result)}{items}{'' if _is_certain(result) else ' (not certain)'}"

    def _json_member(self) -> Dict[str, Any]:
        return {"results": [_json_entry(result) for result in self._results]}


def _exit_code(result: TaskResult, judgement: Judgement) -> ExitCode:
    if result.error is not None:
        return exit_codes.code_and_advice(result.error)[0]
    return judgement.code_of(result.result())


def _outcome(result: TaskResult) -> Optional[str]:
    return None if result.status is None else result.status.outcome.value


def _outcome_word(result: TaskResult) -> str:
    """The outcome of a task in one word; after an error, the name of its exit code."""
    if result.error is not None:
        return exit_codes.code_and_advice(result.error)[0].name.lower()
    return result.result().outcome.value


def _is_certain(result: TaskResult) -> bool:
    return result.error is not None or result.result().outcome_certain


def _gravity(found: Tuple[ExitCode, TaskResult]) -> Tuple[int, bool]:
    """The lowest is the gravest: by the exit code, and of the same code what is not certain."""
    return exit_codes.severity_rank(found[0]), _is_certain(found[1])


def _result_line(result: TaskResult) -> str:
    outcome = command_result.coloured_outcome(_outcome_word(result))
    outcome += "" if _is_certain(result) else " (not certain)"
    known = command_result.status_summary(result.status, _NAME_WIDTH) if result.status is not None else ""
    wrong = "" if result.error is None else output.safe_text(str(result.error))
    return "  ".join(part for part in (shorten(result.token), outcome, known, wrong) if part)


def _problem_text(result: TaskResult) -> str:
    wrong = (
        command_result.outcome_problem(result.result())
        if result.error is None
        else command_result.error_with_advice(result.error)
    )
    name = shorten(result.token)
    return wrong if name in wrong else f"task {name}: {wrong}"


def _json_entry(result: TaskResult) -> Dict[str, Any]:
    return {"token": shorten(result.token), **command_result.json_members(result.status, result.error)}
