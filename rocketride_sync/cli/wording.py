"""The library's messages in the words of the command line: ``--uri`` and ``TOKEN`` in place of arguments of Python.

The library's messages are for its callers, who write ``auth=…``. Only whole phrases of the library are replaced, so
that what a server says stays as it is.
"""

from __future__ import annotations

import os
import re

from ..redact import shorten

_KEY = "(ROCKETRIDE_APIKEY or --apikey-file)"
_WHEN_FORGOTTEN = "A server forgets a task 5 to 6 minutes after its end, or when it restarts: then "
FORGOTTEN = f"check the token and the address. {_WHEN_FORGOTTEN}wait --project P --source S finds the run, if the server keeps a run log"
"""The advice for a token that the server does not know."""
NOTHING_TO_END = f"check the token and the address. {_WHEN_FORGOTTEN}there is nothing to end"
"""The same for who wants to end the task."""
WAYS_TO_NAME_TASK = "TOKEN, or - to read it from standard input, or set ROCKETRIDE_TOKEN"
"""The ways to give the token of a task."""
NOT_SET = "is a variable of the script not set?"
"""What to ask where something was given, but is empty."""

_INSTEAD_OF_HYPHEN = (
    "to read the pipeline from standard input, name /dev/stdin"
    if os.name == "posix"
    else "the pipeline cannot be read from standard input, so name its file"
)
_PHRASES = (
    (
        f"check the token and the address. {_WHEN_FORGOTTEN}get_task_runs(project_id, source) tells how the run ended, if the server "
        "keeps a run log",
        FORGOTTEN,
    ),
    ("(auth= or ROCKETRIDE_APIKEY)", _KEY),
    ("pass auth='…' or set ROCKETRIDE_APIKEY", f"give one {_KEY}"),
    (" (RocketRideClient takes uri first, then auth)", f" {_KEY}"),
    ("; set them, or pass env= to use or run", "; set them, or give them with --env-file"),
    ('use transport="websocket"', "leave out --transport http"),
    ('use transport="http"', "use --transport http"),
    (". See proxies=", ". See HTTPS_PROXY, HTTP_PROXY and NO_PROXY"),
    (". See verify= and cert=", ""),  # the advice of the exit code says what to do
    ("is in use already: choose another port=", "is in use already: choose another --port"),
    (". See verify=", ""),
    (". See cert=", ""),
    (
        " Join it with use(use_existing=True), wait for its end, or terminate it: over WebSocket, "
        "get_task_token(project_id, source) gives its token.",
        "",
    ),
    ("; rename it, or pass (path, {'name': …})", "; rename it"),
    (
        "the pipeline file '-' is not there",
        f"- is no file here: {_INSTEAD_OF_HYPHEN}",
    ),
    ("name the component with source=", "name the component with --source"),
    ("no WebSocket there; leave out ttl, name", "no WebSocket there; leave out --ttl and --name"),
    ("no WebSocket there; leave out ttl", "no WebSocket there; leave out --ttl"),
    ("no WebSocket there; leave out name", "no WebSocket there; leave out --name"),
    ("max_status_bytes (", "the limit ("),
    ("max_response_bytes (", "the limit ("),
    ("; pass the token that use() returned", ""),
    (
        "; over WebSocket, get_task_token(project_id, source) gives the token of the latest run, and the "
        "start_time of its status tells whether it is this one",
        "; list shows whether it runs",
    ),
    (
        "; the task's completed_count and failed_count tell whether it took the object",
        "; the counts of the task's status tell whether it took the file",
    ),
)
_KEY_OF_A_PIPELINE = re.compile(r"is sent along only if you give it yourself, with env=\{.*")
# What an argument of a method is called on the command line, at the beginning of a message.
_ARGUMENTS = {
    "connect_timeout": "--connect-timeout",
    "interval": "--interval",
    "name": "--name",
    "project_id": "--project",
    "source": "--source",
    "team_id": "--team",
    "threads": "--threads",
    "timeout": "--timeout",
    "token": "TOKEN",
    "ttl": "--ttl",
    "uri": "--uri",
    "verify": "--ca-file",
}
_ARGUMENT = re.compile(rf"(tokens)\[\d+\]|\b({'|'.join(_ARGUMENTS)})(?= must | is |: |=)")
_FILE = re.compile(r"^files\[\d+\]: ")  # what follows names the file
_OPERATIONS = {
    "auth": "authentication",
    "chat": "asking the question",
    "get_server_info": "reading the server's version",
    "get_service": "reading the service",
    "get_services": "listing the services",
    "get_task_pipeline": "reading the pipeline",
    "get_task_runs": "listing the runs",
    "get_task_status": "reading the status",
    "get_task_token": "looking for the token",
    "get_tasks": "listing the tasks",
    "monitor": "listening for the end",
    "ping": "the sign of life",
    "read_run_log": "reading the run log",
    "restart": "restarting the task",
    "pipe": "sending the data",
    "send": "sending the data",
    "send_files": "sending the file",
    "terminate": "ending the task",
    "use": "starting the pipeline",
    "validate": "validating the pipeline",
}
# With the arguments that a transport cannot carry, as in "use with name, env: the server does not offer this".
_OPERATION = re.compile(
    rf"(?:(?<=^)|(?<=: )|(?<=; ))({'|'.join(_OPERATIONS)})(?: with ([\w, ]+))?(?= failed:|: | takes WebSocket)"
)


def in_command_line_words(message: str) -> str:
    """`message`, a text of the library, as the command line says it."""
    for phrase, ours in _PHRASES:
        message = message.replace(phrase, ours)
    message = _KEY_OF_A_PIPELINE.sub("is never sent along by the command line", message)
    message = _FILE.sub("", message)
    argument = _ARGUMENT.match(message)
    if argument is not None:
        message = (_ARGUMENTS[argument[2]] if argument[2] else "a TOKEN") + message[argument.end() :]
    return _OPERATION.sub(_operation, message)


def about_task(message: str, token: str) -> str:
    """As `in_command_line_words`, of a message about a task that has been named already: without its token at the beginning."""
    task = f"task {shorten(token)}"
    for start, instead in ((f"{task}: ", ""), (f"{task} ", "it ")):
        if message.startswith(start):
            return in_command_line_words(instead + message[len(start) :])
    return in_command_line_words(message)


def without_token_advice(message: str) -> str:
    """`message` without what to do about a token that the server does not know: for each but the first of many."""
    return message.replace(f"; {FORGOTTEN}", "").replace(f"; {NOTHING_TO_END}", "")


def _operation(found: re.Match[str]) -> str:
    what = _OPERATIONS[found[1]]
    if not found[2]:
        return what
    return f"{what} with {', '.join(_ARGUMENTS.get(name, name) for name in found[2].split(', '))}"
