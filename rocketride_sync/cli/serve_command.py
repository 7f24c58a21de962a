"""`rocketride-sync serve`: a local server that speaks RocketRide's task protocol."""

from __future__ import annotations

import argparse

from ..address import DEFAULT_PORT
from ..errors import ConfigurationError
from . import output, shared_options
from .exit_codes import ExitCode, code_and_advice
from .server_options import Environment, add_key_options, api_key, key_source
from .signals import Terminated, ignore_interrupts, let_signals_end_process, raise_one_interrupt

HELP = "run a local server to try things out on (extra: emulator)"
EPILOG = """Clients need the key in ROCKETRIDE_APIKEY or --apikey-file. If there is none, any credential is accepted.
When the server accepts connections, it prints "Serving on http://HOST:PORT", and on stderr whose key it takes.
Ctrl-C ends it with exit code 0, SIGTERM with 143, and SIGHUP with 129. None of them prints anything, not even
if it comes twice. Without a reader for that line, the exit code is 141; if it cannot be written, 74.
"""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    add(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help="the port; 0 takes any free one (default: %(default)s)",
    )
    add("--root", metavar="DIR", help="the directory whose files pipelines may read (default: none)")
    add(
        "--generation",
        choices=("newer", "older"),
        default="newer",
        help="behave like servers since about September 2026, or like those before (default: %(default)s)",
    )
    add_key_options(parser)


def _port(text: str) -> int:
    return shared_options.whole_number(
        text, range(65536), "invalid port: it must be a number from 0 to 65535"
    )


def run(args: argparse.Namespace) -> ExitCode:
    from ..emulator.server import require_extra

    require_extra()  # before a key is asked for
    environment = Environment(args.env_file)
    key = api_key(args, environment)
    if key is None and args.host not in _LOOPBACK:
        output.print_problem(
            f"warning: no key is set, so anybody who reaches {args.host} may use this server"
        )
    from ..emulator import Settings, serve

    raise_one_interrupt()  # that is how it is meant to be stopped
    takes = "any key" if key is None else f"only the key from {key_source(args, environment)}"
    try:
        serve(
            args.host,
            args.port,
            args.root,
            key,
            settings=Settings(generation=args.generation),
            announce=_announce,
            # On stderr: the address is all that programs find on stdout.
            when_ready=lambda: output.print_note(output.safe_text(f"it takes {takes}")),
        )
    except KeyboardInterrupt:
        ignore_interrupts()  # nothing to say, also of one that comes while the process ends
    except Terminated as stop:
        let_signals_end_process()  # the server has stopped, and there is nothing to say
        return code_and_advice(stop)[0]
    except ConfigurationError:
        if output.delivery.failure is None:
            raise
    return ExitCode.SUCCEEDED  # if the address could not be printed, that is told as of every result


def _announce(line: str) -> None:
    output.print_result(line)
    if output.delivery.failure is not None:
        raise output.delivery.failure
