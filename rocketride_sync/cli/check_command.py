"""`rocketride-sync check`: try the way to the server step by step, and say what is in the way."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from .. import connection_arguments
from ..address import DEFAULT_PORT, DEFAULT_URI, Address
from ..deadline import Deadline
from ..errors import ConfigurationError
from . import command_result, exit_codes, output, shared_options
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, key_source, make_client, uri_source
from .wording import in_command_line_words

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..errors import RocketRideError
    from ..transports.check_findings import Finding

HELP = "check the connection to the server: address, name, proxy, TLS, HTTP, WebSocket, key"
EPILOG = """It prints a line for each step: "ok", or "failed" with what to do. "no" marks a step that is missing and not
needed. With --transport auto, HTTP takes the place of WebSocket, but list, runs and some others need
WebSocket. The check connects as every other command does: with the same proxy, certificates and time to
connect. Without a key, it tries all steps before the last one, which then fails ("key", exit code 2).

The exit code is that of the first step that failed.

with --json, one document on stdout, whatever happens:
  {"outcome": null, "outcome_certain": null, "status": null,
   "error": null or as of status, "exit_code", "reason": as of status,
   "checks": [{"step", "text", "seconds", "result": "ok" | "failed" | "no" |
               "not used" | "not tried"}, ...]}
"""

_TIMEOUT = 15.0
_NO_KEY = "none"  # in place of a key, for the steps that need none
_HTTP_ADVICE = "; use --transport http"  # for who cannot do without WebSocket
_COLOURS = {"ok": "green", "failed": "red", "no": "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    shared_options.add_timeout(parser, "give up after that time (default: 15)")
    shared_options.add_json(parser)
    shared_options.add_quiet(parser)
    add_server_options(parser)
    parser.set_defaults(timeout=_TIMEOUT)


def run(args: argparse.Namespace) -> ExitCode:
    from ..options import seconds

    limit = seconds("--timeout", args.timeout)
    shown: List[Dict[str, Any]] = []
    fault: Optional[RocketRideError] = None
    for found in _findings(args, Environment(args.env_file), limit):
        shown.append(_row(found))
        if found.error is not None and found.needed:
            fault = fault or found.error
        if not args.json and not (args.quiet and shown[-1]["result"] != "failed"):
            output.print_result(_line(shown[-1]))
    failed = "" if fault is None else next(row["step"] for row in shown if row["result"] == "failed")
    code = ExitCode.SUCCEEDED if fault is None else exit_codes.code_and_advice(fault)[0]
    reason = f"the check failed at: {failed}"
    if args.json:
        checks = command_result.json_safe(shown)
        output.print_result(
            command_result.json_document(None, fault, code=code, reason=reason, checks=checks)
        )
    if code:
        output.print_problem(reason)
    return code


def _findings(args: argparse.Namespace, environment: Environment, limit: float) -> Iterator[Finding]:
    from ..transports.check_findings import Finding
    from ..transports.connection_check import ConnectionCheck

    fault: Optional[ConfigurationError] = None
    try:
        uri, source = uri_source(args, environment)
        address = Address.parse(DEFAULT_URI if uri is None else uri, source)
    except ConfigurationError as error:
        fault = error
    if fault is not None:
        yield Finding("address", error=fault)
        return
    note = f"; {DEFAULT_PORT} is the default port" if address.port_assumed else ""
    yield Finding("address", f"{address} ({f'from {source}' if uri else source}{note})")
    step = "tls"
    try:
        connection_arguments.verify(args.ca_file is None or args.ca_file)
        step = "key"
        client, key_fault = _client(args, environment)
        key = None if key_fault else key_source(args, environment)
    except ConfigurationError as error:
        fault = error
    if fault is not None:
        yield Finding(step, error=fault)
        return
    deadline = Deadline(limit)  # it begins when the key has been read
    with client:
        for found in ConnectionCheck(client._settings, args.transport, deadline, key_fault).findings():
            told = found.step == "key" and found.tried and not found.error
            yield found._replace(text=f"{found.text} (from {key})") if told else found


def _client(
    args: argparse.Namespace, environment: Environment
) -> Tuple[RocketRideClient, Optional[ConfigurationError]]:
    """The client, and why it has no key."""
    try:
        return make_client(args, environment), None
    except ConfigurationError as error:
        fault = error.with_traceback(None)
    return make_client(args, environment, key=_NO_KEY), fault


def _row(found: Finding) -> Dict[str, Any]:
    if found.error is not None:
        result = "failed" if found.needed else "no"
        text = (
            command_result.error_with_advice(found.error)
            if found.needed
            else in_command_line_words(str(found.error)).replace(_HTTP_ADVICE, "")
        )
    elif found.tried:
        result, text = ("ok" if found.used else "not used"), found.text
    else:
        result, text = "not tried", ""
    return {
        "step": found.step,
        "result": result,
        "text": output.shorten_message(text),
        "seconds": found.seconds,
    }


def _line(row: Dict[str, Any]) -> str:
    result = row["result"].ljust(9)
    colour = _COLOURS.get(row["result"])
    took = "" if row["seconds"] is None else f" ({row['seconds'] * 1000:,.1f} ms)"
    painted = output.paint(result, colour, sys.stdout) if colour else result
    return f"{row['step']:<9}  {painted}  {row['text']}{took}".rstrip()
