"""One call to the server, and the one reason to make it again."""

from __future__ import annotations

from typing import Any, Callable, Optional, TypeVar

from ..config import Settings
from ..deadline import Deadline
from ..errors import ConfigurationError, OverloadedError, RocketRideError
from ..logs import log
from ..options import Omitted, Timeout, optional_seconds
from ..protocol.operations import Operation
from ..transports import Transport

T = TypeVar("T")


class BaseClient:
    """What every part of `RocketRideClient` stands on."""

    _settings: Settings
    _transport: Transport

    def _call(self, operation: Operation, timeout: Timeout) -> Any:
        return self._call_within(operation, Deadline(self._limit(timeout)))

    def _call_within(self, operation: Operation, deadline: Deadline) -> Any:
        """Ask once; again only after an overload answer, which says that the server did not even listen.

        Raises:
            RocketRideError: if what must not be repeated may have arrived all the same, the message says so.
        """
        return self._carefully(operation, lambda: self._transport.call(operation, deadline), deadline)

    def _carefully(self, operation: Operation, step: Callable[[], T], deadline: Deadline) -> T:
        """What `step` of `operation` returns. As `_call_within`."""
        try:
            return self._patiently(step, deadline)
        except RocketRideError as error:
            fault = outcome_of(operation, error)
        raise fault

    def _patiently(self, step: Callable[[], T], deadline: Deadline) -> T:
        """What `step` returns; as long as the server is overloaded, it is taken again."""
        retry = self._settings.retry
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

    def _limit(self, timeout: Timeout) -> Optional[float]:
        """Seconds for one call: `timeout`, or the client's if that was omitted."""
        return (
            self._settings.timeout if isinstance(timeout, Omitted) else optional_seconds("timeout", timeout)
        )


def outcome_of(operation: Operation, error: RocketRideError) -> RocketRideError:
    """`error`; if what must not be repeated may have been carried out all the same, an error that says so."""
    if operation.repeatable or not error.request_sent:
        return error
    import copy  # seldom needed

    unknown = copy.copy(error)
    unknown.args = (f"{error}; whether the server carried it out is unknown{operation.recovery}",)
    return unknown


def check_token(token: Any, name: str = "token") -> str:
    """`token`, if it can be one; `name` is what messages call it.

    Raises:
        ConfigurationError: it is no string, blank, or shortened.
    """
    if not isinstance(token, str):
        hint = "; pass its .token" if hasattr(token, "token") else ""
        raise ConfigurationError(f"{name} must be a string, not {type(token).__name__}{hint}")
    if not token.strip():
        raise ConfigurationError(f"{name} is empty; pass the token that use() returned")
    if token.endswith("…"):
        raise ConfigurationError(f"{name} is a shortened one, as messages show it; pass the whole token")
    return token
