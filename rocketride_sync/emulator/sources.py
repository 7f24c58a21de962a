"""The source components of pipelines. A source runs the task's work, and updates the task's status meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Callable, Iterator, Optional, Protocol, TypeVar

from .checked_fields import CheckedFields
from .data_pipes import DataPipePool
from .ends import EngineExit
from .pipeline import Pipeline
from .sandboxed_files import FileListing, SourceFile, list_files, read_chunks
from .settings import Settings
from .simulate_source import SimulateSource
from .status_record import StatusRecord
from .word_count import WordCounter

T = TypeVar("T")


class Source(Protocol):
    """One run of a source. Cancelling the asyncio task that runs it stops it.

    Attributes:
        stop_exit: how the engine ends when it is stopped.
        restart_code_seen: whether an older server sees the exit code of the process after a restart: a race there.
        logged: whether the run log gets its runs.
        pipe_pool: the pipes for data that clients send; None for a source that takes no such data.
    """

    stop_exit: EngineExit
    restart_code_seen: bool
    logged: bool
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
        return ReceivingSource(config, pipeline, threads, settings)
    config.check_unknown()
    return source


class FilesSource:
    """Reads files and counts their words.

    Config: `paths`, files or directories below the server's root; `delay`, seconds to wait before each file is read (0).
    """

    stop_exit = EngineExit(line=False)
    restart_code_seen = False
    logged = True
    pipe_pool: Optional[DataPipePool] = None

    def __init__(self, config: CheckedFields, pipeline: Pipeline, root: Optional[Path]) -> None:
        self._names = config.strings("paths")
        self._delay = config.seconds("delay", 0.0)
        self._root = root
        self._counts_words = pipeline.has("wordcount")
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
            status.begin(
                f"filesys://{file.name}", file.size, [file.name.rpartition("/")[2], *self._component_ids]
            )
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


class ReceivingSource:
    """Processes the objects that clients send, until it is stopped: `webhook`, `dropper` and `chat`.

    Config, for tests: `bind_seconds`, how long after the start of the task nothing can be sent (0); `refuse`, the reason
    for which every object is refused (null: none is); `fail`, the reason for which every object fails in the end (null:
    none does). Whatever else a real server takes is passed over.
    """

    stop_exit = EngineExit(line=False)
    restart_code_seen = False
    logged = True

    def __init__(self, config: CheckedFields, pipeline: Pipeline, threads: int, settings: Settings) -> None:
        self._pool = DataPipePool(
            pipeline,
            threads,
            settings.pipe_idle,
            refusal=config.optional_text("refuse"),
            failure=config.optional_text("fail"),
        )
        self.pipe_pool: Optional[DataPipePool] = self._pool
        self._bind_seconds = config.seconds("bind_seconds", 0.0)
        self._pool.is_bound = not self._bind_seconds

    async def load(self) -> None:
        """Nothing to prepare."""

    async def run(self, status: StatusRecord) -> EngineExit:  # noqa: ARG002  (the pipes update it)
        await asyncio.sleep(self._bind_seconds)
        self._pool.is_bound = True
        await asyncio.Event().wait()
        return EngineExit()


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _count_next_chunk(chunks: Iterator[bytes], counter: WordCounter) -> int:
    """Count the words of the next chunk, and return its size: 0 at the end."""
    chunk = next(chunks, b"")
    if chunk:
        counter.feed(chunk)
    return len(chunk)
