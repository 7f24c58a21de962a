"""After a lost connection: when the next may be made, and whether it may be subscribed to events. No I/O."""

from __future__ import annotations

import math
from typing import Optional

from ...deadline import Deadline, system_time
from ...errors import RocketRideError, TransientError, TransportTimeoutError
from ...options import RetryPolicy


class Reconnecting:
    """A lost connection may be replaced at once. After one that gave no answer, or could not be made, the next attempt is
    delayed, each time for longer.

    Args:
        retry: the delays.

    Attributes:
        fault: the transient fault for which there is no connection, or None.
    """

    def __init__(self, retry: RetryPolicy) -> None:
        self.fault: Optional[RocketRideError] = None
        self._latest: Optional[RocketRideError] = None
        self._retry = retry
        self._failures = 0
        self._not_before = -math.inf  # monotonic

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next attempt."""
        return system_time.monotonic() >= self._not_before

    @property
    def left(self) -> float:
        """Seconds until then."""
        return max(0.0, self._not_before - system_time.monotonic())

    @property
    def failed_before(self) -> bool:
        """Whether no answer has come since the latest failure: then an idle connection is not to be trusted."""
        return self._failures > 0

    def answered(self) -> None:
        """An answer has come."""
        self._failures = 0
        self.fault = None

    def lost(self, fault: RocketRideError, *, caused_by_poll: bool = False) -> None:
        """The connection is lost. `caused_by_poll`: one poll has broken it, and has failed; the others need not wait."""
        if caused_by_poll:
            self._note(fault)
        else:
            self._failed(fault, self._retry.delay(self._failures - 1) if self._failures else 0.0)

    def refused(self, fault: RocketRideError, until: Deadline) -> None:
        """No connection could be made. A long delay that the server asks for leaves time for a last poll before `until`."""
        delay = self._retry.delay(self._failures, getattr(fault, "retry_after", None))
        self._failed(fault, min(delay, max(until.remaining() / 2, self._retry.initial_delay)))

    def out_of_time(self) -> RocketRideError:
        """The failure of a poll whose time is up before there is a connection."""
        why = "" if self._latest is None else f": {self._latest}"
        return self.fault or TransportTimeoutError(f"no connection within the timeout{why}")

    def _note(self, fault: RocketRideError) -> None:
        self._latest = fault
        self.fault = fault if isinstance(fault, TransientError) else None

    def _failed(self, fault: RocketRideError, delay: float) -> None:
        self._note(fault)
        self._failures += 1
        self._not_before = system_time.monotonic() + delay


class Subscribing:
    """Whether a connection may be subscribed to events. That must not cost the polls: some gateways close a connection
    because of a subscription.

    A connection that is lost after a subscription was requested, and before a poll sent later was answered, may be lost
    because of it. After the first such loss, a connection is subscribed only when it has answered a poll; after the
    second, never.

    Attributes:
        requested: whether a subscription was requested over the present connection.
    """

    _requested_at: float  # monotonic

    def __init__(self) -> None:
        self._suspicious_losses = 0
        self.connected()

    def connected(self) -> None:
        """There is another connection."""
        self.requested = self._answered = self._answered_since = False

    @property
    def allowed(self) -> bool:
        """Whether a subscription may be requested now."""
        return self._suspicious_losses == 0 or (self._suspicious_losses == 1 and self._answered)

    def request(self) -> None:
        """A subscription is requested now."""
        if not self.requested:
            self.requested, self._requested_at = True, system_time.monotonic()

    def poll_answered(self, sent_at: float = math.inf) -> None:
        """A poll was answered. It was sent at `sent_at` (monotonic); by default after everything else."""
        self._answered = True
        self._answered_since |= self.requested and sent_at >= self._requested_at

    def lost(self) -> bool:
        """The connection is lost; whether that may be because of a subscription."""
        suspicious = self.requested and not self._answered_since
        self._suspicious_losses += suspicious
        return suspicious
