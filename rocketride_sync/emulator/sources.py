"""The source components of pipelines. A source runs the task's work, and updates the task's status meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Protocol, TypeVar

import attrs

from .checked_fields import CheckedFields
from .data_pipes import DataPipePool
from .pipeline import Pipeline
from .request_errors import RequestError
from .sandboxed_files import FileListing, SourceFile, list_files, read_chunks
from .settings import Settings
from .status_record import StatusRecord
from .word_count import WordCounter

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class EngineExit:
    """How the engine of a task ended.

    Attributes:
        code: 0 (or None) for success; anything else is a failure.
        message: the reason.
        cancelled: whether it was stopped.
        stopping_seconds: how long the task stays STOPPING afterwards.
    """

    code: Optional[int] = 0
    message: str = ""
    cancelled: bool = False
    stopping_seconds: float = 0.0


class Source(Protocol):
    """One run of a source. Cancelling the asyncio task that runs it stops it.

    Attributes:
        stopping_seconds: how long the task stays STOPPING after a stop.
        pipe_pool: the pipes for data that clients send; None for a source that takes no such data.
    """

    stopping_seconds: float
    pipe_pool: Optional[DataPipePool]

    async def load(self) -> None:
        """Prepare the run, while the task is INITIALIZING. Raises RequestError when that fails."""

    async def run(self, status: StatusRecord) -> EngineExit:
        """Do the task's work, while the task is RUNNING."""


def make_source(pipeline: Pipeline, root: Optional[Path], threads: int, settings: Settings) -> Source:
    """Create the source of `pipeline`.

    Args:
        pipeline: the pipeline.
        root: the directory that a `files` source may read, or None.
        threads: how many objects that clients send are processed at a time.
        settings: delays and limits.

    Raises:
        RequestError: the config of the source is wrong.
    """
    config = CheckedFields(pipeline.source.config, f"Pipeline: component {pipeline.source.id!r}: config")
    source: Source
    if pipeline.source.provider == "files":
        source = FilesSource(config, pipeline, root)
    elif pipeline.source.provider == "simulate":
        source = SimulateSource(config, pipeline)
    else:
        return ReceivingSource(pipeline, threads, settings)
    config.check_unknown()
    return source


class FilesSource:
    """Reads files and counts their words.

    Config: `paths`, files or directories below the server's root; `delay`, seconds to wait before each file is read (0).
    """

    stopping_seconds = 0.0
    pipe_pool: Optional[DataPipePool] = None

    def __init__(self, config: CheckedFields, pipeline: Pipeline, root: Optional[Path]) -> None:
        self._names = config.strings("paths")
        self._delay = config.seconds("delay", 0.0)
        self._root = root
        self._counts_words = pipeline.counts_words
        self._component_ids = [component.id for component in pipeline.chain]
        self._listing = FileListing([], [])

    async def load(self) -> None:
        self._listing = await _in_thread(lambda: list_files(self._root, self._names))

    async def run(self, status: StatusRecord) -> EngineExit:
        files = self._listing.files
        for name, reason in self._listing.skipped:
            status.warning(reason, name)
        status.expect(len(files), sum(file.size for file in files))
        for file in files:
            status.begin(f"filesys://{file.name}", file.size, [file.path.name, *self._component_ids])
            await asyncio.sleep(self._delay)
            await self._process(file, status)
        return EngineExit()

    async def _process(self, file: SourceFile, status: StatusRecord) -> None:
        counter = WordCounter()
        try:
            size = await self._read(file, counter)
        except OSError as error:
            status.fail(file.size, f"cannot be read: {error.strerror}", file.name)
        else:
            status.complete(size, counter.counts if self._counts_words else (0, 0))

    async def _read(self, file: SourceFile, counter: WordCounter) -> int:
        """Count the words of a file, and return its size.

        Each chunk is read in a thread, so that the server stays responsive and a stop takes effect soon.
        """
        chunks, size = read_chunks(file), 0
        while True:
            chunk_size = await _in_thread(lambda: _count_next_chunk(chunks, counter))
            if not chunk_size:
                return size
            size += chunk_size


class SimulateSource:
    """Simulates work on items, for tests.

    Config, with defaults in parentheses: `seconds`, how long the work takes (1); `total`, the number of items (4);
    `failed`, how many of them fail (0); `errors` and `warnings`, messages spread over the items; `exit_code` (0) and
    `exit_message` of the end; `init_seconds`, how long it stays INITIALIZING (0); `stopping_seconds`, how long it stays
    STOPPING (0); `forever`, whether it stays RUNNING after the work (false).
    """

    pipe_pool: Optional[DataPipePool] = None
    ITEM_SIZE = 1000
    ITEM_WORDS = (7, 35)

    def __init__(self, config: CheckedFields, pipeline: Pipeline) -> None:
        self._component_ids = [component.id for component in pipeline.chain]
        self._seconds = config.seconds("seconds", 1.0)
        self._total = config.count("total", 4)
        self._failed = config.count("failed", 0)
        self._errors = config.strings("errors", [])
        self._warnings = config.strings("warnings", [])
        self._init_seconds = config.seconds("init_seconds", 0.0)
        self._forever = config.flag("forever")
        self.stopping_seconds = config.seconds("stopping_seconds", 0.0)
        code = config.exit_code("exit_code")
        self._exit = EngineExit(
            code=code, message=config.text("exit_message"), stopping_seconds=self.stopping_seconds
        )
        if self._failed > self._total:
            raise RequestError(f"{config.where}: 'failed' must not exceed 'total'")

    async def load(self) -> None:
        await asyncio.sleep(self._init_seconds)

    async def run(self, status: StatusRecord) -> EngineExit:
        status.expect(self._total, self._total * self.ITEM_SIZE)
        steps = max(self._total, 1)
        started = asyncio.get_running_loop().time()
        for step in range(steps):
            if self._total:
                name = f"item-{step + 1:04}"
                status.begin(f"simulate://{name}", self.ITEM_SIZE, [name, *self._component_ids])
            await _sleep_until(started + self._seconds * (step + 1) / steps)
            self._finish_step(step, steps, status)
        if self._forever:
            await asyncio.Event().wait()
        return self._exit

    def _finish_step(self, step: int, steps: int, status: StatusRecord) -> None:
        location = f"simulate:{step + 1}"
        for text in _messages_of_step(self._errors, step, steps):
            status.error(text, location)
        for text in _messages_of_step(self._warnings, step, steps):
            status.warning(text, location)
        if step >= self._total:
            return
        if step >= self._total - self._failed:
            status.fail(self.ITEM_SIZE, f"item {step + 1} failed", location)
        else:
            status.complete(self.ITEM_SIZE, self.ITEM_WORDS)


class ReceivingSource:
    """Processes the objects that clients send, until it is stopped: `webhook` and `dropper`."""

    stopping_seconds = 0.0

    def __init__(self, pipeline: Pipeline, threads: int, settings: Settings) -> None:
        self.pipe_pool: Optional[DataPipePool] = DataPipePool(pipeline, threads, settings.pipe_idle)

    async def load(self) -> None:
        """Nothing to prepare."""

    async def run(self, status: StatusRecord) -> EngineExit:  # noqa: ARG002  (the pipes update it)
        await asyncio.Event().wait()
        return EngineExit()


def _messages_of_step(texts: List[str], step: int, steps: int) -> List[str]:
    """The messages of one step, when `texts` are spread evenly over `steps`."""
    return texts[len(texts) * step // steps : len(texts) * (step + 1) // steps]


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _count_next_chunk(chunks: Iterator[bytes], counter: WordCounter) -> int:
    """Count the words of the next chunk, and return its size: 0 at the end."""
    chunk = next(chunks, b"")
    if chunk:
        counter.feed(chunk)
    return len(chunk)
