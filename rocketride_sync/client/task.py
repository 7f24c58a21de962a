"""The handle of a task that was started: its client, its token, and the run that it stands for."""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING, Any, Iterator, KeysView, NoReturn, Optional, Type

from ..deadline import Deadline
from ..errors import ConfigurationError, RocketRideError, TaskLostError, TaskNotFoundError
from ..handler_exceptions import is_fault, pass_on
from ..import_lock import import_lock
from ..logs import log
from ..models import TaskStatus
from ..models._task_start import TaskStart
from ..options import CLIENT_TIMEOUT, Seconds
from ..redact import shorten
from ..task_fate import (
    HAD_ENDED,
    MAY_RUN_ON,
    WAS_ENDED,
    TaskFate,
    task_fate_of,
    tell_task_fate,
)
from .task_methods import TaskMethods

if TYPE_CHECKING:
    from .client import RocketRideClient


class Task(TaskMethods):
    """A task that `RocketRideClient.use` has started.

    As a context manager, it terminates the run that it started when the block ends. It does not touch a run that was
    `joined`, or one that has replaced the started run. If a process that was forked within the block leaves the
    block, no run is touched.

    ``task["token"]`` and the other documented names of the answer to `use()` work too.

    Attributes:
        start: the server's answer to the start.
        joined: whether the run was active already, so another program may have started it. Older servers do not say
            so; then it is whether `use` was called with ``use_existing=True``.
        status: the first status after the start, which identifies the run; None if it could not be read.
        ended: whether the run is known to have ended, after `terminate` or at the end of the ``with`` block.
    """

    def __init__(
        self, client: RocketRideClient, start: TaskStart, *, joined: bool, status: Optional[TaskStatus]
    ) -> None:
        self._client = client
        self.start = start
        self.joined = joined
        self.status = status
        self.ended = False
        self._pid = os.getpid()

    def __getitem__(self, name: str) -> Any:
        return self.start[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.start)

    def __contains__(self, name: object) -> bool:
        return name in self.start

    def keys(self) -> KeysView[str]:
        """The documented names of the answer to the start, and those that a newer server added: for ``dict(task)``."""
        return self.start.keys()

    def get(self, name: str, default: Any = None) -> Any:
        """A member of the answer to the start by its documented name, as `dict.get`."""
        return self.start.get(name, default)

    def terminate(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> None:
        """As `RocketRideClient.terminate`: the run that has the token now. `end` leaves one alone that replaced this task's."""
        self._client.terminate(self.token, timeout=timeout)
        self.ended = True

    def end(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> None:
        """End the run that was started, as leaving a ``with`` block does. A run that is known to have replaced it is
        not ended.

        If the status cannot be read, the run is terminated all the same.

        Args:
            timeout: seconds for all of it; omitted, the client's; None is unlimited. Reading the status may take half.

        Raises:
            ConfigurationError: this process was forked from the one that has the handle. The task belongs to that one.
        """
        self._end(timeout)

    def _end(self, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> bool:
        """As `end`. Returns whether this client terminated the run: false for one that had ended, or was replaced."""
        if self._is_inherited:
            raise ConfigurationError(
                "the task was started by another process, from which this one was forked: end it there, "
                "or terminate it"
            )
        limit = self._client._limit(timeout)
        deadline = Deadline(limit)
        status: Optional[TaskStatus]
        try:
            status = self.get_status(timeout=None if limit is None else limit / 2)
        except (TaskLostError, TaskNotFoundError) as error:
            pass_on(error, of_auth=True)
            self.ended = True  # forgotten, or replaced by another run: our run has ended
            return False
        except RocketRideError as error:
            pass_on(error, of_auth=True)
            log.debug("task %s is terminated unseen: %s", shorten(self.token), error)
            status = self.status
        self.ended = status is not None and status.is_terminal
        by_client = self._client._end_unless_ended(self.token, status, deadline)
        self.ended = True
        return by_client

    @property
    def _is_inherited(self) -> bool:
        return self._pid != os.getpid()

    @property
    def _is_left_alone(self) -> bool:
        """Whether the end of the ``with`` block does not end the task."""
        return self.joined or self._is_inherited

    def __enter__(self) -> Task:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        # All is in the `try`, or Ctrl-C would leave the task behind.
        try:
            try:
                if not self._is_left_alone:
                    self._end_after(error)
            except BaseException as stop:
                if is_fault(stop):
                    raise
                # The first signal, whatever its handler raises, does not leave the task behind.
                if not self._is_left_alone and (error is None or isinstance(error, Exception)):
                    self._end_after(stop)
                raise
        except BaseException as stop:
            if not (is_fault(stop) or self._is_left_alone) and task_fate_of(stop) is None:
                tell_task_fate(stop, shorten(self.token), TaskFate(MAY_RUN_ON, False), "may run on")
            raise

    def _end_after(self, error: Optional[BaseException]) -> None:
        """End the run, after which `error` comes out of the block, if any: it then says what became of the run."""
        try:
            fate = TaskFate(WAS_ENDED, True) if self._end() else TaskFate(HAD_ENDED, False)
            words = "was ended" if fate.ended else "had ended"
        except RocketRideError as fault:
            pass_on(fault)
            if error is None:
                raise
            # The caller must see the exception of the block, not this one.
            log.warning("task %s could not be terminated, it may run on: %s", shorten(self.token), fault)
            fate = TaskFate(MAY_RUN_ON, False)
            words = f"could not be terminated and may run on: {fault}"
        if error is not None:
            tell_task_fate(error, shorten(self.token), fate, words)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Task holds a client, so it is not pickled or copied; "
            "pass its token on, and make a Task there with client.task(token)"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: the task as `status` saw it. The server is not asked."""
        with import_lock:
            from ..models import status_html  # few processes are notebooks

        joined = ", joined" if self.joined else ""
        name = f"Task {status_html.text(shorten(self.token))}{joined}"
        if self.status is None:
            return f"<b>{name}</b>, of which no status was read"
        secrets = (self.token, *self._client._settings.secrets)
        return status_html.card(f"{name}, when it was started", self.status, secrets)

    def __repr__(self) -> str:
        return f"<Task {shorten(self.token)}{' (joined)' if self.joined else ''}>"
