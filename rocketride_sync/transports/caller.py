"""Calls to the server, repeated only while the server reports an overload, and once with another key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from ..deadline import Deadline
from ..errors import (
    AuthenticationError,
    ConfigurationError,
    OverloadedError,
    RocketRideError,
    TransportTimeoutError,
)
from ..handler_exceptions import pass_on
from ..logs import as_note, beginning, log
from ..options import RetryPolicy
from ..protocol.failures import UnclearRefusalError, is_want_of_time
from ..protocol.operations import Operation
from ..redact import shorten
from .base import Transport

if TYPE_CHECKING:
    from ..config import Settings

T = TypeVar("T")

_MOMENT = 1.0  # seconds; who waits for longer is told why
_NOTE_AGAIN_AFTER = 10.0  # of many calls, not each tells it
_SHORTEST_TRY = 0.05  # seconds; with less left, another try would not be answered


def with_key(settings: Settings, step: Callable[[str], T]) -> T:
    """The result of `step` with the key of `settings`, or with another one if there is one when the server refuses that.

    Not after a refusal that may be a fault inside the server: of another key, which it has not accepted before, the same
    answer would be a refusal for good.
    """
    key = settings.key
    try:
        return step(key)
    except UnclearRefusalError:
        raise
    except AuthenticationError as error:
        pass_on(error)
        refused = error
    if not settings.renew_key(key):
        raise refused
    log.info("the key was refused; trying again with another one")
    return step(settings.key)


def refusal_of(operation: Operation, key: str) -> Optional[ConfigurationError]:
    """Why `operation` must not be sent with `key`: that is the token of another task. None if it may be.

    With a task's token as credential, the server ignores which task a request names: it would show, and end, the wrong one.
    """
    if not key.startswith("tk_"):
        return None
    token = operation.token
    if token is None or token == key:
        return None
    refusal = ConfigurationError(
        f"{operation.name} failed: the credential is the token of task {shorten(key)}, and opens that task only, not task "
        f"{shorten(token)}; nothing was sent. Use an API key, or the other task's token as credential too"
    )
    refusal._is_of_one_task = True
    return refusal


def check_task(operation: Operation, key: str) -> None:
    """Raise `refusal_of` if there is one."""
    refusal = refusal_of(operation, key)
    if refusal is not None:
        raise refusal


class Caller:
    """Makes calls over a transport. A call is repeated only after an overload answer: then the server has done nothing.

    Args:
        transport: what carries the calls.
        retry: for how long to repeat a call, and the pauses in between.
    """

    def __init__(self, transport: Transport, retry: RetryPolicy) -> None:
        self.transport = transport
        self._retry = retry
        self._silent: Optional[Deadline] = None  # for how long nothing more is noted

    def is_limited_by(self, deadline: Deadline) -> bool:
        """Whether `retry_overload` would be given up for want of time, rather than because an overload lasts too long."""
        return self._retry.max_outage is None or deadline.remaining() < self._retry.max_outage

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """The document of the answer to `operation`.

        Raises:
            RocketRideError: if the operation is not repeatable and may have been carried out, the message says so.
        """
        once = self.transport.call if operation.repeatable else self._call_once
        return self.attempt(operation, lambda: once(operation, deadline), deadline)

    def _call_once(self, operation: Operation, deadline: Deadline) -> Any:
        """One try, after which `operation` tells whether it may have been sent."""
        operation.sent = None
        try:
            return self.transport.call(operation, deadline)
        except OverloadedError as error:
            pass_on(error)
            operation.sent = False  # the server has done nothing
            raise

    def attempt(self, operation: Operation, step: Callable[[], T], deadline: Deadline) -> T:
        """The result of `step`, which is a part of `operation`. Repeats and raises as `call`."""
        try:
            return self.retry_overload(step, deadline)
        except RocketRideError as error:
            pass_on(error)
            fault = with_unknown_outcome(operation, error)
        raise fault

    def retry_overload(self, step: Callable[[], T], deadline: Deadline) -> T:
        """The result of `step`, which is repeated while the server is overloaded.

        Raises:
            RocketRideError: that of the last try; but an overload, if that had hardly any time and nothing was sent.
        """
        overload: Optional[_Overload] = None
        while True:
            left = deadline.remaining()  # at the beginning of the try
            try:
                result = step()
            except OverloadedError as error:
                pass_on(error)
                overload = overload or _Overload(self._retry, deadline)
                pause = overload.pause_after(error)
                if pause is None or error._is_of_auth:
                    raise
                self._log(overload, error, pause)
            except TransportTimeoutError as error:
                pass_on(error)
                if overload is None or error.request_sent or not is_want_of_time(error, left):
                    raise
                break
            else:
                if overload is not None and overload.noted:
                    log.info("the server answers again", extra=as_note("the server answers again"))
                return result
            deadline.sleep(pause)
        raise overload.latest

    def _log(self, overload: _Overload, error: OverloadedError, pause: float) -> None:
        """Log that the call is tried again, and note it for people once they have waited for a moment."""
        note = None
        if overload.lasts_with(pause) and (self._silent is None or self._silent.expired):
            self._silent = Deadline(_NOTE_AGAIN_AFTER)
            overload.noted = True
            note = as_note(beginning(str(error), overload.left))
        log.info("%s; asking again in %.1f s", error, pause, extra=note)


class _Overload:
    """The overload answers to one call.

    Attributes:
        latest: the latest of them.
        noted: whether people were told.
    """

    latest: OverloadedError

    def __init__(self, retry: RetryPolicy, deadline: Deadline) -> None:
        self.noted = False
        self._retry = retry
        self._ends = deadline.within(retry.max_outage)
        self._moment = Deadline(_MOMENT)
        self._attempt = 0

    def pause_after(self, error: OverloadedError) -> Optional[float]:
        """Seconds until the next try; None if there is no time for one."""
        self.latest = error
        delay = self._retry.delay(self._attempt, error.retry_after)
        self._attempt += 1
        return _pause(delay, error.retry_after, self.left)

    @property
    def left(self) -> float:
        """Seconds until it has lasted too long."""
        return self._ends.remaining()

    def lasts_with(self, pause: float) -> bool:
        """Whether it lasts for more than a moment, when that many seconds are added."""
        return not self.noted and pause >= self._moment.remaining()


def _pause(backoff: float, retry_after: Optional[float], left: float) -> Optional[float]:
    """Seconds until the next try; None if there is no time for one.

    A backoff that is longer than what is left gives way: half of that. What the server asks for does not.
    """
    pause = backoff if backoff < left else max(left / 2, retry_after or 0.0)
    return pause if pause < left and left > _SHORTEST_TRY else None


def with_unknown_outcome(operation: Operation, error: RocketRideError) -> RocketRideError:
    """`error`; if `operation` is not repeatable and may have been carried out, a copy whose message says so.

    What the caller's function for the key raised tells nothing of `operation`, even if it was made by this library.
    """
    if operation.repeatable or not error.request_sent or error._is_of_auth:
        return error
    unknown = error._copied()
    unknown._tell_fate(f"whether the server carried it out is unknown{operation.recovery}")
    return unknown
