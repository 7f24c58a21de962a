"""One run of a pipeline: its task is started, followed, and ended on every way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar, Union

from ..deadline import Deadline, system_time
from ..errors import (
    RocketRideError,
    TransientError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from ..handler_exceptions import is_fault, pass_on
from ..logs import log
from ..models import TaskStatus
from ..protocol import operations
from ..redact import shorten
from ..task_fate import (
    HAD_ENDED,
    MAY_RUN_ON,
    NOT_STARTED,
    WAS_ENDED,
    TaskFate,
    note_task_fate,
    task_fate_of,
)
from .lost_start import LostStart
from .pipeline_source import source_id
from .timed_upload import status_after

if TYPE_CHECKING:
    from .client import RocketRideClient
    from .task import Task

T = TypeVar("T")

ENDING_SECONDS = 10.0
"""For how long a task is tried to be ended, after the timeout of its run or an interrupt."""

_LONGEST_START = 600.0  # a server gives a slow start 5 minutes and more


class PipelineRun:
    """The run of a pipeline in one task. `RocketRideClient.run` and the command `run` both are one.

    Args:
        client: a client of the task's server.
        pipeline: the pipeline's document.
        deadline: of start and wait together; the end of the task may take `ENDING_SECONDS` more.
        options: the other arguments of `RocketRideClient.use`: `ttl`, which is checked already, and any others.
        advice: how a user ends a task that could not be found again.
        began: when `deadline` was made (monotonic); now, if it is not given.

    Attributes:
        task: the task, once it is started.
        state: what became of it, in words; empty while there is none.
        kept: whether it is to run on.
    """

    def __init__(
        self,
        client: RocketRideClient,
        pipeline: Mapping[str, Any],
        deadline: Deadline,
        options: Mapping[str, Any],
        *,
        advice: str = "",
        began: Optional[float] = None,
    ) -> None:
        self.task: Optional[Task] = None
        self.state = ""
        self.kept = False
        self._client = client
        self._pipeline = pipeline
        self._deadline = deadline
        self._options = options
        project = pipeline.get("project_id")
        self._lost_start = LostStart(project if isinstance(project, str) else "", source_id(pipeline), advice)
        self._requested = False
        self._finished = False  # whether all was done that can be done to end the task
        self._logged = False  # that the task may run on
        self._began = system_time.monotonic() if began is None else began

    def run(self, follow: Callable[[Task], T]) -> T:
        """Start the task, and return what `follow` makes of it. Then, and after any error, it is ended if not `kept`.

        Raises:
            WaitTimeoutError: the time was up before the task had started.
            BaseException: what `follow` raises.
        """
        try:
            return self._run(follow)
        except BaseException as error:
            note_task_fate(error, self.fate)
            raise

    def _run(self, follow: Callable[[Task], T]) -> T:
        failure: Optional[BaseException] = None
        try:
            try:
                result = follow(self._start())
            except Exception as error:
                failure = error
                self._finish(failure)
                raise
            self._finish(None)  # what came of the run is not lost because its task cannot be ended
        except BaseException as stop:
            # Ctrl-C or another signal: the first one that comes does not leave the task behind, whatever it breaks off.
            # Nested, because it may come in the `except` block, before the end begins.
            if not self._finished:
                self._finish(failure or stop)
            raise
        finally:
            del failure  # its traceback refers to this frame: a reference cycle
        return result

    def _finish(self, failure: Optional[BaseException]) -> None:
        """End the task if it is not `kept`; one whose start came to `failure` is looked for."""
        if self.task is None:
            assert failure is not None
            self._end_lost(failure)
        elif not self.kept:
            self.end_or_tell()
        self._finished = True

    @property
    def fate(self) -> TaskFate:
        """What became of the task."""
        return TaskFate(self.state, self.state == WAS_ENDED)

    @property
    def may_run_on(self) -> bool:
        """Whether the task was to be ended, and is not known to have ended. The state then names project and source."""
        return self.state.startswith(MAY_RUN_ON)

    def tell(self, error: BaseException) -> None:
        """Let `error`, which ended the run, carry what became of the task. Its message says that, if it has to, and if it is
        one of ours or Ctrl-C.
        """
        note_task_fate(error, self.fate)  # Ctrl-C may have come while `run` noted it of another error
        if not (self.state and isinstance(error, (RocketRideError, KeyboardInterrupt))):
            return
        if isinstance(error, KeyboardInterrupt):
            error.args = (f"interrupted; {self.state}",)
        elif self.may_run_on:
            error.args = (f"{error}; {self.state}",)
        elif isinstance(error, WaitTimeoutError) or self.task is None:  # a lost start, whose task was found
            # Of a timeout, "the task had not ended; the task had ended" would contradict itself.
            meanwhile = self.task is not None and self.state == HAD_ENDED
            error._tell_fate("the task has ended meanwhile" if meanwhile else self.state)

    def log_fate(self) -> None:
        """Let the log say that the task may run on, if it does not yet."""
        if self.may_run_on and not self._logged:
            self._logged = True
            log.warning("the run was broken off: %s", self.state)

    def wait(
        self, task: Task, interval: Any, on_progress: Optional[Callable[[TaskStatus], object]]
    ) -> TaskStatus:
        """Wait for the end of the task, as `Task.wait_until_complete` does."""
        try:
            return task.wait_until_complete(self._deadline.clamp(None), interval, on_progress)
        except WaitTimeoutError as error:
            pass_on(error)
            last = error.last_status
            what = "no end of the task had been seen" if error._lost_sight else "the task had not ended"
        raise self._timeout_error(what, last)

    def send(
        self, task: Task, data: Union[str, bytes], mimetype: Optional[str]
    ) -> Tuple[TaskStatus, List[Dict[str, Any]]]:
        """Send one object to the task; the status after that, and the result in a list."""

        def step() -> Dict[str, Any]:
            return task.send(data, None, mimetype, timeout=self._left())

        results = [self._in_time(step, "the data was not through")]
        return status_after(self._client, task.token, task.status), results

    def end(self) -> None:
        """End the task, unless it has ended or was replaced."""
        if self.task is not None and not self.task.ended:
            self.state = self._lost_start.started  # so it stays if a signal breaks this off
            self.state = WAS_ENDED if self.task._end(ENDING_SECONDS) else HAD_ENDED

    def end_or_tell(self) -> None:
        """As `end`. Raises no error of ours, for what came before matters more: the state and the log say it."""
        try:
            self.end()
        except RocketRideError as fault:
            pass_on(fault)
            token = shorten(self.task.token) if self.task is not None else ""
            name = f"{token} ({self._lost_start.place})"
            log.warning("task %s could not be terminated, it may run on: %s", name, fault)
            self._logged = True

    def _start(self) -> Task:
        self._look_before()
        self.task = task = self._in_time(self._use, "the task had not started")
        self.state = self._lost_start.started
        return task

    def _look_before(self) -> None:
        """Note which run is the latest, so that ours can be told from it. The time may be up after that."""
        self._lost_start.look_before(self._client, self._deadline)
        if self._deadline.expired:
            raise self._not_sent(self._lost_start.fault)

    def _in_time(self, step: Callable[[], T], what: str) -> T:
        """The result of `step`; a `WaitTimeoutError` that says `what` if it fails because the time is up."""
        try:
            return step()
        except TransientError as error:
            pass_on(error)
            if not self._deadline.expired:
                raise
            fault = error
        raise self._overdue(what, fault)

    def _overdue(self, what: str, fault: RocketRideError) -> WaitTimeoutError:
        """The error for `fault`, with which the time was up. Where nothing of the start was sent, the fault is the cause."""
        if self.task is None and not fault.request_sent:
            return self._not_sent(fault)
        # What is silent over HTTP may be no server, or still be starting the task. Over WebSocket a server has answered.
        silent = self.task is None and self._lost_start.over_http
        last = None if self.task is None else self.task.status
        failure = self._timeout_error(what, last, fault if silent else None)
        failure.request_sent = fault.request_sent
        return failure

    def _not_sent(self, fault: Optional[RocketRideError]) -> WaitTimeoutError:
        failure = self._timeout_error("the start had not been sent", None, fault)
        note_task_fate(failure, TaskFate(NOT_STARTED, False))
        return failure

    def _use(self) -> Task:
        """Start the task. One that is to have no ttl has the server's over HTTP, which cannot ask for that."""
        ttl = self._options["ttl"]
        if ttl != 0:  # a limit that was asked for is not left out
            return self._use_with(ttl)
        # Where the look before found no WebSocket, the upgrade is not tried once more.
        if not self._lost_start.over_http:
            try:
                with operations.going_on_over_http():
                    return self._use_with(ttl)
            except UnsupportedOperationError as error:
                pass_on(error)
            except TransientError as error:
                pass_on(error)
                if not error._is_for_want_of_websocket:
                    raise
        self._lost_start.over_http = True
        self.warn_of_ttl()
        return self._use_with(None)

    def _use_with(self, ttl: Optional[float]) -> Task:
        self._requested = True
        timeout = self._left(_LONGEST_START)
        return self._client.use(pipeline=self._pipeline, timeout=timeout, **{**self._options, "ttl": ttl})

    def _left(self, longest: Optional[float] = None) -> Optional[float]:
        return self._deadline.for_call(longest)

    def _end_lost(self, error: BaseException) -> None:
        """After a start that failed or was interrupted, end what may have been started."""
        # A signal handler may raise anything.
        interrupted = not is_fault(error)
        fate = task_fate_of(error)
        if fate is not None and fate.words == NOT_STARTED:
            self.state = fate.words
            return
        if not self._requested:
            self.state = NOT_STARTED if interrupted else ""
            return
        if not (interrupted or getattr(error, "request_sent", False)):
            return
        self.state = str(self._lost_start)
        if interrupted and self._lost_start.may_be_found:
            self.tell_of_search()
        ended = self._lost_start.end(self._client, Deadline(ENDING_SECONDS))
        self.state = ended or str(self._lost_start)

    def _timeout_error(
        self, what: str, last: Optional[TaskStatus] = None, cause: Optional[RocketRideError] = None
    ) -> WaitTimeoutError:
        elapsed = system_time.monotonic() - self._began
        token = shorten(self.task.token) if self.task is not None else ""
        text = f"{what} after {elapsed:.1f} s"
        if cause is not None:
            text += ": " + str(cause).partition(";")[0]  # without what to do about it
        error = WaitTimeoutError(text, token=token, elapsed=elapsed, last_status=last)
        error.__cause__ = cause
        return error

    def warn_of_ttl(self) -> None:
        """Say that the task has the server's ttl."""
        log.warning(
            "over HTTP the server ends the task when 15 minutes pass without data, even if it is busy"
        )

    def tell_of_search(self) -> None:
        """Say that the task is looked for, which may take `ENDING_SECONDS`."""
        log.info("interrupted while the task starts; looking for it, so that it is not lost")
