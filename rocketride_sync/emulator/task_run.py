"""One run of a task: its engine, its states from STARTING to the end, and what is published meanwhile."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Optional

import attrs

from .ends import EngineExit, status_end
from .event_publisher import EventPublisher
from .process_metrics import ProcessMeter
from .request_errors import RequestError
from .settings import Settings
from .sources import Source
from .status_record import COMPLETED, INITIALIZING, STARTING, STOPPING, StatusRecord

_log = logging.getLogger(__name__)


class TaskRun:
    """One run of a task, from its launch to its end.

    Attributes:
        source: its source.
        running: set once it is RUNNING.
        ended: set once it is COMPLETED or CANCELLED.
        ended_at: the monotonic time of its end, None before.

    Args:
        restarted: whether it is a restart.
    """

    def __init__(
        self,
        source: Source,
        *,
        status: StatusRecord,
        events: EventPublisher,
        settings: Settings,
        running: asyncio.Event,
        ended: asyncio.Event,
        restarted: bool,
    ) -> None:
        self.source = source
        self.running = running
        self.ended = ended
        self.ended_at: Optional[float] = None
        self._status = status
        self._events = events
        self._settings = settings
        self._restarted = restarted
        self._stopped_by: Optional[str] = None
        self._engine = asyncio.ensure_future(self._run_engine())
        self._supervisor = asyncio.ensure_future(self._supervise())

    def stop(self, stopped_by: str) -> None:
        """Stop the engine. `stopped_by` is ``user`` or ``ttl``; the first stop counts."""
        self._stopped_by = self._stopped_by or stopped_by
        self._engine.cancel()

    async def abandon(self) -> None:
        """Cancel the run without ending the task, because the server stops or the task restarts."""
        for future in (self._supervisor, self._engine):
            future.cancel()
        await asyncio.wait({self._supervisor, self._engine})

    async def _run_engine(self) -> EngineExit:
        try:
            return await self._run_to_exit()
        finally:
            if self.source.pipe_pool:
                self.source.pipe_pool.close()

    async def _run_to_exit(self) -> EngineExit:
        document = self._status.document
        self._status.update(startTime=document["startTime"] or time.time())
        self._status.update(state=STARTING, status="")
        if self._restarted:
            await self._events.publish_restart()
        else:
            await self._events.publish_begin(logged=self.source.logged)
        await self._enter_state(INITIALIZING, "")
        self._status.update(status="Loading pipeline")
        await asyncio.sleep(self._settings.init_seconds)
        await self.source.load()
        self._status.enter_running()
        self.running.set()
        await self._events.publish_status()
        return await self.source.run(self._status)

    async def _supervise(self) -> None:
        """Update and publish the status while the engine runs, then end the task."""
        background = [
            asyncio.ensure_future(loop) for loop in (self._sample_metrics(), self._publish_changes())
        ]
        try:
            await asyncio.wait({self._engine})
            await self._end(self._engine_exit())
        finally:
            for future in background:
                future.cancel()

    def _engine_exit(self) -> EngineExit:
        if self._engine.cancelled():
            return attrs.evolve(self.source.stop_exit, stopped_by=self._stopped_by)
        error = self._engine.exception()
        if error is None:
            return self._engine.result()
        if isinstance(error, RequestError):
            return EngineExit(code=1, message=str(error))
        _log.error("the engine of task %s failed", self._status.document["name"], exc_info=error)
        return EngineExit(code=1, message=f"Internal error: {type(error).__name__}")

    async def _end(self, engine_exit: EngineExit) -> None:
        self._status.update(serviceUp=False)
        await self._events.publish_status()
        end = status_end(
            engine_exit,
            self._settings.generation,
            restarted=self._restarted,
            code_seen=self.source.restart_code_seen,
        )
        self._status.update(exitCode=end.exit_code, exitMessage=end.exit_message)
        await self._enter_state(STOPPING, "Stopping")
        if engine_exit.stopping_seconds:
            self._status.update(completed=True, endTime=time.time())
            await self._events.publish_status()
            await asyncio.sleep(engine_exit.stopping_seconds)
        self._status.update(endTime=time.time())
        self._status.end(end.state, "Completed" if end.state == COMPLETED else "Stopped")
        self.ended_at = time.monotonic()
        await self._events.publish_end(engine_exit.stopped_by)
        self.ended.set()

    async def _sample_metrics(self) -> None:
        meter = ProcessMeter()
        while True:
            self._status.sample(*meter.read())
            await asyncio.sleep(self._settings.metrics_interval)

    async def _publish_changes(self) -> None:
        while True:
            await asyncio.sleep(self._settings.status_interval)
            if self._status.changed:
                await self._events.publish_status()

    async def _enter_state(self, state: int, text: str) -> None:
        self._status.update(state=state, status=text)
        await self._events.publish_status()
