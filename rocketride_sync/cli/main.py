"""The program `rocketride-sync`: parses the arguments, runs a command, and returns its exit code."""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import re
import signal
import sys
import textwrap
import warnings
from typing import Any, Dict, Iterator, List, NoReturn, Optional, Sequence, Union

from .._version import __version__
from ..errors import ConfigurationError, RocketRideError, RocketRideWarning
from . import (
    check_command,
    command_result,
    completion,
    demo_command,
    durations,
    exit_codes,
    help_command,
    list_command,
    log_output,
    output,
    run_command,
    runs_command,
    send_command,
    serve_command,
    server_options,
    shared_options,
    standard_streams,
    status_command,
    stop_command,
    unknown_options,
    validate_command,
    wait_command,
)
from .exit_codes import ExitCode, code_and_advice
from .signals import STOP_EXCEPTIONS, Terminated, end_process_by, signals_as_exceptions
from .wording import in_command_line_words

_COMMANDS: Dict[str, Any] = {
    "run": run_command,
    "send": send_command,
    "wait": wait_command,
    "status": status_command,
    "list": list_command,
    "runs": runs_command,
    "stop": stop_command,
    "validate": validate_command,
    "check": check_command,
    "serve": serve_command,
    "demo": demo_command,
    "help": help_command,
}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command. Returns its exit code; a signal ends the process after cleaning up.

    Args:
        argv: the arguments, without the program's name; None takes those of the process.
    """
    standard_streams.prepare()
    output.delivery.reset()
    output.known_secrets.clear()
    output.default_address_note = ""
    words = sys.argv[1:] if argv is None else argv
    try:
        with signals_as_exceptions(until_exit=argv is None), _warnings_as_lines():
            code = _run(words)
    except Terminated as stop:  # outside of `_run`, so that there is no result to print
        code = code_and_advice(stop)[0]
    except KeyboardInterrupt:  # a second one, while the first was being reported
        code = ExitCode.INTERRUPTED
    except MemoryError:  # too little even to report that
        code = ExitCode.INTERNAL
        with contextlib.suppress(MemoryError):
            output.print_note(f"{output.PROGRAM}: {command_result.OUT_OF_MEMORY}")
    except SystemExit as stop:  # argparse has printed what --help and its like ask for
        code = ExitCode(int(stop.code or 0))
    finally:
        output.flush()
    code = command_result.code_after_delivery(code)
    if code in _SIGNAL_EXIT_CODES:
        end_process_by(signal.Signals(code - 128))
    return int(code)


# These end the process by the signal itself: the loop of a shell would go on after a command that exits with 130.
_SIGNAL_EXIT_CODES = (ExitCode.HUNG_UP, ExitCode.INTERRUPTED, ExitCode.TERMINATED)


def _run(words: Sequence[str]) -> ExitCode:
    failure: BaseException
    try:
        args = _parse(words)
        level = "DEBUG" if args.verbose else "WARNING"
        log_output.send_log_to(output.print_note, level, outages=not (args.verbose or args.quiet))
        code: ExitCode = _COMMANDS[args.command].run(args)
        return code
    except (RocketRideError, *STOP_EXCEPTIONS) as error:
        failure = error
    except OSError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - Python's own exit code 1 would say that the task failed
        failure = error
        if "--verbose" in words:
            log_output.print_traceback(error)
    return command_result.print_error(failure, as_json="--json" in words)


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = make_parser(_commands_for(words))
    unknown_options.check_leading(parser, words)
    args, left_over = parser.parse_known_args(words)
    unknown_options.check_taken(args)
    for name, default in {**server_options.DEFAULTS, **shared_options.DEFAULTS}.items():
        vars(args).setdefault(name, default)
    _place(left_over, args)
    if args.command is None:
        parser.error(f"{_MISSING} COMMAND")
    unknown_options.check_not_empty(args)
    return args


def _place(left_over: List[str], args: argparse.Namespace) -> None:
    """Add to `args` what argparse leaves over: positional arguments after a known option.

    It leaves over options that it does not know, too. What comes after "--" is an argument, even if it looks like one.
    """
    end = left_over.index("--") if "--" in left_over else len(left_over)
    options = [word for word in left_over[:end] if word.startswith("-")]
    if options:
        # Without its value: that may be a key.
        args.parser.error(unknown_options.unknown_option(options[0].split("=")[0], [args.parser]))
    positional = left_over[:end] + left_over[end + 1 :]
    if not positional:
        return
    several = next((name for name in ("files", "tokens") if name in args), None)
    if several is not None:
        vars(args)[several] += positional
    else:
        first, read_on = output.shorten_unknown(positional[0]), unknown_options.where_to_read_on(args.parser)
        args.parser.error(f"too many arguments, from {first} on{read_on}")


_MISSING = "the following arguments are required:"  # so begins argparse's message, too
_REPEATED_VALUE = re.compile(r"(invalid (?:choice|\S+ value)): .*?(?= \(choose from|$)", re.DOTALL)


class _Parser(argparse.ArgumentParser):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.suggest_on_error = False  # from Python 3.15 on it has hints too, which would come before ours

    def error(self, message: str) -> NoReturn:
        if sys.stderr is not None:  # else argparse would print it among the results
            self.print_usage(sys.stderr)
        # Without the value, which argparse repeats: it may be a key in the wrong place.
        is_missing = message.startswith(_MISSING)
        hint = unknown_options.where_to_read_on(self) if is_missing else _meant_choice(message)
        raise ConfigurationError(_REPEATED_VALUE.sub(r"\1", message) + hint)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a result, such as that of ``--help``, as all results are printed."""
        if file is None or file is sys.stdout:  # None: stdout is closed, where argparse would take stderr
            output.print_result(message.rstrip("\n"))
        else:
            super()._print_message(message, file)


def _meant_choice(message: str) -> str:
    """A suggestion for argparse's message about a value that is none of the choices; else an empty text."""
    value, is_listed, choices = message.partition("invalid choice: ")[2].rpartition(" (choose from ")
    return (
        unknown_options.suggestion(value.strip("'"), choices.rstrip(")").replace("'", "").split(", "))
        if is_listed
        else ""
    )


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Fits paragraphs to the terminal's width. Indented lines, as of lists and documents, stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = functools.partial(
            textwrap.fill,
            width=width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        lines = itertools.groupby(text.strip("\n").split("\n"), _is_of_paragraph)
        return "\n".join(fill(" ".join(part)) if filled else "\n".join(part) for filled, part in lines)


def _is_of_paragraph(line: str) -> bool:
    return line[:1].strip() != ""


def _usage(parser: argparse.ArgumentParser) -> str:
    """The usage in one line: an error follows it, and the help lists the options anyway."""
    forms = {"?": "[{0}]", "*": "[{0} ...]", "+": "{0} [{0} ...]"}
    places = [action for action in parser._actions if not action.option_strings]
    words = [forms.get(str(action.nargs), "{0}").format(action.metavar) for action in places]
    return " ".join(["%(prog)s [options]", *words])


def _commands_for(words: Sequence[str]) -> Sequence[str]:
    """The commands whose parsers these arguments may need: all, unless they begin with the name of one. `help` knows all."""
    return words[:1] if words and words[0] in _COMMANDS and words[0] != "help" else tuple(_COMMANDS)


def make_parser(names: Sequence[str] = tuple(_COMMANDS)) -> argparse.ArgumentParser:
    """The parser of the command line with the commands of these `names`. It takes 3 ms for all, and 0.6 ms for one."""
    parser = _Parser(
        prog=output.PROGRAM,
        usage="%(prog)s [options] COMMAND ...",
        description="Run RocketRide pipelines, ask tasks how they are doing, and wait for their end.",
        epilog=f"{durations.HELP}\n\n{exit_codes.HELP}",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    # Whether there is a COMMAND is checked after the options, so that an unknown one is named first.
    parser.set_defaults(parser=parser)
    parser.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    completion.add_option(parser)
    server_options.add_server_options(parser)
    shared_options.add_output_options(parser)
    commands = parser.add_subparsers(prog=output.PROGRAM, dest="command", metavar="COMMAND", title="commands")
    for name in names:
        command = _COMMANDS[name]
        child = commands.add_parser(
            name,
            help=command.HELP,
            description=command.HELP[0].upper() + command.HELP[1:] + ".",
            epilog=getattr(command, "EPILOG", None),
            formatter_class=_HelpFormatter,
            allow_abbrev=False,
        )
        child.set_defaults(parser=child, program=parser)
        command.add_arguments(child)
        child.usage = getattr(command, "USAGE", None) or _usage(child)
    return parser


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("always", RocketRideWarning)
        warnings.showwarning = _show_warning
        yield


def _show_warning(message: Union[Warning, str], *_: object, **__: object) -> None:
    output.print_problem(f"warning: {in_command_line_words(str(message))}")
