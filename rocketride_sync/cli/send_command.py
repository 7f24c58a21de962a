"""`rocketride-sync send`: send files to a running task, and print what it made of them."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, List, Optional, Tuple

from ..errors import ConfigurationError, RocketRideError
from ..redact import TOKEN_PREFIXES
from . import command_result, file_results, shared_options
from .exit_codes import ExitCode
from .progress import ProgressPrinter
from .secret_input import FROM_STDIN
from .server_options import Environment, add_server_options, api_key, make_client
from .signals import STOP_EXCEPTIONS
from .token_options import task_token
from .wording import WAYS_TO_NAME_TASK

if TYPE_CHECKING:
    from .upload_progress import UploadWithProgress

HELP = "send files to a running task, and print the results"
EPILOG = f"""The task must be one that takes data: its source is a webhook, chat or dropper. It goes on running
after the command.

{command_result.JSON_HELP}{file_results.JSON_HELP}"""

USAGE = "%(prog)s [options] [TOKEN] FILE ..."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "token",
        metavar="TOKEN",
        help="the task's token; - reads it from standard input, because other users may see arguments; if "
        "ROCKETRIDE_TOKEN is set, TOKEN may be left out (write a FILE like tk_1 or pk_1 as ./tk_1 then)",
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="a file to send; at least one")
    shared_options.add_timeout(
        parser,
        "give up after that time (default: never); a FILE that is being sent then may take that long again",
    )
    shared_options.add_output_options(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    from .upload_progress import UploadWithProgress  # other commands need neither it nor what it uses

    environment = Environment(args.env_file)
    args.token, args.files = _split_token_and_files([args.token, *args.files], environment)
    token = task_token(args, environment)
    printer = shared_options.make_progress_printer(args)
    api_key(args, environment)  # before the time begins
    upload = UploadWithProgress(args.files, printer, args.timeout)
    return _send(args, environment, token, upload, printer)


def _send(
    args: argparse.Namespace,
    environment: Environment,
    token: str,
    upload: UploadWithProgress,
    printer: ProgressPrinter,
) -> ExitCode:
    failure: BaseException
    try:
        with printer, make_client(args, environment) as client:
            left = upload.deadline.for_call(client._settings.timeout)
            printer.last = client.get_task_status(token, timeout=left)
            status = upload.send(client, token)
    except (RocketRideError, *STOP_EXCEPTIONS) as error:
        failure = error
    else:
        return file_results.print_results(
            upload.results,
            status,
            as_json=args.json,
            quiet=args.quiet,
            print_held=printer.print_held_errors,
        )
    never_began = printer.last is None and not isinstance(failure, ConfigurationError)
    return file_results.print_error(
        failure,
        upload.results,
        printer.last,
        as_json=args.json,
        quiet=args.quiet,
        print_held=printer.print_held_errors,
        name="nothing was sent" if never_began else "",  # the failure is that of reading the status
    )


def _split_token_and_files(words: List[str], environment: Environment) -> Tuple[Optional[str], List[str]]:
    """The token as given (None if it is in the environment) and the files.

    Raises:
        ConfigurationError: there are no files, or a file stands where the token belongs.
    """
    is_token = words[0] == FROM_STDIN or words[0].startswith(TOKEN_PREFIXES)
    if is_token or environment.get("ROCKETRIDE_TOKEN") is None:
        token, files = words[0], words[1:]
    else:
        token, files = None, words
    # A chosen token that is the name of a file here, too, can be given in the other ways.
    if token is not None and not is_token and os.path.isfile(token):
        raise ConfigurationError(
            f"{token!r} was taken for the TOKEN: before the FILEs, give {WAYS_TO_NAME_TASK}"
        )
    if not files:
        raise ConfigurationError("no files to send: name at least one FILE, after the TOKEN")
    return token, files
