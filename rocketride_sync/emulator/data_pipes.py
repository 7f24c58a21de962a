"""The data pipes of a running task. Clients send data through them, one object per pipe."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional

import attrs

from .object_processor import ObjectProcessor
from .pipeline import Pipeline
from .request_errors import PipeError, RequestError
from .status_record import StatusRecord

_NOT_BOUND = "[Errno 111] Connect call failed ('127.0.0.1', 20000)"
_NO_ROOM = "The task ended before there was room for another pipe"


@attrs.frozen(kw_only=True)
class ObjectInfo:
    """What is known about an object before its data arrives.

    Attributes:
        name: its name, for instance a file name.
        path: the path it was sent with, often empty.
        object_id: its unique id.
        size: the announced size in bytes; 0 when none was announced.
        mime_type: its type.
    """

    name: str
    path: str
    object_id: str
    size: int
    mime_type: str = ""


class DataPipe:
    """Receives one object for a pipeline, which processes the data as it arrives.

    Attributes:
        pipe_id: identifies it within one run of a task; never reused.
        index: its number among the pipes that are open at a time; reused once it has ended.

    Args:
        info: the object.
        pipeline: the pipeline that the object passes.
        status: the task's status, in which the object is counted.
        idle_seconds: how long it may get no data before it is aborted; 0 for no limit.
        failure: the reason for which the object fails in the end; None for none.
        on_end: called with this pipe when it has ended.
    """

    def __init__(
        self,
        pipe_id: int,
        index: int,
        info: ObjectInfo,
        *,
        pipeline: Pipeline,
        status: StatusRecord,
        idle_seconds: float,
        failure: Optional[str],
        on_end: Callable[[DataPipe], None],
    ) -> None:
        self.pipe_id = pipe_id
        self.index = index
        self._info = info
        self._status = status
        self._on_end = on_end
        self._failure = failure
        self._processor = ObjectProcessor(pipeline, info.mime_type)
        self._size = 0
        self._is_open = True
        status.expect(1, info.size)
        flow = [info.name, *(component.id for component in pipeline.chain)]
        status.begin(f"{pipeline.source.provider}://{info.name}", info.size, flow, index)
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._active_at = self._loop.time()
        self._timer = self._loop.call_later(idle_seconds, self._abort_if_idle) if idle_seconds else None

    def write(self, data: bytes) -> None:
        """Process the next piece of the object. Raises PipeError when that fails, or the pipe has ended."""
        self._require_open()
        self._active_at = self._loop.time()
        self._size += len(data)
        try:
            self._processor.feed(data)
        except PipeError as error:
            self.abort(str(error))
            raise

    def close(self) -> Dict[str, Any]:
        """Count the object as completed and return its result. Raises PipeError when it fails, or has ended."""
        self._require_open()
        try:
            result = self._result()
        except PipeError as error:
            self.abort(str(error))
            raise
        self._end()
        self._status.complete(self._size, self._processor.words, self.index)
        info = self._info
        return {
            "name": info.name,
            "path": info.path,
            "objectId": info.object_id,
            **result,
        }

    def _result(self) -> Dict[str, Any]:
        if self._failure is not None:
            raise PipeError(self._failure)
        return self._processor.result()

    def abort(self, reason: str) -> None:
        """Count the object as failed, because the rest of it will not arrive. Does nothing when the pipe has ended."""
        if self._is_open:
            self._end()
            self._status.fail(self._size, reason, self._info.name, self.index)

    def _abort_if_idle(self) -> None:
        left = self._active_at + self._idle_seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._abort_if_idle)
        else:
            self.abort(f"no data came for {self._idle_seconds:g} s")

    def _require_open(self) -> None:
        if not self._is_open:
            raise PipeError(f"Pipe with id {self.pipe_id} is not open any more")

    def _end(self) -> None:
        """Close the pipe. In the status, the true size replaces the announced one."""
        self._is_open = False
        if self._timer:
            self._timer.cancel()
        self._status.expect(0, self._size - self._info.size)
        self._on_end(self)


class DataPipePool:
    """The pipes of one run of a task.

    Args:
        pipeline: the pipeline that the objects pass.
        max_open: how many pipes may be open at a time. Further ones wait, first come, first served, for one to end.
        idle_seconds: how long a pipe may get no data before it is aborted; 0 for no limit.
        refusal: the reason for which every object is refused; None for none.
        failure: the reason for which every object fails in the end; None for none.

    Attributes:
        is_bound: whether the port for the data is there yet.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        max_open: int,
        idle_seconds: float,
        *,
        refusal: Optional[str] = None,
        failure: Optional[str] = None,
    ) -> None:
        self.is_bound = False
        self._refusal = refusal
        self._failure = failure
        self._pipeline = pipeline
        self._idle_seconds = idle_seconds
        self._free_indexes: List[int] = list(range(max_open))
        self._waiters: Deque[asyncio.Future[int]] = deque()
        self._pipes: Dict[int, DataPipe] = {}
        self._last_id = 0
        self._closed = False

    async def open(self, info: ObjectInfo, status: StatusRecord) -> DataPipe:
        """Open a pipe for one object, as soon as there is room.

        Raises:
            RequestError: the task ended before that, or takes no data yet.
            PipeError: the object is refused.
        """
        if not self.is_bound:
            raise RequestError(_NOT_BOUND)
        if self._refusal is not None:
            raise PipeError(self._refusal)
        index = heapq.heappop(self._free_indexes) if self._free_indexes else await self._wait_for_index()
        if self._closed:
            raise RequestError(_NO_ROOM)
        self._last_id += 1
        pipe = DataPipe(
            self._last_id,
            index,
            info,
            pipeline=self._pipeline,
            status=status,
            idle_seconds=self._idle_seconds,
            failure=self._failure,
            on_end=self._release_index,
        )
        self._pipes[pipe.pipe_id] = pipe
        return pipe

    def find(self, pipe_id: Any) -> DataPipe:
        """The open pipe with that id. Raises PipeError when there is none."""
        pipe = self._pipes.get(pipe_id) if isinstance(pipe_id, int) else None
        if pipe is None:
            raise PipeError(f"Pipe with id {pipe_id} not found: it was closed, or never opened")
        return pipe

    def close(self) -> None:
        """End the run: abort the open pipes, and refuse those that wait for room."""
        self._closed = True
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(RequestError(_NO_ROOM))
        for pipe in list(self._pipes.values()):
            pipe.abort("the task ended before it was complete")

    async def _wait_for_index(self) -> int:
        waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return await waiter

    def _release_index(self, pipe: DataPipe) -> None:
        del self._pipes[pipe.pipe_id]
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(pipe.index)
                return
        heapq.heappush(self._free_indexes, pipe.index)
