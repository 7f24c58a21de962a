"""The client: the methods that users call, composed of the parts below it."""

from __future__ import annotations

import time
import warnings
from types import TracebackType
from typing import Any, Callable, Iterator, Mapping, Optional, Type, Union

from .config import DEFAULT_MAX_RESPONSE_BYTES, Cert, Settings, Verify, resolve
from .deadline import Deadline
from .errors import ConfigurationError, OverloadedError, RocketRideWarning, TaskNotFoundError
from .models import TaskStatus
from .options import OMITTED, Omitted, RetryPolicy, Timeout, optional_seconds, seconds
from .protocol import operations
from .protocol.operations import Operation
from .transports import Transport, create
from .waiting import RETENTION, Wait, check_same_run, vanished

DEFAULT_RETRY = RetryPolicy()

OnProgress = Callable[[TaskStatus], object]


class RocketRideClient:
    """A blocking client of one RocketRide server. Making one does no I/O.

    It may be shared by threads, and used again after `fork` and after `close`.

    Args:
        uri: ``host[:port]`` or an ``http(s)://`` or ``ws(s)://`` address, with or without a base path. Default:
            ``ROCKETRIDE_URI``, else ``https://api.rocketride.ai``.
        auth: the API key (or a task token used as credential). Default: ``ROCKETRIDE_APIKEY``.
        transport: ``"auto"`` (WebSocket, and HTTP where that is refused), ``"websocket"``, ``"http"``, or an
            object with the interface of `rocketride_sync.transports.Transport`.
        timeout: seconds for one call, everything included; None is unlimited.
        connect_timeout: seconds of it for connecting; None leaves it to `timeout`.
        retry: what to do about transient faults.
        verify: True, False (no check of the server's certificate), or a path to CA certificates.
        cert: a client certificate: a path, or the paths (certificate, key).
        proxies: as in requests: ``{"https": "http://proxy:3128"}``. Default: the environment.
        max_response_bytes: a larger answer is a `ProtocolError`. Default 250 MiB, the largest legal one.

    Raises:
        ConfigurationError: if an argument, or the environment variable used in its place, is unusable.

    Warns:
        RocketRideWarning: the key would travel unencrypted to another machine, or `verify` is False.
    """

    def __init__(
        self,
        uri: Optional[str] = None,
        auth: Optional[str] = None,
        *,
        transport: Union[str, Transport] = "auto",
        timeout: Optional[float] = 30.0,
        connect_timeout: Optional[float] = 10.0,
        retry: RetryPolicy = DEFAULT_RETRY,
        verify: Verify = True,
        cert: Cert = None,
        proxies: Optional[Mapping[str, str]] = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
    ) -> None:
        address, credential = resolve(uri, auth)
        self._settings = Settings(
            address=address,
            auth=credential,
            timeout=timeout,
            connect_timeout=connect_timeout,
            retry=retry,
            verify=verify,
            cert=cert,
            proxies=proxies,
            max_response_bytes=max_response_bytes,
        )
        self._transport = create(transport, self._settings)
        if isinstance(transport, str):
            for risk in self._settings.risks():
                warnings.warn(risk, RocketRideWarning, stacklevel=2)

    def get_task_status(
        self, token: str, *, previous: Optional[TaskStatus] = None, timeout: Timeout = OMITTED
    ) -> TaskStatus:
        """Read the status of a task once.

        Args:
            token: the task's token, as `use()` or ``POST /task`` returned it.
            previous: an earlier status of the same token, kept by the caller: with it, a run that the server
                forgot or replaced in the meantime is told from one that never was.
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Raises:
            TaskNotFoundError: the server does not know the task.
            TaskVanishedError, TaskReplacedError: it was `previous`, and is gone or another run now.
            RocketRideError: and the other errors of `rocketride_sync.errors`.
        """
        operation = _status_of(token)
        _check_previous(previous)
        try:
            document = self._call(operation, timeout)
        except TaskNotFoundError:
            if previous is None:
                raise
        else:
            status = TaskStatus.from_dict(document)
            check_same_run(token, previous, status)
            return status
        raise vanished(token, previous)

    def wait_until_complete(
        self,
        token: str,
        timeout: Optional[float] = None,
        interval: float = 2.0,
        on_progress: Optional[OnProgress] = None,
        *,
        previous: Optional[TaskStatus] = None,
        check: bool = False,
    ) -> TaskStatus:
        """Block until a task has truly ended, and return its terminal status.

        Terminal means `completed` **and** state COMPLETED or CANCELLED: ``completed`` alone turns true while
        the task is still stopping. Transient faults do not end the wait, see `RetryPolicy`.

        Args:
            token: the task's token.
            timeout: seconds for the whole wait, counted while the machine is awake; None, the default, is
                unlimited; 0 looks once. The last look begins two round trips before the deadline, and the error
                may come that much early.
            interval: seconds between looks. Default 2.0.
            on_progress: called with the first, every further and, once, the terminal status. What it raises
                ends the wait and comes out unchanged. Time spent in it counts.
            previous: an earlier status of the same token; see `get_task_status`.
            check: raise if the task did not succeed, instead of leaving that to the caller.

        Raises:
            WaitTimeoutError: it has not ended; the task runs on.
            TaskNotFoundError: the server never knew the task, as far as we saw.
            TaskVanishedError, TaskReplacedError: its end was missed.
            TaskFailedError, TaskCancelledError: with `check` only.
            RocketRideError: and the other errors of `rocketride_sync.errors`.
        """
        for status in self._observe(token, previous, timeout, interval):
            if on_progress is not None:
                on_progress(status)
        if check:
            status.raise_for_outcome()
        return status

    def iter_task_status(
        self,
        token: str,
        *,
        previous: Optional[TaskStatus] = None,
        timeout: Optional[float] = None,
        interval: float = 2.0,
    ) -> Iterator[TaskStatus]:
        """What `wait_until_complete` sees, as an iterator: it ends after the terminal status.

        Leaving the loop stops the watching. Arguments and errors are those of `wait_until_complete`.
        """
        return self._observe(token, previous, timeout, interval)

    def _observe(
        self, token: str, previous: Optional[TaskStatus], timeout: Optional[float], interval: float
    ) -> Iterator[TaskStatus]:
        """Check the arguments now, at the call: a generator would do so only when first asked."""
        operation = _status_of(token)
        _check_previous(previous)
        timeout = optional_seconds("timeout", timeout, zero=True)
        interval = seconds("interval", interval)
        if interval > RETENTION:
            warnings.warn(
                f"interval={interval:g}: a server forgets a finished task after {RETENTION:.0f} s, "
                "so its end may be missed; look more often",
                RocketRideWarning,
                stacklevel=3,
            )
        return self._watch(operation, token, previous, timeout, interval)

    def _watch(
        self,
        operation: Operation,
        token: str,
        previous: Optional[TaskStatus],
        timeout: Optional[float],
        interval: float,
    ) -> Iterator[TaskStatus]:
        watch = self._transport.watch(operation)
        wait = Wait(
            lambda deadline: TaskStatus.from_dict(watch.call(operation, deadline)),
            watch.pause,
            token=token,
            timeout=timeout,
            interval=interval,
            call_timeout=self._settings.timeout,
            retry=self._settings.retry,
            previous=previous,
        )
        try:
            yield from wait.statuses()
        finally:
            watch.close()

    def _call(self, operation: Operation, timeout: Timeout) -> Any:
        """Ask once; again only after an overload answer, which says that the server did not even listen."""
        if isinstance(timeout, Omitted):
            limit = self._settings.timeout
        else:
            limit = optional_seconds("timeout", timeout)
        deadline = Deadline(limit)
        retry = self._settings.retry
        patience = deadline.within(retry.max_outage)
        attempt = 0
        while True:
            try:
                return self._transport.call(operation, deadline)
            except OverloadedError as error:
                pause = retry.delay(attempt, error.retry_after)
                if pause >= patience.remaining():
                    raise
            time.sleep(pause)
            attempt += 1

    def close(self) -> None:
        """Close every connection. May be called twice; a later call opens new ones."""
        self._transport.close()

    def __enter__(self) -> RocketRideClient:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.address}>"


def _status_of(token: str) -> Operation:
    if not isinstance(token, str):
        raise ConfigurationError(f"token must be a string, not {type(token).__name__}")
    if not token.strip():
        raise ConfigurationError("token is empty; pass the token that use() returned")
    return operations.get_task_status(token)


def _check_previous(previous: Any) -> None:
    if previous is not None and not isinstance(previous, TaskStatus):
        raise ConfigurationError(f"previous must be a TaskStatus, not {type(previous).__name__}")
