"""Where data that is sent comes into a running task: through pipes, each of which carries one object."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from typing import Any, Callable, Deque, Dict, List

import attrs

from .pipeline import Pipeline
from .request_errors import RequestError
from .status import Status
from .word_count import WordCounter

_NO_ROOM = "The task ended before there was room for another pipe"


@attrs.frozen(kw_only=True)
class Entry:
    """What is known of an object before its data comes.

    Attributes:
        name: its name, a file's for instance.
        path: the path it was sent with, often empty.
        object_id: what identifies it.
        size: its size in bytes as announced; 0 when it was not.
    """

    name: str
    path: str
    object_id: str
    size: int


class Pipe:
    """Carries one object into the pipeline and counts its words as they come.

    Attributes:
        number: identifies it within one run of a task; never used again.
        lane: its place among the pipes that are open at a time; free again once it has ended.

    Args:
        idle: seconds without data after which it is dropped; 0 is never.
    """

    def __init__(
        self,
        number: int,
        lane: int,
        entry: Entry,
        *,
        pipeline: Pipeline,
        status: Status,
        idle: float,
        release: Callable[[Pipe], None],
    ) -> None:
        self.number = number
        self.lane = lane
        self._entry = entry
        self._pipeline = pipeline
        self._status = status
        self._release = release
        self._counter = WordCounter()
        self._size = 0
        self._open = True
        status.expect(1, entry.size)
        flow = [entry.name, *(component.id for component in pipeline.chain)]
        status.begin(f"{pipeline.source.provider}://{entry.name}", entry.size, flow, lane)
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._active_at = self._loop.time()
        self._timer = self._loop.call_later(idle, self._drop_if_idle) if idle else None

    def write(self, data: bytes) -> None:
        """Take in the next piece of the object. Raises RequestError when the pipe has ended."""
        self._check()
        self._active_at = self._loop.time()
        self._size += len(data)
        self._counter.feed(data)

    def close(self) -> Dict[str, Any]:
        """The object is whole: count it as completed and give the result. Raises RequestError when the pipe has ended."""
        self._check()
        words = self._counter.counts if self._pipeline.counts_words else (0, 0)
        self._end()
        self._status.complete(self._size, words, self.lane)
        return self._result()

    def drop(self, reason: str) -> None:
        """The rest of the object will not come: count it as failed. Does nothing when the pipe has ended."""
        if self._open:
            self._end()
            self._status.fail(self._size, reason, self._entry.name, self.lane)

    def _drop_if_idle(self) -> None:
        left = self._active_at + self._idle - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._drop_if_idle)
        else:
            self.drop(f"no data came for {self._idle:g} s")

    def _check(self) -> None:
        if not self._open:
            raise RequestError(f"Pipe with id {self.number} is not open any more")

    def _end(self) -> None:
        """Now the true size is known, whatever was announced."""
        self._open = False
        if self._timer:
            self._timer.cancel()
        self._status.expect(0, self._size - self._entry.size)
        self._release(self)

    def _result(self) -> Dict[str, Any]:
        """`result_types` names the fields that the pipeline added, and their types."""
        document = {"name": self._entry.name, "path": self._entry.path, "objectId": self._entry.object_id}
        if not self._pipeline.counts_words:
            return document
        words, size = self._counter.counts
        return {
            **document,
            "result_types": {"wordcount": "json"},
            "wordcount": {"wordsCount": words, "wordsSize": size},
        }


class DataPipes:
    """The pipes of one run of a task.

    Args:
        pipeline: what the objects go through.
        lanes: how many pipes may be open at a time; the next ones wait for one to end, first come, first served.
        idle: seconds without data after which a pipe is dropped; 0 is never.
    """

    def __init__(self, pipeline: Pipeline, lanes: int, idle: float) -> None:
        self._pipeline = pipeline
        self._idle = idle
        self._free: List[int] = list(range(lanes))
        self._waiting: Deque[asyncio.Future[int]] = deque()
        self._pipes: Dict[int, Pipe] = {}
        self._last = 0
        self._closed = False

    async def open(self, entry: Entry, status: Status) -> Pipe:
        """A pipe for one object, once there is room for it. Raises RequestError when the task ends before that."""
        lane = heapq.heappop(self._free) if self._free else await self._wait()
        if self._closed:
            raise RequestError(_NO_ROOM)
        self._last += 1
        pipe = Pipe(
            self._last,
            lane,
            entry,
            pipeline=self._pipeline,
            status=status,
            idle=self._idle,
            release=self._release,
        )
        self._pipes[pipe.number] = pipe
        return pipe

    def find(self, number: Any) -> Pipe:
        """The open pipe of that number. Raises RequestError when there is none."""
        pipe = self._pipes.get(number) if isinstance(number, int) else None
        if pipe is None:
            raise RequestError(f"Pipe with id {number} not found: it was closed, or never opened")
        return pipe

    def close(self) -> None:
        """The run is over: what is not whole has failed, and nobody needs to wait any more."""
        self._closed = True
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(RequestError(_NO_ROOM))
        for pipe in list(self._pipes.values()):
            pipe.drop("the task ended before it was complete")

    async def _wait(self) -> int:
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        return await turn

    def _release(self, pipe: Pipe) -> None:
        del self._pipes[pipe.number]
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(pipe.lane)
                return
        heapq.heappush(self._free, pipe.lane)
