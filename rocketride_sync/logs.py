"""The library's log: the logger ``rocketride_sync``, of which nothing is seen unless the application asks for it.

What is logged, and at which level: docs/logging.md.
"""

from __future__ import annotations

import logging
import time
from logging import DEBUG
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from .errors import RocketRideError
from .redact import printable, shorten

if TYPE_CHECKING:
    from .protocol.operations import Operation

__all__ = ["DEBUG", "log", "timed", "took"]

T = TypeVar("T")

log = logging.getLogger("rocketride_sync")
# Where nobody has set up logging, Python would print warnings on stderr.
log.addHandler(logging.NullHandler())


def timed(operation: Operation, way: str, step: Callable[..., T], *args: Any) -> T:
    """The result of `step`, which carries `operation` out over `way`; logs how long it took, and how it went.

    Worth calling only where DEBUG is on.
    """
    began = time.perf_counter()
    try:
        result = step(*args)
    except BaseException as error:
        took(operation, way, time.perf_counter() - began, error)
        raise
    took(operation, way, time.perf_counter() - began)
    return result


def took(operation: Operation, way: str, seconds: float, outcome: object = None) -> None:
    """Log a call over `way` that took so long; `outcome` is what came of it: if that is an exception, it failed."""
    if not isinstance(outcome, BaseException):
        log.debug("%s over %s took %.1f ms", _about(operation), way, seconds * 1000)
        return
    # Others, such as Ctrl-C, may say anything.
    reason = outcome if isinstance(outcome, RocketRideError) else type(outcome).__name__
    log.debug("%s over %s failed after %.1f ms: %s", _about(operation), way, seconds * 1000, reason)


def _about(operation: Operation) -> str:
    """An operation as it may be shown: ``get_task_status tk_5f3a…``."""
    token = operation.arguments.get("token")
    name = printable(operation.name)
    return f"{name} {shorten(token)}" if isinstance(token, str) else name
