"""The base of all parts of `RocketRideClient`: its settings, its transport, and a call with a timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..config import Settings
from ..deadline import Deadline
from ..options import Omitted, Timeout, optional_seconds
from ..protocol.operations import Operation
from ..transports import Transport
from ..transports.caller import Caller

if TYPE_CHECKING:
    from ..models import TaskStatus
    from ..waiting.wait_rules import Wait


class BaseClient:
    """The base of the classes that `RocketRideClient` is composed of."""

    _settings: Settings
    _transport: Transport
    _caller: Caller

    def _call(self, operation: Operation, timeout: Timeout) -> Any:
        return self._call_until(operation, Deadline(self._limit(timeout)))

    def _call_until(self, operation: Operation, deadline: Deadline) -> Any:
        """As `Caller.call`."""
        return self._caller.call(operation, deadline)

    def _wait_for(
        self,
        token: str,
        timeout: Optional[float],
        interval: float,
        *,
        previous: Optional[TaskStatus] = None,
        phase: float = 0.0,
    ) -> Wait:
        """The rules of a wait for the task, with this client's timeout of a call and its retry policy."""
        from ..waiting.wait_rules import Wait  # a process that reads one status does not wait

        return Wait(
            token,
            timeout=timeout,
            interval=interval,
            call_timeout=self._settings.timeout,
            retry=self._settings.retry,
            previous=previous,
            phase=phase,
        )

    def _limit(self, timeout: Timeout) -> Optional[float]:
        """The timeout of one call in seconds: `timeout`, or that of the client if it was omitted."""
        return (
            self._settings.timeout if isinstance(timeout, Omitted) else optional_seconds("timeout", timeout)
        )
