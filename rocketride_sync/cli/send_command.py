"""`rocketride-sync send`: send files to a running task, and print what it made of them."""

from __future__ import annotations

import argparse
from typing import List, Optional, Tuple

from ..errors import ConfigurationError, RocketRideError
from . import file_results, presentation, shared_options
from .exit_codes import ExitCode
from .server_options import FROM_STDIN, Environment, add_options, connect, task_token
from .signals import STOPS
from .upload_progress import Uploads

HELP = "send files to a running task, and print what it made of them"
EPILOG = f"""The task must be one that takes data: its source is a webhook, chat or dropper. It goes on running.

{presentation.JSON_HELP}{file_results.JSON_HELP}"""

_TOKEN_PREFIXES = ("tk_", "pk_")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "token",
        metavar="TOKEN",
        help="the task's token; other users may see arguments, so - reads it from standard input; with "
        "ROCKETRIDE_TOKEN set, it may be left out (a FILE like tk_1 or pk_1 is then written ./tk_1)",
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="a file to send; at least one")
    shared_options.add_timeout(
        parser, "give up after S seconds (default: never); a FILE on its way may take that long again"
    )
    shared_options.add_output_options(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    environment = Environment(args.env_file)
    args.token, args.files = _told_apart([args.token, *args.files], environment)
    token = task_token(args, environment)
    follower = shared_options.follower(args)
    uploads = Uploads(args.files, follower, args.timeout)
    failure: BaseException
    try:
        with follower, connect(args, environment) as client:
            follower.last = client.get_task_status(token)
            seen = uploads.send(client, token)
    except (RocketRideError, *STOPS) as error:
        failure = error
    else:
        return file_results.conclusion(uploads.results, seen, as_json=args.json, quiet=args.quiet)
    return file_results.failure(failure, uploads.results, follower.last, as_json=args.json, quiet=args.quiet)


def _told_apart(words: List[str], environment: Environment) -> Tuple[Optional[str], List[str]]:
    """The token as given, None where the environment has it, and the files.

    Raises:
        ConfigurationError: there are no files.
    """
    is_token = words[0] == FROM_STDIN or words[0].startswith(_TOKEN_PREFIXES)
    if is_token or environment.get("ROCKETRIDE_TOKEN") is None:
        token, files = words[0], words[1:]
    else:
        token, files = None, words
    if not files:
        raise ConfigurationError("no files to send: name at least one FILE after TOKEN")
    return token, files
