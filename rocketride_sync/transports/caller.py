"""Calls to the server, repeated only while the server reports an overload, and once with another key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from ..deadline import Deadline
from ..errors import AuthenticationError, OverloadedError, RocketRideError, TransportTimeoutError
from ..logs import log
from ..options import RetryPolicy
from ..protocol.failures import is_want_of_time
from ..protocol.operations import Operation
from .base import Transport

if TYPE_CHECKING:
    from ..config import Settings

T = TypeVar("T")

_SHORTEST_TRY = 0.05  # seconds; with less left, another try would not be answered


def with_key(settings: Settings, step: Callable[[str], T]) -> T:
    """The result of `step` with the key of `settings`, or with another one if there is one when the server refuses that."""
    key = settings.key
    try:
        return step(key)
    except AuthenticationError as error:
        refused = error
    if not settings.renew_key(key):
        raise refused
    log.info("the key was refused; trying again with another one")
    return step(settings.key)


class Caller:
    """Makes calls over a transport. A call is repeated only after an overload answer: then the server has done nothing.

    Args:
        transport: what carries the calls.
        retry: for how long to repeat a call, and the pauses in between.
    """

    def __init__(self, transport: Transport, retry: RetryPolicy) -> None:
        self.transport = transport
        self._retry = retry

    def is_limited_by(self, deadline: Deadline) -> bool:
        """Whether `retry_overload` would be given up for want of time, rather than because an overload lasts too long."""
        return self._retry.max_outage is None or deadline.remaining() < self._retry.max_outage

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """The document of the answer to `operation`.

        Raises:
            RocketRideError: if the operation is not repeatable and may have been carried out, the message says so.
        """
        return self.attempt(operation, lambda: self.transport.call(operation, deadline), deadline)

    def attempt(self, operation: Operation, step: Callable[[], T], deadline: Deadline) -> T:
        """The result of `step`, which is a part of `operation`. Repeats and raises as `call`."""
        try:
            return self.retry_overload(step, deadline)
        except RocketRideError as error:
            fault = with_unknown_outcome(operation, error)
        raise fault

    def retry_overload(self, step: Callable[[], T], deadline: Deadline) -> T:
        """The result of `step`, which is repeated while the server is overloaded.

        Raises:
            RocketRideError: that of the last try; but an overload, if that had hardly any time and nothing was sent.
        """
        retry = self._retry
        outage: Optional[Deadline] = None
        seen: Optional[OverloadedError] = None
        attempt = 0
        while True:
            left = deadline.remaining()  # at the beginning of the try
            try:
                return step()
            except OverloadedError as error:
                outage = outage or deadline.within(retry.max_outage)
                pause = _pause(retry.delay(attempt, error.retry_after), error.retry_after, outage.remaining())
                if pause is None or error._is_of_auth:
                    raise
                log.info("%s; asking again in %.1f s", error, pause)
                seen = error
            except TransportTimeoutError as error:
                if seen is None or error.request_sent or not is_want_of_time(error, left):
                    raise
                break
            deadline.sleep(pause)
            attempt += 1
        raise seen


def _pause(backoff: float, retry_after: Optional[float], left: float) -> Optional[float]:
    """Seconds until the next try; None if there is no time for one.

    A backoff that is longer than what is left gives way: half of that. What the server asks for does not.
    """
    pause = backoff if backoff < left else max(left / 2, retry_after or 0.0)
    return pause if pause < left and left > _SHORTEST_TRY else None


def with_unknown_outcome(operation: Operation, error: RocketRideError) -> RocketRideError:
    """`error`; if `operation` is not repeatable and may have been carried out, a copy whose message says so."""
    if operation.repeatable or not error.request_sent:
        return error
    rebuild, parts = error.__reduce__()  # as `copy.copy`, without loading that
    unknown: RocketRideError = rebuild(*parts)
    unknown.args = (f"{error}; whether the server carried it out is unknown{operation.recovery}",)
    return unknown
