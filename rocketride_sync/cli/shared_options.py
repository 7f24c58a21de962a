"""Options that several commands share, and the display and printer that are made from them."""

from __future__ import annotations

import argparse
import sys
from typing import Callable

from . import durations, log_output, output
from .exit_codes import Judgement
from .progress import Display, ProgressPrinter, choose_display

_MOST_DIGITS = 9


def add_wait_options(
    parser: argparse.ArgumentParser,
    *,
    timeout_help: str,
    timeout_type: Callable[[str], float],
    forgiven: str = "items failed",
) -> None:
    """Add the options of a command that waits for the end of a task. `forgiven` is what ``--allow-failures`` forgives."""
    add_timeout(parser, timeout_help, timeout_type)
    add = parser.add_argument
    add(
        "--interval",
        type=durations.positive_duration,
        metavar="DURATION",
        default=2.0,
        help="time between polls (default: 2s)",
    )
    add(
        "--allow-failures",
        action="store_true",
        help=f"exit 0 for a task that succeeded, even if some of its {forgiven}; if none succeeded, the exit code is 1",
    )
    certainty = parser.add_mutually_exclusive_group()
    certainty.add_argument(
        "--accept-uncertain",
        action="store_true",
        help="exit 0 for a success that is not certain, and print no line about it (if you know your server)",
    )
    certainty.add_argument(
        "--strict", action="store_true", help="exit 1 for a task whose success is not certain"
    )
    add(
        "--report",
        metavar="FILE.html",
        help="write a page with charts and all messages of the run, however it ends (extra report)",
    )


def whole_number(text: str, numbers: range, problem: str) -> int:
    """The number that is written in `text`, for the `type` of an argument.

    Raises:
        argparse.ArgumentTypeError: with the words `problem`; it is none of `numbers`, or has other characters than the digits
            0 to 9, of which `int` takes many.
    """
    is_short = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if not is_short or int(text) not in numbers:
        raise argparse.ArgumentTypeError(problem)
    return int(text)


def judgement(args: argparse.Namespace) -> Judgement:
    """What the options of `add_wait_options` take for good."""
    return Judgement(args.allow_failures, args.accept_uncertain, args.strict)


def add_timeout(
    parser: argparse.ArgumentParser, text: str, kind: Callable[[str], float] = durations.positive_duration
) -> None:
    """Add ``--timeout``; `kind` is a function of `durations`."""
    parser.add_argument("--timeout", type=kind, metavar="DURATION", help=text)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for what is printed during the command and at its end.

    As those of `server_options`, they may stand before the command's name too, and so have no defaults of their own.
    """
    add_json(parser)
    add_quiet(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--progress",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show progress on stderr (default: on a terminal, unless TERM=dumb)",
    )
    group.add_argument(
        "--no-progress",
        dest="progress",
        action="store_false",
        default=argparse.SUPPRESS,
        help="show no progress",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print one JSON document, even on failure",
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print only problems, and the newest errors of a failed task (and the document of --json)",
    )


DEFAULTS = {"json": False, "quiet": False, "progress": None}


def make_display(args: argparse.Namespace) -> Display:
    """The progress display that the options of `add_output_options` ask for."""
    wanted = output.is_terminal(sys.stderr) if args.progress is None else args.progress
    shown = bool(wanted and not args.quiet)
    display = choose_display(shown)
    if shown:  # the log says why there is no progress
        log_output.send_log_to(display.print_note, "DEBUG" if args.verbose else "INFO")
    return display


def make_progress_printer(args: argparse.Namespace, title: str = "") -> ProgressPrinter:
    """The printer of progress and messages that the options ask for. `title` is that of a report."""
    recorder = None
    path = getattr(args, "report", None)  # `send` shows progress too, but has no such option
    if path is not None:
        from ..reporting.recorder import RunRecorder
        from . import report_path

        report_path.check(path)
        recorder = RunRecorder(path, title=title, secrets=output.known_secrets)
    return ProgressPrinter(make_display(args), quiet=args.quiet, recorder=recorder)
