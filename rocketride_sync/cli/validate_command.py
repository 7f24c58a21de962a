"""`rocketride-sync validate`: let the server check pipeline files, without running them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, NamedTuple, Optional

from ..deadline import Deadline
from ..errors import ConfigurationError, ServerError
from . import command_result, output, shared_options
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, make_client
from .wording import in_command_line_words

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models.answers import ValidationMessage

HELP = "let the server check pipeline files, without running them"
EPILOG = """It needs WebSocket. For each error and each warning it prints a line, FILE: error: component ID: what is
wrong. For each file without errors it prints FILE: valid. A file that cannot be read, or is not a pipeline, counts
as an error. With --quiet it prints only errors.
The exit code is 1 if a file has errors. Warnings do not count.
If a file refers to variables ${ROCKETRIDE_...} that are neither in the environment nor in --env-file, a line
on stderr names them. They do not count either. A reference to ${ROCKETRIDE_APIKEY} is an error, because run
never sends the key along.

with --json, one document on stdout, whatever happens:
  {"outcome": null, "outcome_certain": null, "status": null,
   "error": null or as of status, "exit_code", "reason": as of status,
   "files": [{"file", "valid", "errors": [{"message", "id" (the component,
              where it is about one)}, ...], "warnings": likewise}, ...]},
   without "files" if the server could not be asked
"""

# Servers tell what is wrong in their answer. Some refuse a pipeline that they cannot even begin to check.
_REFUSED_PIPELINE = "the server answered: Pipeline "


class _Checked(NamedTuple):
    """What was found in one file."""

    file: str
    errors: List[ValidationMessage]
    warnings: List[ValidationMessage]

    def lines(self, *, quiet: bool) -> List[str]:
        """What to print about it; with `quiet`, errors only."""
        lines = [f"error: {_said(item)}" for item in self.errors]
        if not quiet:
            lines += [f"warning: {_said(item)}" for item in self.warnings]
            lines += [] if self.errors else ["valid"]
        return [f"{output.safe_text(self.file)}: {line}" for line in lines]

    def document(self) -> Dict[str, Any]:
        """The member of the JSON document."""
        known = {"errors": _plain(self.errors), "warnings": _plain(self.warnings)}
        document: Dict[str, Any] = command_result.json_safe(
            {"file": self.file, "valid": not self.errors, **known}
        )
        return document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="a pipeline file (.pipe or JSON)",
    )
    parser.add_argument(
        "--source", metavar="ID", help="the component to start at (default: that of the pipeline)"
    )
    shared_options.add_json(parser)
    shared_options.add_quiet(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    checked = []
    environment = Environment(args.env_file)
    with make_client(args, environment) as client:
        for file in dict.fromkeys(args.files):
            checked.append(_check(client, environment, file, args.source))
            lines = [] if args.json else checked[-1].lines(quiet=args.quiet)
            if lines:  # at once: what comes next may fail
                output.print_result("\n".join(lines))
    bad = sum(bool(one.errors) for one in checked)
    code = ExitCode.FAILED if bad else ExitCode.SUCCEEDED
    if args.json:
        documents = [one.document() for one in checked]
        reason = f"{bad:,} of {len(checked):,} files have errors"
        output.print_result(command_result.json_document(None, code=code, reason=reason, files=documents))
    return code


def _check(client: RocketRideClient, environment: Environment, file: str, source: Optional[str]) -> _Checked:
    """What the server finds in the file, or why there is nothing that it could check; and what `run` would refuse.

    Raises:
        RocketRideError: the server could not be asked.
    """
    from ..client import pipelines

    try:
        pipeline = pipelines.load(file, None, None)
    except ConfigurationError as error:
        # The line begins with the file's name.
        message = in_command_line_words(str(error)).replace(f" {file!r}", "", 1)
        return _Checked(file, [{"message": message}], [])
    refused: List[ValidationMessage] = []
    try:
        pipelines.environment_for(pipeline, environment.variables_for(pipeline), file)
    except ConfigurationError as error:
        refused.append({"message": in_command_line_words(str(error))})
    try:
        found = client._validated(pipeline, source, Deadline(client._settings.timeout))
    except ServerError as error:
        if type(error) is not ServerError or _REFUSED_PIPELINE not in str(error):
            raise  # a missing permission, or a server that cannot check: it says nothing about the pipeline
        return _Checked(file, [*refused, {"message": str(error)}], [])
    return _Checked(file, [*refused, *found["errors"]], found["warnings"])


def _said(item: Mapping[str, Any]) -> str:
    """An error or a warning on one line."""
    message = item.get("message")
    component = item.get("id")
    # Before the message: after it, it could be read as part of a list that the message ends with.
    about = f"component {component}: " if isinstance(component, str) and component else ""
    return output.shorten_message(f"{about}{message if isinstance(message, str) else 'no message'}")


def _plain(items: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """The documented members alone: others may hold parts of the pipeline, with secrets."""
    return [{name: item[name] for name in ("message", "id") if name in item} for item in items]
