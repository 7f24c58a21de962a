"""The client's methods for many tasks: waits, modelled on `concurrent.futures`, and lists of tasks and of runs."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Generator,
    Iterable,
    Iterator,
    List,
    Literal,
    Optional,
    Protocol,
    Sequence,
    Type,
    Union,
)

from .. import arguments
from ..deadline import Clock, Deadline
from ..errors import ConfigurationError, ProtocolError, TransientError
from ..handler_exceptions import pass_on
from ..loading import load, load_with_retries
from ..options import CLIENT_TIMEOUT, Seconds, optional_seconds
from ..protocol import operations
from .base_client import BaseClient

if TYPE_CHECKING:
    from ..models import TaskInfo, TaskRun
    from ..transports.poller import Poll, Poller
    from ..waiting.many_tasks import ManyTasksWait, OnProgress
    from ..waiting.task_result import TaskResult
    from ..waiting.wait_rules import Wait

    ReturnWhen = Literal["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]

    class _Strings(Protocol):
        """Strings, but not a string: that, too, is an `Iterable[str]`, but its `in` takes no other objects."""

        def __contains__(self, item: object, /) -> bool: ...

        def __iter__(self) -> Iterator[str]: ...

    Tokens = Union[_Strings, Iterator[str]]

_ENOUGH: Dict[str, Callable[[TaskResult], bool]] = {
    "FIRST_COMPLETED": lambda result: True,  # noqa: ARG005
    "FIRST_EXCEPTION": lambda result: result.error is not None,
    "ALL_COMPLETED": lambda result: False,  # noqa: ARG005
}


class ManyTasksMethods(BaseClient):
    """The methods of `RocketRideClient` that wait for many tasks, and list tasks and runs."""

    def wait_all(
        self,
        tokens: Tokens,
        timeout: Optional[Seconds] = None,
        interval: Seconds = 2.0,
        on_progress: Optional[OnProgress] = None,
        *,
        return_when: ReturnWhen = "ALL_COMPLETED",
    ) -> List[TaskResult]:
        """Block until many tasks have ended, and return a result for each. A result is the terminal status, or the
        error that ended the wait for this task. An error of one task does not end the wait for the others.

        Over WebSocket, all tasks are polled over one connection. For a few hundred tasks, the server also sends an
        event when one of them ends. Over HTTP, at most four tasks are polled at a time, in threads that end before
        this returns.

        Args:
            tokens: the tasks' tokens. A token that occurs several times is watched once, and has the same result each
                time. An empty collection is allowed, and causes no poll.
            timeout: seconds for the whole wait, for all tasks together; None, the default, is unlimited; 0 polls each
                task once. The last polls are made one after the other before the timeout, within its last quarter if
                there are very many tasks.
            interval: seconds between polls of the same task. Default 2.0.
            on_progress: called in your thread with the token and the status, at every poll of every task, the first
                and the terminal one included; after `timeout`, with terminal ones only. An exception in it
                ends the whole wait, and is raised unchanged.
            return_when: as in `concurrent.futures.wait`, one of its constants: ``ALL_COMPLETED``, the default;
                ``FIRST_COMPLETED``, when there is a result for the first task; ``FIRST_EXCEPTION``, when the first of
                them has an `error` (that a task failed is a status, not an error). Tasks that are not known to have
                ended by then have results that are not `done`.

        Returns:
            A `TaskResult` for each token, in their order. Its error is a `WaitTimeoutError` after `timeout`, else one
            that `wait_until_complete` raises.

        Raises:
            AuthenticationError, CertificateError, ConfigurationError: they affect all tasks alike. But that the credential
                is the token of another task is the result of each other task.
        """
        if not isinstance(return_when, str) or return_when not in _ENOUGH:
            raise ConfigurationError(f"return_when must be one of {', '.join(_ENOUGH)}, not {return_when!r}")
        known = _token_list(tokens)
        many = self._many_tasks_wait(known, timeout, interval, on_progress)
        stopped = _exhaust(many.results(_ENOUGH[return_when]))
        if stopped is not None:
            raise stopped
        found = many.so_far()
        return [found[token] for token in known]

    def as_completed(
        self,
        tokens: Tokens,
        timeout: Optional[Seconds] = None,
        interval: Seconds = 2.0,
        on_progress: Optional[OnProgress] = None,
    ) -> Generator[TaskResult, None, None]:
        """An iterator of the results of `wait_all`, each as soon as it is known. A repeated token has one result.

        Leaving the loop, or closing the iterator, ends the polling. `timeout` counts from the call, and includes the
        time of the loop's body. While the body runs, no poll begins, except those that wait for a thread over HTTP.
        Arguments and errors are those of `wait_all`, with one exception: a `StopIteration` of `on_progress` arrives
        as the ``__cause__`` of a `RuntimeError`, because a loop would take it for its end (PEP 479).
        """
        return self._many_tasks_wait(_token_list(tokens), timeout, interval, on_progress).results()

    def get_tasks(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> List[TaskInfo]:
        """The running tasks of the account, a `TaskInfo` for each. WebSocket only.

        Args:
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Raises:
            ProtocolError: the answer holds no list of tasks.
        """
        TaskInfo = load(_task_info)  # noqa: N806
        body = self._call(operations.get_tasks(), timeout)
        tasks = body.get("tasks") if isinstance(body, dict) else None
        if not isinstance(tasks, list):
            raise ProtocolError("get_tasks: the answer holds no list of tasks")
        return [TaskInfo.from_dict(task) for task in tasks]

    def get_task_runs(
        self,
        project_id: str,
        source: str,
        *,
        team_id: Optional[str] = None,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> List[TaskRun]:
        """The runs of a project's source in the server's run log, the oldest first. Forgotten runs and the running
        one are included. Newer servers only, over WebSocket. A server keeps runs for 7 days (30 for deployments), and
        may lack some.

        Args:
            project_id: the project's identifier.
            source: the component the pipeline starts at.
            team_id: the team whose deployed runs you want; None means your own runs.
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Raises:
            PermissionDeniedError: the credential lacks the permission ``task.monitor``.
            ServerError: an older server has no run log.
        """
        load(_reading_runs)
        from ..protocol import run_log_operations
        from ..waiting.run_list import runs_of

        operation = run_log_operations.get_task_runs(
            arguments.text("project_id", project_id),
            arguments.text("source", source),
            arguments.optional_text("team_id", team_id),
        )
        return runs_of(self._call(operation, timeout))

    def _many_tasks_wait(
        self,
        tokens: List[str],
        timeout: Optional[Seconds],
        interval: Seconds,
        on_progress: Optional[OnProgress],
    ) -> ManyTasksWait:
        arguments.function("on_progress", on_progress)
        limit = optional_seconds("timeout", timeout, zero=True)
        deadline = Deadline(limit)
        load_with_retries(lambda: load(_waiting), deadline, self._settings.retry)
        from ..waiting.many_tasks import ManyTasksWait  # seldom needed
        from ..waiting.retention import check_interval

        every = check_interval(interval)

        def make_wait(token: str, phase: float, own_time: Clock) -> Wait:
            # Of thousands, the last is made some time after the first, and has that much less.
            left = limit and deadline.for_call()
            return self._wait_for(token, left, every, phase=phase, own_time=own_time)

        return ManyTasksWait(
            list(dict.fromkeys(tokens)),
            every,
            make_wait,
            lambda polls: self._make_poller(polls, deadline),
            on_progress,
            decode=self._status_of,
        )

    def _make_poller(self, polls: Sequence[Poll], deadline: Deadline) -> Poller:
        load(_waiting)
        from ..transports.sequential_poller import SequentialPoller, poller_for

        try:
            return load_with_retries(
                lambda: poller_for(self._transport, polls), deadline, self._settings.retry
            )
        except TransientError as error:
            pass_on(error)
            if not deadline.expired:
                raise
        return SequentialPoller(self._transport)  # its polls will tell why


def _waiting() -> None:
    """Import what a wait for many may need, all of it before its first poll."""
    from ..transports import sequential_poller  # noqa: F401
    from ..waiting import many_tasks, retention, wait_rules  # noqa: F401


def _reading_runs() -> None:
    """Import what listing the runs of the run log needs."""
    from ..protocol import run_log_operations  # noqa: F401
    from ..waiting import run_list  # noqa: F401


def _task_info() -> Type[TaskInfo]:
    from ..models import TaskInfo

    return TaskInfo


def _exhaust(results: Iterable[TaskResult]) -> Optional[StopIteration]:
    """Wait for all results, which are read by token later. The StopIteration of a callback, if it raised one."""
    try:
        for _ in results:
            pass
    except RuntimeError as error:
        # A generator cannot let a StopIteration out, and raises this in its place.
        if not isinstance(error.__cause__, StopIteration):
            raise
        return error.__cause__
    return None


def _token_list(tokens: Any) -> List[str]:
    """The tokens as a new list.

    Raises:
        ConfigurationError: `tokens` is something else, such as a single token.
    """
    if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Iterable):
        raise ConfigurationError(f"tokens must be a list of tokens, not {type(tokens).__name__}")
    return [arguments.task_token(token, f"tokens[{index}]") for index, token in enumerate(tokens)]
