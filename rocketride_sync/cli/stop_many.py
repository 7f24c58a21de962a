"""`rocketride-sync stop` with several tokens: a line for each task as it is ended, and a total."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import ProtocolError, RocketRideError, ServerError, TransientError
from . import command_result, exit_codes, output, status_text, token_lines
from .exit_codes import ExitCode
from .wording import about_task, without_token_advice

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus

JSON_HELP = """With several TOKENs, "outcome" and "status" are null, "error" is the most severe, and the document also has
  "results": for each task, in the order of the TOKENs, {"token",
             "outcome", "outcome_certain", "error", "status"} as above; tokens
             that look alike when shortened are numbered, such as TOKEN 2
"""

# What may be about one task alone. Any other error, such as a key that is refused, is about all.
_OF_ONE_TASK = (TransientError, ServerError, ProtocolError)


class Stopped(NamedTuple):
    """One task that was to be ended: its final status if that is known, or why it could not be ended.

    Its token is `shown` shortened, and so that it can be told from the others.
    """

    token: str
    shown: str
    status: Optional[TaskStatus]
    error: Optional[RocketRideError]

    @property
    def code(self) -> ExitCode:
        return ExitCode.SUCCEEDED if self.error is None else exit_codes.code_and_advice(self.error)[0]

    @property
    def word(self) -> str:
        """How it ended, or what an error made of it."""
        if self.error is not None:
            return exit_codes.word_for(self.error)
        return "ended" if self.status is None else self.status.outcome.value

    @property
    def problem(self) -> str:
        """Why it could not be ended; empty if it was."""
        if self.error is None:
            return ""
        text = about_task(command_result.error_with_advice(self.error), self.token)
        with output.hiding(self.token):
            return f"task {self.shown}: {output.without_secrets(text)}"

    def line(self) -> str:
        """A line whose columns are those of the other tasks."""
        with output.hiding(self.token):
            return status_text.task_line(self.word, self.status, self.shown)

    def json_entry(self) -> Dict[str, Any]:
        """The task's part of the document of ``--json``."""
        with output.hiding(self.token):
            return {"token": self.shown, **command_result.json_members(self.status, self.error)}


def run(
    args: argparse.Namespace,
    client: RocketRideClient,
    tokens: Sequence[str],
    end: Callable[[RocketRideClient, str], Optional[TaskStatus]],
) -> ExitCode:
    """End the tasks with `end`, and print the result of each; return the most severe exit code."""
    stopped: List[Stopped] = []
    for token, shown in token_lines.told_apart(tokens).items():
        stopped.append(Stopped(token, shown, *_ended_or_why(client, token, end)))
        if not (args.json or args.quiet):
            output.print_result(stopped[-1].line())
    worst = min(stopped, key=lambda each: exit_codes.severity_rank(each.code))
    _print_total(args, stopped, worst)
    _print_problems(args, stopped, worst)
    return worst.code


def _ended_or_why(
    client: RocketRideClient, token: str, end: Callable[[RocketRideClient, str], Optional[TaskStatus]]
) -> Tuple[Optional[TaskStatus], Optional[RocketRideError]]:
    try:
        return end(client, token), None
    except _OF_ONE_TASK as error:
        return None, error.with_traceback(None)


def _print_total(args: argparse.Namespace, stopped: Sequence[Stopped], worst: Stopped) -> None:
    if args.json:
        document = command_result.json_document(
            None,
            worst.error,
            code=worst.code,
            reason=f"{_summary(stopped)}, the most severe is {worst.problem}",
            results=[each.json_entry() for each in stopped],
        )
        output.print_result(document)
    elif not args.quiet:
        output.print_result(status_text.total(each.word for each in stopped))


def _summary(stopped: Sequence[Stopped]) -> str:
    bad = sum(bool(each.code) for each in stopped)
    return f"{bad:,} of {len(stopped):,} tasks could not be ended"


def _print_problems(args: argparse.Namespace, stopped: Sequence[Stopped], worst: Stopped) -> None:
    """Print what could not be ended: the most severe, or all where no lines have told of them."""
    if not worst.code:
        return
    if not (args.json or args.quiet):
        output.print_problem(f"{_summary(stopped)}, the most severe is {worst.problem}")
        return
    for index, problem in enumerate(filter(None, (each.problem for each in stopped))):
        output.print_problem(without_token_advice(problem) if index else problem)
    output.print_problem(_summary(stopped))
