"""The client's method that runs a whole pipeline in one call."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ContextManager,
    Mapping,
    Optional,
    Sequence,
    Union,
    cast,
    overload,
)

from .. import arguments
from ..deadline import Deadline, system_time
from ..errors import ConfigurationError
from ..import_lock import import_lock
from ..loading import load
from ..models import TaskStatus
from ..options import Seconds, optional_seconds, seconds
from .base_client import BaseClient

if TYPE_CHECKING:
    from ..sending.file_upload import FileEntry, OnUpload
    from . import pipelines
    from .client import RocketRideClient
    from .run_result import RunResult
    from .task import Task

OnProgress = Callable[[TaskStatus], object]


class RunningMethods(BaseClient):
    """The method of `RocketRideClient` that runs a pipeline."""

    @overload
    def run(
        self,
        filepath: pipelines.PathLike,
        *,
        files: Optional[Sequence[FileEntry]] = None,
        data: Union[str, bytes, None] = None,
        mimetype: Optional[str] = None,
        source: Optional[str] = None,
        threads: Optional[int] = None,
        name: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        ttl: Optional[Seconds] = 0.0,
        timeout: Optional[Seconds] = None,
        interval: Seconds = 2.0,
        on_progress: Optional[OnProgress] = None,
        on_upload: Optional[OnUpload] = None,
    ) -> RunResult: ...

    @overload
    def run(
        self,
        *,
        pipeline: Mapping[str, Any],
        files: Optional[Sequence[FileEntry]] = None,
        data: Union[str, bytes, None] = None,
        mimetype: Optional[str] = None,
        source: Optional[str] = None,
        threads: Optional[int] = None,
        name: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        ttl: Optional[Seconds] = 0.0,
        timeout: Optional[Seconds] = None,
        interval: Seconds = 2.0,
        on_progress: Optional[OnProgress] = None,
        on_upload: Optional[OnUpload] = None,
    ) -> RunResult: ...

    def run(
        self,
        filepath: Optional[pipelines.PathLike] = None,
        *,
        pipeline: Optional[Mapping[str, Any]] = None,
        files: Optional[Sequence[FileEntry]] = None,
        data: Union[str, bytes, None] = None,
        mimetype: Optional[str] = None,
        source: Optional[str] = None,
        threads: Optional[int] = None,
        name: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        ttl: Optional[Seconds] = 0.0,
        timeout: Optional[Seconds] = None,
        interval: Seconds = 2.0,
        on_progress: Optional[OnProgress] = None,
        on_upload: Optional[OnUpload] = None,
    ) -> RunResult:
        """Run a pipeline: start a task, send it files or data or wait for its end, and end it on every way out.

        A pipeline whose source is a webhook, chat or dropper takes `files` or `data`, and never ends by itself. `run`
        ends it after the last one. A pipeline with another source takes neither, and `run` waits for its end,
        through transient faults of up to 300 s (see `RetryPolicy`). `run` also ends the task after an error, at the
        timeout and after Ctrl-C. If the start was requested then and not answered yet, the task is looked for by
        project and source. That takes WebSocket and a ``project_id``: over HTTP, such a task may run on. A run that
        was there before is never ended: `run` looks which one is the latest before it requests the start. If `run`
        cannot end the task within 10 s, the log says so, and the exception if it is one of ours or Ctrl-C: both name
        project and source. But if the process is killed, the task runs on: then a `ttl` ends it some time later.

        Args:
            filepath: a ``.pipe`` or JSON file, as in `use`.
            pipeline: the document itself, instead of a file.
            files: files to send, as in `send_files`. One that fails does not stop the others.
            data: one object to send, instead of files, as in `send`.
            mimetype: the MIME type of `data`.
            source: the component to start at, instead of the pipeline's own ``source``.
            threads: 1 to 64, as in `use`.
            name: the task's name. Its status shows it with the source's name after it; by default, the server takes the
                begin of the token in its place. It does not change the token. WebSocket only.
            env: values for ``${ROCKETRIDE_…}`` in the pipeline, as in `use`.
            ttl: as in `use`, but 0, the default, is no ttl: the server does not end the task. HTTP cannot ask for that:
                over HTTP, such a task has the server's ttl. Another number takes WebSocket.
            timeout: seconds for everything up to the last result; None, the default, is unlimited. A file that is
                being sent then may take that long again, and ending the task may take 10 s.
            interval: seconds between polls of a task that ends by itself. Default 2.0.
            on_progress: called with every status of a task that ends by itself.
            on_upload: called with each step of each file, as `on_progress` of `send_files`.

        Raises:
            ConfigurationError: the pipeline cannot be read. Or its source takes data and none is given, or the
                reverse.
            WaitTimeoutError: the timeout passed. The message says what became of the task.
            RocketRideError: the errors of `use`, `send` and `wait_until_complete`. A failed task or file is not an
                error: the result says so.
            KeyboardInterrupt: on Ctrl-C. The message says what became of the task.
        """
        before_start = load(_before_start)
        with before_start():
            load(_running)
            from ..transports import chunks
            from . import pipelines
            from .pipeline_run import PipelineRun
            from .run_result import RunResult
            from .timed_upload import TimedUpload

            limit = optional_seconds("timeout", timeout)
            began, deadline = system_time.monotonic(), Deadline(limit)
            document = pipelines.load(filepath, pipeline, source, deadline)
            _check_data(document, files, data)
            body = None if data is None else chunks.encoded(data)
            every = seconds("interval", interval)
            arguments.function("on_progress", on_progress)
            arguments.function("on_upload", on_upload)
            arguments.mime_type(mimetype)
            upload = TimedUpload(files, deadline, limit, on_upload)
            client = cast("RocketRideClient", self)
            options = {
                "threads": threads,
                "name": name,
                "env": env,
                "ttl": optional_seconds("ttl", ttl, zero=True),
            }
            pipeline_run = PipelineRun(client, document, deadline, options, began=began)

        def follow(task: Task) -> RunResult:
            if body is not None:
                return RunResult(*pipeline_run.send(task, body, mimetype))
            if files is None:
                return RunResult(pipeline_run.wait(task, every, on_progress), [])
            upload.last = task.status
            return RunResult(upload.send(client, task.token), upload.results)

        try:
            try:
                return pipeline_run.run(follow)
            except BaseException as error:
                pipeline_run.tell(error)
                pipeline_run.log_fate()
                raise
        except KeyboardInterrupt as stop:  # which may have broken off what was being told
            pipeline_run.tell(stop)
            pipeline_run.log_fate()
            raise


def _check_data(
    document: Mapping[str, Any], files: Optional[Sequence[FileEntry]], data: Union[str, bytes, None]
) -> None:
    """Raise ConfigurationError if what is to be sent does not fit the pipeline."""
    with import_lock:
        from .pipeline_source import takes_data

    if files is not None and data is not None:
        raise ConfigurationError("give either files= or data=")
    given = files is not None or data is not None
    if given and not takes_data(document):
        raise ConfigurationError(
            "the pipeline's source takes no data, so give no files= and no data=: only a webhook, chat or dropper does"
        )
    if takes_data(document) and not given:
        raise ConfigurationError(
            "the pipeline's source takes data, so its task never ends by itself: pass files= or data=, "
            "or start it with use()"
        )


def _before_start() -> Callable[[], ContextManager[None]]:
    from ..task_fate import before_start

    return before_start


def _running() -> None:
    """Import what a run needs, all of it before its start."""
    from .. import task_fate  # noqa: F401
    from ..transports import chunks  # noqa: F401
    from . import pipeline_run, pipelines, run_result, task, timed_upload  # noqa: F401
