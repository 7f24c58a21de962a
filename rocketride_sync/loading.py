"""Loading modules when they are first needed: before a call sends its first byte, and never while the process forks."""

from __future__ import annotations

import sys
from typing import Callable, TypeVar

from .deadline import Deadline
from .errors import TransientError, TransportError
from .handler_exceptions import pass_on
from .import_lock import import_lock
from .options import RetryPolicy
from .redact import reason_of

__all__ = ["load", "load_with_retries"]

T = TypeVar("T")


def load(imports: Callable[[], T]) -> T:
    """What `imports`, a function of import statements, returns.

    Raises:
        TransportError: a module could not be read: no file descriptor is left, or the installation is being replaced.
    """
    try:
        with import_lock:
            return imports()
    except OSError as error:
        pass_on(error)
        reason = reason_of(error)
    except ImportError as error:
        pass_on(error, foreign_code=True)
        reason = (
            "Python is shutting down"
            if sys.meta_path is None
            else f"{error.name or 'one'} is not there, or not as it was; was the installation replaced?"
        )
    raise TransportError(f"a module that this needs could not be loaded: {reason}")


def load_with_retries(step: Callable[[], T], deadline: Deadline, retry: RetryPolicy) -> T:
    """What `step` returns, which loads modules that a wait needs. If that fails, it is tried again, as a failed poll is.

    Raises:
        TransientError: that of the last try, at `deadline`, or when all have failed for `RetryPolicy.max_outage` seconds.
    """
    until = deadline.within(retry.max_outage)
    attempt = 0
    while True:
        try:
            return step()
        except TransientError as error:
            pass_on(error)
            if until.expired or error._is_of_auth:
                raise
        until.sleep(retry.delay(attempt))
        attempt += 1
