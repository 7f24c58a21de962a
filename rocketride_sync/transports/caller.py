"""One call to the server, and the one reason to make it again."""

from __future__ import annotations

from typing import Any, Callable, Optional, TypeVar

from ..deadline import Deadline
from ..errors import OverloadedError, RocketRideError
from ..logs import log
from ..options import RetryPolicy
from ..protocol.operations import Operation
from .base import Transport

T = TypeVar("T")


class Caller:
    """Makes calls over a transport; again only after an overload answer, which says that the server did not even listen.

    Args:
        transport: what carries the calls.
        retry: how long to try again, and after which pauses.
    """

    def __init__(self, transport: Transport, retry: RetryPolicy) -> None:
        self.transport = transport
        self._retry = retry

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """The document of the answer to `operation`.

        Raises:
            RocketRideError: if what must not be repeated may have arrived all the same, the message says so.
        """
        return self.attempt(operation, lambda: self.transport.call(operation, deadline), deadline)

    def attempt(self, operation: Operation, step: Callable[[], T], deadline: Deadline) -> T:
        """What `step`, a part of `operation`, returns. As `call`."""
        try:
            return self.retry_overload(step, deadline)
        except RocketRideError as error:
            fault = with_unknown_outcome(operation, error)
        raise fault

    def retry_overload(self, step: Callable[[], T], deadline: Deadline) -> T:
        """What `step` returns; it is taken again as long as the server is overloaded."""
        retry = self._retry
        patience: Optional[Deadline] = None
        attempt = 0
        while True:
            try:
                return step()
            except OverloadedError as error:
                patience = patience or deadline.within(retry.max_outage)
                pause = retry.delay(attempt, error.retry_after)
                if pause >= patience.remaining():
                    raise
                log.info("%s; asking again in %.1f s", error, pause)
            deadline.sleep(pause)
            attempt += 1


def with_unknown_outcome(operation: Operation, error: RocketRideError) -> RocketRideError:
    """`error`; if what must not be repeated may have been carried out all the same, an error that says so."""
    if operation.repeatable or not error.request_sent:
        return error
    import copy  # seldom needed

    unknown = copy.copy(error)
    unknown.args = (f"{error}; whether the server carried it out is unknown{operation.recovery}",)
    return unknown
