"""`rocketride-sync wait` with several tokens: a line for each task as it ends, and a total."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from ..errors import RocketRideError
from ..reporting.snapshot import TASKS, ProgressSnapshot
from . import command_result, output, shared_options, signals, status_text, token_lines
from .exit_codes import ExitCode
from .found_task import Found
from .progress import Display
from .server_options import Environment, make_client
from .wording import without_token_advice

if TYPE_CHECKING:
    from ..waiting.task_result import TaskResult

JSON_HELP = """With several TOKENs, "outcome" and "error" are the most severe of all, "status" is null, and the document also has
  "results": for each task, in the order of ending, {"token", "outcome",
             "outcome_certain", "error", "status"} as above; tokens that look
             alike when shortened are numbered, such as TOKEN 2
"""


def run(args: argparse.Namespace, environment: Environment, tokens: Sequence[str]) -> ExitCode:
    """Wait for the tasks and print the result of each; return the most severe exit code."""
    failure: BaseException
    display = shared_options.make_display(args)
    printer = TaskResultPrinter(tokens, display, args)
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
        tokens: those of the tasks.
        display: where to print, and to show how many tasks are done.
        args: the options of the command.
    """

    def __init__(self, tokens: Sequence[str], display: Display, args: argparse.Namespace) -> None:
        self._total = len(tokens)
        self._shown = token_lines.told_apart(tokens)
        self._token_width = max(map(len, self._shown.values()))
        self._display = display
        self._args = args
        self._judgement = shared_options.judgement(args)
        self._shows_lines = not (args.json or args.quiet)
        self._found: List[Found] = []
        display.update(self._progress())

    def add(self, result: TaskResult) -> None:
        """Print the result of one more task: it has ended, or it cannot be waited for any longer."""
        found = Found(result, self._judgement, self._shown[result.token])
        self._found.append(found)
        if self._shows_lines:
            self._display.print_result("\n".join(found.lines(self._token_width)))
        self._display.update(self._progress())

    def _progress(self) -> ProgressSnapshot:
        done = len(self._found)
        last = self._found[-1].label if self._found else ""
        return ProgressSnapshot(
            "waiting" if done < self._total else "done", done, self._total, TASKS, 0, last
        )

    def print_total(self) -> ExitCode:
        """After the last result: print the total or the document, and return the exit code."""
        worst = min(self._found, key=Found.severity)
        if self._args.json:
            output.print_result(
                command_result.json_document(
                    None,
                    worst.result.error,
                    code=worst.code,
                    reason=self._reason(worst) if worst.code else "",
                    outcome=worst.outcome,
                    certain=worst.is_certain,
                    **self._json_member(),
                )
            )
        elif not self._args.quiet:
            output.print_result(status_text.total(found.word_with_items for found in self._found))
        self._print_doubts()
        self._print_problems()
        return worst.code

    def _reason(self, worst: Found) -> str:
        """Why the exit code is not 0: how many tasks are to blame, and what is wrong with the most severe."""
        bad = self._count_bad([found for found in self._found if found.code])
        doubted = worst.is_doubted
        problem = f"{worst.label}: succeeded, but not certainly" if doubted else worst.problem
        return f"{bad}, the most severe is {problem}"

    def _count_bad(self, bad: Sequence[Found]) -> str:
        """How many of the tasks are `bad`. Of those that may run on, nobody can say that they did not end well."""
        words = {True: "did not end well", False: "were not seen to end"}
        seen = {found.is_over for found in bad}
        what = " or ".join(text for is_over, text in words.items() if is_over in seen)
        return f"{len(bad):,} of {self._total:,} tasks {what}"

    def _print_problems(self) -> None:
        """Print what did not end well: all, the most severe first, or that one alone if each has had its lines."""
        bad = sorted((found for found in self._found if found.is_bad), key=Found.severity)
        if not bad:
            return
        text = self._count_bad(bad)
        if self._shows_lines:
            output.print_problem(f"{text}, the most severe is {bad[0].problem}")
            return
        for index, found in enumerate(bad):
            output.print_problem(without_token_advice(found.problem) if index else found.problem)
            for line in found.error_lines():
                output.print_note(f"  {line}")
        output.print_problem(text)

    def _print_doubts(self) -> None:
        """Print a line on the successes that are not certain, if there are any."""
        doubted = [found for found in self._found if found.is_doubted]
        if doubted:
            first = doubted[0]
            output.print_problem(
                f"{len(doubted):,} of {self._total:,} tasks succeeded, but that is not certain, the first is "
                f"{first.label}: {first.result.result()._doubt} ({self._judgement.doubt_hint})"
            )
            if self._judgement.strict and not self._shows_lines:
                for found in doubted[1:]:
                    output.print_note(f"  {found.label}")

    def print_error(self, error: BaseException) -> ExitCode:
        """Print the error that ended the whole wait, as `command_result.print_error`; return the exit code."""
        code = command_result.print_error(error, as_json=self._args.json, **self._json_member())
        if not self._shows_lines:
            self._print_problems()
        return code

    def _json_member(self) -> Dict[str, Any]:
        return {"results": [found.json_entry() for found in self._found]}
