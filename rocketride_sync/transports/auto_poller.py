"""The poller of `transport="auto"`: many tasks over WebSocket, and over HTTP while the upgrade is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Set, Tuple

from ..deadline import Deadline, system_time
from ..errors import RocketRideError, TransportError
from ..handler_exceptions import pass_on
from .fallback import Fallback, cause_of
from .websocket.upgrade import UPGRADE_REFUSED

if TYPE_CHECKING:
    from .end_told import EndTold
    from .poller import Poll, Poller, PollResult
    from .websocket.websocket_poller import WebSocketPoller

_HTTP_TURN = 0.05
_WEBSOCKET_TURN = 0.0001  # to read what is there; not 0: an expired deadline would read nothing


class AutoPoller:
    """Polls over WebSocket, and over HTTP while the upgrade is refused. Then it reads results from both in turn.

    After a refusal the upgrade is tried again when the WebSocket poller is ready to (`WebSocketPoller.ready`), unless
    `Fallback` says that there is no WebSocket. What HTTP cannot carry, such as a request to the run log, waits for that
    attempt in its place, and a refusal is its result: it may pass.

    Args:
        fallback: whether WebSocket is tried.
        websocket: the preferred poller.
        http: the other one.
        load_http: loads what `http` needs, if that is not done yet. Raises TransportError.
    """

    def __init__(
        self, fallback: Fallback, websocket: WebSocketPoller, http: Poller, load_http: Callable[[], None]
    ) -> None:
        self._fallback = fallback
        self._websocket = websocket
        self._http = http
        self._load_http = load_http
        self._over_http: Set[Poll] = set()
        self._upgrade_refused = False  # at the latest attempt
        # Of the latest attempt, until HTTP has succeeded in its place. Several polls may be refused by one attempt.
        self._refusal = fallback.just_told
        self._websocket_read_at = -math.inf

    @property
    def has_results(self) -> bool:
        return self._websocket.has_results or self._http.has_results

    def submit(self, poll: Poll) -> None:
        websocket = self._websocket
        if poll.operation.over_http:
            refused = not self._fallback.tries_websocket or (self._upgrade_refused and not websocket.ready)
        else:
            refused = self._fallback.active
        if websocket.is_open or not refused:
            websocket.submit(poll)
        else:
            self._submit_over_http(poll)

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        if self._is_websocket_turn():
            result = self._websocket.next(Deadline(_WEBSOCKET_TURN) if self._over_http else deadline)
            self._websocket_read_at = system_time.monotonic()
            if result is not None:
                return self._take_websocket_result(*result)
        if not self._over_http:
            return None
        alone = self._fallback.active and not self._websocket.is_open
        result = self._http.next(deadline if alone else deadline.within(_HTTP_TURN))
        return None if result is None else self._take_http_result(*result)

    def _is_websocket_turn(self) -> bool:
        """Whether to read from WebSocket now: not for each result over HTTP, of which many would come late then."""
        if not self._over_http or self._websocket.has_results:
            return True
        return system_time.monotonic() - self._websocket_read_at >= _HTTP_TURN

    def _take_websocket_result(self, poll: Poll, answer: Any) -> Optional[PollResult]:
        """The result to hand out; None if the upgrade was refused and the poll now goes over HTTP."""
        if isinstance(answer, UPGRADE_REFUSED):
            self._upgrade_refused = True
            self._refusal = answer
            if poll.operation.over_http:
                self._submit_over_http(poll)
                return None
        if isinstance(answer, dict):  # a status: neither an error nor a wake-up
            self._upgrade_refused = False
            self._refusal = None
            self._fallback.reset()
        return poll, answer

    def _take_http_result(self, poll: Poll, answer: Any) -> PollResult:
        """The result to hand out."""
        self._over_http.discard(poll)
        if isinstance(answer, RocketRideError):
            return poll, cause_of(answer, self._refusal)
        self._fallback.http_succeeded(self._refusal)
        self._refusal = None
        self._websocket.shown_elsewhere(poll, answer)
        return poll, answer

    def _submit_over_http(self, poll: Poll) -> None:
        self._over_http.add(poll)
        # Here, for a thread must not load anything (`HttpTransport.uploads`). If it cannot be loaded, the poll will tell.
        try:
            self._load_http()
        except TransportError as error:
            pass_on(error)
        self._http.submit(poll)

    def take_queued(self) -> Tuple[List[Any], Optional[RocketRideError]]:
        queued, fault = self._websocket.take_queued()
        over_http, http_fault = self._http.take_queued()
        self._over_http.difference_update(over_http)
        return [*queued, *over_http], fault or http_fault

    def remove(self, poll: Poll) -> None:
        self._websocket.remove(poll)

    def end_told(self, poll: Poll) -> EndTold:
        return self._websocket.end_told(poll)

    def close(self) -> None:
        self._websocket.close()
        self._http.close()
