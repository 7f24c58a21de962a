"""The library's logger, ``rocketride_sync``. Its messages are shown only if the application sets up logging.

docs/logging.md lists the messages and their levels.
"""

from __future__ import annotations

import logging
import math
from logging import DEBUG
from typing import TYPE_CHECKING, Any, Callable, Dict, TypeVar

from .deadline import system_time
from .errors import RocketRideError
from .redact import printable, shorten

if TYPE_CHECKING:
    from .protocol.operations import Operation

__all__ = ["DEBUG", "as_note", "beginning", "log", "log_call", "timed"]

T = TypeVar("T")

log = logging.getLogger("rocketride_sync")
# Without a handler Python would print warnings on stderr.
log.addHandler(logging.NullHandler())


def beginning(fault: str, left: float) -> str:
    """How people are told that an outage begins. `left`: for how many seconds it is tried again."""
    return f"{fault}; trying again" if left == math.inf else f"{fault}; trying again for up to {left:.0f} s"


def as_note(text: str) -> Dict[str, str]:
    """What the log line of the first fault of an outage, or of its end, has as ``extra``: a line for people.

    The command line prints it where it does not print the other lines of a wait or a call.
    """
    return {"outage": text}


def timed(operation: Operation, transport: str, step: Callable[..., T], *args: Any) -> T:
    """The result of `step`, which carries `operation` out over the named transport; logs the duration and the outcome.

    Callers check first that the level DEBUG is enabled.
    """
    began = system_time.perf_counter()
    try:
        result = step(*args)
    except BaseException as error:
        log_call(operation, transport, system_time.perf_counter() - began, error)
        raise
    log_call(operation, transport, system_time.perf_counter() - began)
    return result


def log_call(operation: Operation, transport: str, seconds: float, outcome: object = None) -> None:
    """Log the duration of a call over the named transport. If `outcome` is an exception, the call failed."""
    if not isinstance(outcome, BaseException):
        log.debug("%s over %s took %.1f ms", _description(operation), transport, seconds * 1000)
        return
    # The text of other exceptions, such as Ctrl-C, is not under our control.
    reason = outcome if isinstance(outcome, RocketRideError) else type(outcome).__name__
    log.debug(
        "%s over %s failed after %.1f ms: %s", _description(operation), transport, seconds * 1000, reason
    )


def _description(operation: Operation) -> str:
    """An operation in a form without secrets: ``get_task_status tk_5f3a…``."""
    token = operation.arguments.get("token")
    name = printable(operation.name)
    return f"{name} {shorten(token)}" if isinstance(token, str) else name
