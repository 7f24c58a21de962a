"""The command `rocketride-sync`: reads the arguments, runs a command, and tells the shell how it went."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
import warnings
from types import FrameType
from typing import Iterator, NoReturn, Optional, Sequence, Union

from .._version import __version__
from ..errors import RocketRideError, RocketRideWarning
from . import connection, demo, exit_codes, output, report, serve, status, verbose, wait
from .exit_codes import ExitCode

_COMMANDS = {"status": status, "wait": wait, "serve": serve, "demo": demo}


class Terminated(BaseException):
    """A SIGTERM came: everything on the way out is cleaned up, then the signal ends the process."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command. Returns its exit code; a SIGTERM ends the process by the signal, after cleaning up.

    Args:
        argv: the arguments, without the program's name; None takes those of the process.
    """
    output.escape_unencodable()
    try:
        with _terminable(), _warnings_as_lines():
            return int(_run(_parse(argv)))
    except Terminated:
        pass
    except KeyboardInterrupt:  # a second one, while the first was being reported
        return int(ExitCode.INTERRUPTED)
    finally:
        output.flush()
    signal.raise_signal(signal.SIGTERM)
    return 128 + signal.SIGTERM  # reached only where raising a signal does not end the process


def _run(args: argparse.Namespace) -> ExitCode:
    if args.verbose:
        verbose.log_to(output.note, everything=True)
    failure: BaseException
    try:
        code: ExitCode = _COMMANDS[args.command].run(args)
        return code
    except (RocketRideError, KeyboardInterrupt) as error:
        failure = error
    except BrokenPipeError:
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        output.problem(str(error))
        return ExitCode.USAGE
    except Exception as error:  # noqa: BLE001 - Python's own exit code 1 would say that the task failed
        failure = error
        if args.verbose:
            verbose.log_defect(error)
    return report.failure(failure, as_json=getattr(args, "json", False))


def _parse(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = _parser()
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        # Their values are not repeated: somebody may have tried to pass a key.
        options = [word.split("=")[0] for word in unknown if word.startswith("-")]
        parser.error(f"unknown option {', '.join(options)}" if options else "too many arguments")
    return args


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(output.visible(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=output.PROGRAM,
        description="Ask RocketRide tasks how they are doing, and wait for their end.",
        epilog=exit_codes.HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.set_defaults(**connection.DEFAULTS)
    connection.add_options(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, command in _COMMANDS.items():
        child = commands.add_parser(
            name,
            help=command.HELP,
            description=command.HELP[0].upper() + command.HELP[1:] + ".",
            epilog=getattr(command, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_arguments(child)
    return parser


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Turn a SIGTERM into an exception while this lasts, unless whoever started us ignores or handles it."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(_: int, __: Optional[FrameType]) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends a clean-up that takes too long
    raise Terminated


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("always", RocketRideWarning)
        warnings.showwarning = _show_warning
        yield


def _show_warning(message: Union[Warning, str], *_: object, **__: object) -> None:
    output.problem(f"warning: {message}")
