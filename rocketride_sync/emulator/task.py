"""A task of the emulator and its life cycle.

Its states are NONE → STARTING → INITIALIZING → RUNNING → STOPPING → COMPLETED or CANCELLED.
"""

from __future__ import annotations

import asyncio
import time
from typing import Optional

from .data_pipes import DataPipePool
from .event_hub import EventHub
from .event_publisher import EventPublisher
from .pipeline import Pipeline
from .request_errors import TASK_COMPLETED, TASK_STOPPED, RequestError
from .run_history import RunHistory
from .run_log import RunLog, StreamKey
from .run_options import RunOptions
from .settings import Settings
from .sources import Source
from .status_record import CANCELLED, RUNNING, StatusRecord
from .task_run import TaskRun

_TERMINATING = "Task is terminating, cannot process data requests"


class Task:
    """One task: a pipeline and its present run.

    Attributes:
        id: the first eight characters of the token without its prefix, a dot, and the source.
        pipeline: its pipeline.
        token: its token.
        public_token: its public token.
        options: the options of `execute`.
        status: its status.
        events: publishes its events.
        ended: set once it is COMPLETED or CANCELLED.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: Source,
        *,
        token: str,
        public_token: str,
        settings: Settings,
        event_hub: EventHub,
        run_log: RunLog,
        options: RunOptions,
    ) -> None:
        self.pipeline = pipeline
        self.token = token
        self.public_token = public_token
        self.options = options
        self.id = f"{token[3:] if token.startswith('tk_') else token:.8}.{pipeline.source.id}"
        self.status = StatusRecord(
            f"{options.name or self.id}.{pipeline.source.title}",
            pipeline.project_id,
            pipeline.source.id,
            settings.message_limit,
            keep_peaks=settings.is_newer,
        )
        history = RunHistory(run_log, self.key, settings.log_delay) if settings.is_newer else None
        self.events = EventPublisher(event_hub, self.id, self.key, self.status, history)
        self.ended = asyncio.Event()
        self._ttl = settings.ttl if options.ttl is None else options.ttl
        self._active_at = time.monotonic()
        self._source = source
        self._settings = settings
        self._running = asyncio.Event()
        self._restart_lock = asyncio.Lock()
        self._run: Optional[TaskRun] = None

    @property
    def key(self) -> StreamKey:
        """Its project, its source, and whose run it is."""
        return (*self.pipeline.key, self.options.scope)

    @property
    def ttl_expired(self) -> bool:
        """Whether it has been idle for longer than its ttl. Reading its status is no activity.

        In the newer generation, what the engine does is activity, as are requests for data.
        """
        active_at = self._active_at
        if self._settings.is_newer:
            active_at = max(active_at, self.status.active_at)
        return not self.ended.is_set() and 0 < self._ttl < time.monotonic() - active_at

    @property
    def retention_expired(self) -> bool:
        """Whether it ended longer ago than the retention time."""
        ended_at = self._run.ended_at if self._run else None
        return ended_at is not None and time.monotonic() - ended_at > self._settings.retention

    async def start(self) -> None:
        """Start a run, and return once it has been RUNNING for `Settings.early_end`.

        Raises:
            RequestError: it ended before that.
        """
        self._launch(restarted=False)
        await self.wait_until_started()

    async def wait_until_started(self) -> None:
        """Return once it has been RUNNING for `Settings.early_end`. Raises RequestError when it ended before that."""
        await self._wait_for_running_or_end()
        await asyncio.sleep(self._settings.early_end)
        if self.ended.is_set() and not (self._running.is_set() and self._settings.early_end == 0):
            raise self._ended_error()

    async def join_start(self) -> None:
        """Wait for a start that somebody else has begun. Returns at once when it is RUNNING already."""
        if not self._running.is_set():
            await self.wait_until_started()

    async def pipe_pool_once_running(self) -> DataPipePool:
        """Wait until it is RUNNING, and return the pipes for its data. A call is activity, which restarts the ttl.

        Raises:
            RequestError: it has ended, or its source takes no data.
        """
        self._active_at = time.monotonic()
        await self._wait_for_running_or_end()
        if self.status.document["state"] != RUNNING:
            error = self._ended_error() if self.ended.is_set() else None
            raise error if error and str(error) else RequestError(_TERMINATING)
        if self._source.pipe_pool is None:
            provider = self.pipeline.source.provider
            raise RequestError(
                f"The source {provider!r} takes no data; the sources webhook, dropper and chat do"
            )
        return self._source.pipe_pool

    async def stop(self, stopped_by: str = "user") -> None:
        """Stop it, and return some time after it has ended. Does nothing when it has ended already.

        Args:
            stopped_by: ``user`` or ``ttl``.
        """
        async with self._restart_lock:
            if self.ended.is_set():
                return
            if self._run:
                self._run.stop(stopped_by)
        await self.ended.wait()
        await asyncio.sleep(self._settings.stop_seconds)

    async def restart(self, pipeline: Pipeline, source: Source) -> None:
        """Run it again under the same token, and return as `start` does. Keeps `startTime` in the status."""
        async with self._restart_lock:
            self.status.update(
                completed=False, state=CANCELLED, status="Restarting", serviceUp=False, exitCode=None
            )
            await self.events.publish_status()
            await self.abandon()
            await asyncio.sleep(self._settings.stop_seconds)
            self.status.clear()
            message = "" if self._settings.is_newer else "Stopped"
            self.status.update(state=CANCELLED, status="Restarting", exitCode=None, exitMessage=message)
            self.pipeline, self._source = pipeline, source
            self.ended.clear()
            self._running.clear()
            self._active_at = time.monotonic()
            self._launch(restarted=True)
        await self.wait_until_started()

    async def abandon(self) -> None:
        """Cancel the run without ending the task, because the server stops or the task restarts."""
        if self._run:
            await self._run.abandon()

    def _launch(self, *, restarted: bool) -> None:
        self._run = TaskRun(
            self._source,
            status=self.status,
            events=self.events,
            settings=self._settings,
            running=self._running,
            ended=self.ended,
            restarted=restarted,
        )

    async def _wait_for_running_or_end(self) -> None:
        """Return once this run has reached RUNNING, or has ended."""
        if self._running.is_set():
            return
        waits = {asyncio.ensure_future(event.wait()) for event in (self._running, self.ended)}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for future in pending:
            future.cancel()

    def _ended_error(self) -> RequestError:
        """The error for a start that has failed. In the older generation, its message can be empty."""
        document = self.status.document
        message = str(document["exitMessage"])
        if document["state"] == CANCELLED and self._settings.is_newer:
            return RequestError(message or "Task was stopped", code=TASK_STOPPED)
        if document["state"] == CANCELLED or (message and not self._settings.is_newer):
            return RequestError(message)
        return RequestError("Task has already completed", code=TASK_COMPLETED)
