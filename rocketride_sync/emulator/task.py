"""The life of one task: NONE → STARTING → INITIALIZING → RUNNING → STOPPING → COMPLETED or CANCELLED."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Optional

from .data_pipes import DataPipes
from .event_hub import Hub
from .event_publisher import EventPublisher
from .metrics import Meter
from .pipeline import Pipeline
from .request_errors import RequestError
from .run_options import RunOptions
from .settings import Settings
from .sources import Exit, Source
from .status import CANCELLED, COMPLETED, INITIALIZING, RUNNING, STARTING, STOPPING, Status

_log = logging.getLogger(__name__)


class Task:
    """One run of one pipeline.

    Attributes:
        id: first eight characters of the token without its prefix, dot, source.
        options: how it is run.
        status: its status record.
        news: what it lets others know.
        ended: set once it is COMPLETED or CANCELLED.
        ended_at: monotonic time of its end, None before.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: Source,
        *,
        token: str,
        public_token: str,
        settings: Settings,
        hub: Hub,
        options: RunOptions,
    ) -> None:
        self.pipeline = pipeline
        self.token = token
        self.public_token = public_token
        self.options = options
        self.id = f"{token[3:] if token.startswith('tk_') else token:.8}.{pipeline.source.id}"
        self.status = Status(
            f"{options.name or self.id}.{pipeline.source.title}",
            pipeline.project_id,
            pipeline.source.id,
            settings.message_limit,
        )
        self.news = EventPublisher(hub, self.id, pipeline.key, self.status)
        self.ended = asyncio.Event()
        self.ended_at: Optional[float] = None
        self._ttl = settings.ttl if options.ttl is None else options.ttl
        self._active_at = time.monotonic()
        self._source = source
        self._settings = settings
        self._running = asyncio.Event()
        self._restarting = asyncio.Lock()
        self._engine: Optional[asyncio.Task[Exit]] = None
        self._life: Optional[asyncio.Task[None]] = None

    @property
    def expired(self) -> bool:
        """Whether its ttl has run out. Being looked at is no activity."""
        idle = time.monotonic() - self._active_at
        return not self.ended.is_set() and 0 < self._ttl < idle

    @property
    def forgettable(self) -> bool:
        """Whether it ended longer than the retention ago."""
        return self.ended_at is not None and time.monotonic() - self.ended_at > self._settings.retention

    async def start(self) -> None:
        """Run it, and return once it has been RUNNING for a moment.

        Raises:
            RequestError: it ended before that.
        """
        self._launch("begin")
        await self.started()

    async def started(self) -> None:
        """Return once it has been RUNNING for a moment. Raises RequestError when it ended before that."""
        await self._settled()
        await asyncio.sleep(self._settings.early_end)
        if self.ended.is_set() and not (self._running.is_set() and self._settings.early_end == 0):
            raise RequestError(self._reason())

    async def joined(self) -> None:
        """As `started`, but at once when it is RUNNING already."""
        if not self._running.is_set():
            await self.started()

    async def data_pipes(self) -> DataPipes:
        """Where data goes in, once it is RUNNING. Asking for it is activity, which the ttl waits for.

        Raises:
            RequestError: it has ended, or its source takes no data.
        """
        self._active_at = time.monotonic()
        await self._settled()
        if self.status.document["state"] != RUNNING:
            reason = self._reason() if self.ended.is_set() else ""
            raise RequestError(reason or "Task is terminating, cannot process data requests")
        if self._source.data_pipes is None:
            provider = self.pipeline.source.provider
            raise RequestError(f"The source {provider!r} takes no data; the sources webhook and dropper do")
        return self._source.data_pipes

    async def stop(self) -> None:
        """Cancel it, and return once it is gone. Does nothing when it has ended."""
        async with self._restarting:
            if self.ended.is_set():
                return
            if self._engine:
                self._engine.cancel()
        await self.ended.wait()
        await asyncio.sleep(self._settings.stop_seconds)

    async def restart(self, pipeline: Pipeline, source: Source) -> None:
        """Run it again from the start, under the same token; `startTime` stays. As `start` otherwise."""
        async with self._restarting:
            self.status.update(completed=False, state=CANCELLED, status="Restarting", serviceUp=False)
            await self.news.publish_status()
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
        await self.started()

    async def abandon(self) -> None:
        """Drop the run where it stands, without an end: the server goes down, or it is started again."""
        futures = {future for future in (self._life, self._engine) if future}
        for future in futures:
            future.cancel()
        if futures:
            await asyncio.wait(futures)

    def _launch(self, action: str) -> None:
        """Set the engine going. `action` is what the event calls this."""
        self._engine = asyncio.ensure_future(self._work(action))
        self._life = asyncio.ensure_future(self._live(self._engine))

    async def _settled(self) -> None:
        """Return once it is RUNNING, or has been, or has ended."""
        if self._running.is_set():
            return
        events = {asyncio.ensure_future(event.wait()) for event in (self._running, self.ended)}
        _, waiting = await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        for future in waiting:
            future.cancel()

    async def _work(self, action: str) -> Exit:
        try:
            return await self._run(action)
        finally:
            if self._source.data_pipes:
                self._source.data_pipes.close()

    async def _run(self, action: str) -> Exit:
        document = self.status.document
        self.status.update(startTime=document["startTime"] or time.time())
        await self._enter(STARTING, "")
        await self.news.publish_action(action)
        await self._enter(INITIALIZING, "")
        self.status.update(status="Loading pipeline")
        await asyncio.sleep(self._settings.init_seconds)
        await self._source.load()
        self.status.enter_running()
        self._running.set()
        await self.news.publish_status()
        return await self._source.run(self.status)

    async def _live(self, engine: asyncio.Task[Exit]) -> None:
        chores = [asyncio.ensure_future(chore) for chore in (self._measure(), self._report())]
        try:
            await asyncio.wait({engine})
            await self._end(self._exit_of(engine))
        finally:
            for chore in chores:
                chore.cancel()

    def _exit_of(self, engine: asyncio.Task[Exit]) -> Exit:
        if engine.cancelled():
            return Exit(cancelled=True, linger=self._source.linger)
        error = engine.exception()
        if error is None:
            return engine.result()
        if isinstance(error, RequestError):
            return Exit(code=1, message=str(error))
        _log.error("the engine of task %s failed", self.id, exc_info=error)
        return Exit(code=1, message=f"Internal error: {type(error).__name__}")

    async def _end(self, result: Exit) -> None:
        self.status.update(serviceUp=False)
        await self.news.publish_status()
        document = self.status.document
        self.status.update(exitCode=result.code, exitMessage=result.message or document["exitMessage"])
        await self._enter(STOPPING, "Stopping")
        if result.linger:
            self.status.update(completed=True, endTime=time.time())
            await self.news.publish_status()
            await asyncio.sleep(result.linger)
        self.status.update(endTime=time.time())
        if result.cancelled or result.code:
            self.status.end(CANCELLED, "Stopped")
        else:
            self.status.end(COMPLETED, "Completed")
        self.ended_at = time.monotonic()
        await self.news.publish_status()
        await self.news.publish_action("end")
        self.ended.set()

    async def _measure(self) -> None:
        meter = Meter()
        while True:
            self.status.sample(*meter.read())
            await asyncio.sleep(self._settings.metrics_interval)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(self._settings.status_interval)
            if self.status.changed:
                await self.news.publish_status()

    async def _enter(self, state: int, text: str) -> None:
        self.status.update(state=state, status=text)
        await self.news.publish_status()

    def _reason(self) -> str:
        document = self.status.document
        if document["exitMessage"] or document["state"] == CANCELLED:
            return str(document["exitMessage"])
        return "Task has already completed"
