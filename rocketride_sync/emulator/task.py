"""A task of the emulator and its life cycle.

Its states are NONE → STARTING → INITIALIZING → RUNNING → STOPPING → COMPLETED or CANCELLED.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Optional

from .data_pipes import DataPipePool
from .event_hub import EventHub
from .event_publisher import EventPublisher
from .pipeline import Pipeline
from .process_metrics import ProcessMeter
from .request_errors import RequestError
from .run_options import RunOptions
from .settings import Settings
from .sources import EngineExit, Source
from .status_record import CANCELLED, COMPLETED, INITIALIZING, RUNNING, STARTING, STOPPING, StatusRecord

_log = logging.getLogger(__name__)


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
        ended_at: the monotonic time of its end, None before.
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
        )
        self.events = EventPublisher(event_hub, self.id, pipeline.key, self.status)
        self.ended = asyncio.Event()
        self.ended_at: Optional[float] = None
        self._ttl = settings.ttl if options.ttl is None else options.ttl
        self._active_at = time.monotonic()
        self._source = source
        self._settings = settings
        self._running = asyncio.Event()
        self._restart_lock = asyncio.Lock()
        self._engine: Optional[asyncio.Task[EngineExit]] = None
        self._supervisor: Optional[asyncio.Task[None]] = None

    @property
    def ttl_expired(self) -> bool:
        """Whether it has been idle for longer than its ttl. Reading its status is no activity."""
        idle = time.monotonic() - self._active_at
        return not self.ended.is_set() and 0 < self._ttl < idle

    @property
    def retention_expired(self) -> bool:
        """Whether it ended longer ago than the retention time."""
        return self.ended_at is not None and time.monotonic() - self.ended_at > self._settings.retention

    async def start(self) -> None:
        """Start a run, and return once it has been RUNNING for `Settings.early_end`.

        Raises:
            RequestError: it ended before that.
        """
        self._launch("begin")
        await self.wait_until_started()

    async def wait_until_started(self) -> None:
        """Return once it has been RUNNING for `Settings.early_end`. Raises RequestError when it ended before that."""
        await self._wait_for_running_or_end()
        await asyncio.sleep(self._settings.early_end)
        if self.ended.is_set() and not (self._running.is_set() and self._settings.early_end == 0):
            raise RequestError(self._end_reason())

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
            reason = self._end_reason() if self.ended.is_set() else ""
            raise RequestError(reason or "Task is terminating, cannot process data requests")
        if self._source.pipe_pool is None:
            provider = self.pipeline.source.provider
            raise RequestError(f"The source {provider!r} takes no data; the sources webhook and dropper do")
        return self._source.pipe_pool

    async def stop(self) -> None:
        """Cancel it, and return some time after it has ended. Does nothing when it has ended already."""
        async with self._restart_lock:
            if self.ended.is_set():
                return
            if self._engine:
                self._engine.cancel()
        await self.ended.wait()
        await asyncio.sleep(self._settings.stop_seconds)

    async def restart(self, pipeline: Pipeline, source: Source) -> None:
        """Run it again under the same token, and return as `start` does. Keeps `startTime` in the status."""
        async with self._restart_lock:
            self.status.update(completed=False, state=CANCELLED, status="Restarting", serviceUp=False)
            await self.events.publish_status()
            await self.abandon()
            await asyncio.sleep(self._settings.stop_seconds)
            self.status.clear()
            self.status.update(state=CANCELLED, status="Restarting", exitMessage="Stopped")
            self.pipeline, self._source = pipeline, source
            self.ended.clear()
            self.ended_at = None
            self._running.clear()
            self._active_at = time.monotonic()
            self._launch("restart")
        await self.wait_until_started()

    async def abandon(self) -> None:
        """Cancel the run without ending the task, because the server stops or the task restarts."""
        futures = {future for future in (self._supervisor, self._engine) if future}
        for future in futures:
            future.cancel()
        if futures:
            await asyncio.wait(futures)

    def _launch(self, action: str) -> None:
        """Start the engine and its supervisor. `action` is the action in the `apaevt_task` event."""
        self._engine = asyncio.ensure_future(self._run_engine(action))
        self._supervisor = asyncio.ensure_future(self._supervise(self._engine))

    async def _wait_for_running_or_end(self) -> None:
        """Return once this run has reached RUNNING, or has ended."""
        if self._running.is_set():
            return
        waits = {asyncio.ensure_future(event.wait()) for event in (self._running, self.ended)}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for future in pending:
            future.cancel()

    async def _run_engine(self, action: str) -> EngineExit:
        try:
            return await self._run_to_exit(action)
        finally:
            if self._source.pipe_pool:
                self._source.pipe_pool.close()

    async def _run_to_exit(self, action: str) -> EngineExit:
        document = self.status.document
        self.status.update(startTime=document["startTime"] or time.time())
        await self._enter_state(STARTING, "")
        await self.events.publish_action(action)
        await self._enter_state(INITIALIZING, "")
        self.status.update(status="Loading pipeline")
        await asyncio.sleep(self._settings.init_seconds)
        await self._source.load()
        self.status.enter_running()
        self._running.set()
        await self.events.publish_status()
        return await self._source.run(self.status)

    async def _supervise(self, engine: asyncio.Task[EngineExit]) -> None:
        """Update and publish the status while the engine runs, then end the task."""
        background = [
            asyncio.ensure_future(loop) for loop in (self._sample_metrics(), self._publish_changes())
        ]
        try:
            await asyncio.wait({engine})
            await self._end(self._exit_of(engine))
        finally:
            for future in background:
                future.cancel()

    def _exit_of(self, engine: asyncio.Task[EngineExit]) -> EngineExit:
        if engine.cancelled():
            return EngineExit(cancelled=True, stopping_seconds=self._source.stopping_seconds)
        error = engine.exception()
        if error is None:
            return engine.result()
        if isinstance(error, RequestError):
            return EngineExit(code=1, message=str(error))
        _log.error("the engine of task %s failed", self.id, exc_info=error)
        return EngineExit(code=1, message=f"Internal error: {type(error).__name__}")

    async def _end(self, engine_exit: EngineExit) -> None:
        self.status.update(serviceUp=False)
        await self.events.publish_status()
        document = self.status.document
        self.status.update(
            exitCode=engine_exit.code, exitMessage=engine_exit.message or document["exitMessage"]
        )
        await self._enter_state(STOPPING, "Stopping")
        if engine_exit.stopping_seconds:
            self.status.update(completed=True, endTime=time.time())
            await self.events.publish_status()
            await asyncio.sleep(engine_exit.stopping_seconds)
        self.status.update(endTime=time.time())
        if engine_exit.cancelled or engine_exit.code:
            self.status.end(CANCELLED, "Stopped")
        else:
            self.status.end(COMPLETED, "Completed")
        self.ended_at = time.monotonic()
        await self.events.publish_status()
        await self.events.publish_action("end")
        self.ended.set()

    async def _sample_metrics(self) -> None:
        meter = ProcessMeter()
        while True:
            self.status.sample(*meter.read())
            await asyncio.sleep(self._settings.metrics_interval)

    async def _publish_changes(self) -> None:
        while True:
            await asyncio.sleep(self._settings.status_interval)
            if self.status.changed:
                await self.events.publish_status()

    async def _enter_state(self, state: int, text: str) -> None:
        self.status.update(state=state, status=text)
        await self.events.publish_status()

    def _end_reason(self) -> str:
        document = self.status.document
        if document["exitMessage"] or document["state"] == CANCELLED:
            return str(document["exitMessage"])
        return "Task has already completed"
