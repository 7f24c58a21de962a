"""How long HTTP takes the place of WebSocket where the upgrade is refused: the one place that decides this."""

from __future__ import annotations

import math
from typing import Any, Callable, Optional, TypeVar

from ..deadline import Clock, system_time
from ..errors import ProtocolError, RocketRideError
from ..handler_exceptions import pass_on
from ..logs import log
from ..protocol.failures import TunnelRefusedError
from .websocket.upgrade import NO_WEBSOCKET, UpgradeCutError

T = TypeVar("T")

_FIRST_PAUSE = 15.0
_LONGEST_PAUSE = 900.0
_SAME_MOMENT = 1.0  # upgrades of several threads that are cut within a second had one cause


class Fallback:
    """Whether WebSocket is worth a try. All calls and waits of a client share it.

    A refused upgrade counts once HTTP has succeeded in its place. Then WebSocket is not tried for a while, and longer
    each time that it is refused again. What an answer to an upgrade says differs:

    * An answer such as 404 says that there is no WebSocket. So does a proxy that opens no tunnel to the server.
    * A connection that is cut says so if it happens twice in a row: a server that restarts cuts one too.
    * No free slot, a redirect, or what is no answer at all says nothing about the next time.

    Args:
        clock: monotonic seconds; those of the system by default.
    """

    def __init__(self, clock: Optional[Clock] = None) -> None:
        self._clock = system_time.monotonic if clock is None else clock
        self.reset()

    def reset(self) -> None:
        """Forget all refusals: WebSocket works, or the client was closed."""
        self._until = -math.inf
        self._pause = _FIRST_PAUSE
        self._first_cut: Optional[float] = None
        self._told: Optional[RocketRideError] = None
        self._told_at = -math.inf

    @property
    def active(self) -> bool:
        """Whether HTTP is used without trying WebSocket."""
        return self._clock() < self._until

    @property
    def tries_websocket(self) -> bool:
        """Whether the upgrade is worth a try: it is not known to be refused, and was not refused a moment ago."""
        return not (self.active or self.just_told)

    def told(self, refusal: RocketRideError) -> None:
        """Whoever called was told of `refusal`, and may call again in a form that HTTP can carry."""
        self._told, self._told_at = refusal, self._clock()

    @property
    def just_told(self) -> Optional[RocketRideError]:
        """The refusal that a caller was told of a moment ago, so that the upgrade need not be tried again; else None."""
        return self._told if self._clock() - self._told_at < _SAME_MOMENT else None

    def in_place_of(self, refusal: Optional[RocketRideError], over_http: Callable[..., T], *args: Any) -> T:
        """What `over_http` returns, a step in place of one over WebSocket that was refused; None if that was not tried."""
        try:
            found = over_http(*args)
        except ProtocolError as error:
            pass_on(error)
            fault = cause_of(error, refusal)
        else:
            self.http_succeeded(refusal)
            return found
        raise fault

    def http_succeeded(self, refusal: Optional[RocketRideError]) -> None:
        """HTTP has succeeded where WebSocket was refused with `refusal`; None if WebSocket was not tried."""
        if refusal is None:
            return
        self._told = None
        pause = self._pause
        if not self._says_there_is_none(refusal):
            log.debug("%s; using HTTP this time", refusal)
        elif not self.active:
            # Read before the question and written after it: so threads that are here at once do not add up their pauses.
            self._until = self._clock() + pause
            self._pause = min(2 * pause, _LONGEST_PAUSE)
            log.info("%s; using HTTP from now on, WebSocket is tried again in %.0f s", refusal, pause)

    def _says_there_is_none(self, refusal: RocketRideError) -> bool:
        if isinstance(refusal, UpgradeCutError):
            now = self._clock()
            first = self._first_cut  # read once: another thread may reset it
            if first is None:
                first = self._first_cut = now
            return now - first >= _SAME_MOMENT
        return isinstance(refusal, NO_WEBSOCKET)


def cause_of(fault: RocketRideError, refusal: Optional[RocketRideError]) -> RocketRideError:
    """What to tell when HTTP has failed with `fault` in place of WebSocket, which was refused with `refusal`, if it was tried.

    A proxy that lets nothing pass answers like no server of RocketRide: its refusal of the tunnel says who it was.
    """
    if not (isinstance(fault, ProtocolError) and isinstance(refusal, TunnelRefusedError)):
        return fault
    cause = refusal._copied()
    cause.request_sent = fault.request_sent  # by HTTP
    return cause
