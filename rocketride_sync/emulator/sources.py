"""Where the data of a pipeline comes from: each source does its work and writes the task's status as it goes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Protocol, TypeVar

import attrs

from .data_pipes import DataPipes
from .fields import Fields
from .files import Item, Listing, list_files, read_chunks
from .pipeline import Pipeline
from .request_errors import RequestError
from .settings import Settings
from .status import Status
from .word_count import WordCounter

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Exit:
    """How an engine ended.

    Attributes:
        code: 0 (or None) for success; anything else is a failure.
        message: the reason.
        cancelled: it was told to stop.
        linger: seconds until the process is gone.
    """

    code: Optional[int] = 0
    message: str = ""
    cancelled: bool = False
    linger: float = 0.0


class Source(Protocol):
    """One run of a source. It is stopped by cancelling the asyncio task it runs in.

    Attributes:
        linger: seconds until its process is gone after that.
        data_pipes: where data that is sent goes in; None when the source gets its data elsewhere.
    """

    linger: float
    data_pipes: Optional[DataPipes]

    async def load(self) -> None:
        """Get ready, while the task is INITIALIZING. Raises RequestError when that fails."""

    async def run(self, status: Status) -> Exit:
        """Do the work, while the task is RUNNING."""


def make_source(pipeline: Pipeline, root: Optional[Path], threads: int, settings: Settings) -> Source:
    """The source that `pipeline` begins with.

    Args:
        pipeline: the pipeline.
        root: the directory that `files` may read, or None.
        threads: how many objects that are sent may be in work at a time.
        settings: delays and limits.

    Raises:
        RequestError: its config is wrong.
    """
    config = Fields(pipeline.source.config, f"Pipeline: component {pipeline.source.id!r}: config")
    source: Source
    if pipeline.source.provider == "files":
        source = FilesSource(config, pipeline, root)
    elif pipeline.source.provider == "simulate":
        source = SimulateSource(config, pipeline)
    else:
        return ServingSource(pipeline, threads, settings)
    config.check_unknown()
    return source


class FilesSource:
    """Reads files and counts their words.

    Config: `paths`, files or directories below the server's root; `delay`, seconds to spend on each file before it is read (0).
    """

    linger = 0.0
    data_pipes: Optional[DataPipes] = None

    def __init__(self, config: Fields, pipeline: Pipeline, root: Optional[Path]) -> None:
        self._names = config.strings("paths")
        self._delay = config.seconds("delay", 0.0)
        self._root = root
        self._counts_words = pipeline.counts_words
        self._pipe = [component.id for component in pipeline.chain]
        self._listing = Listing([], [])

    async def load(self) -> None:
        self._listing = await _in_thread(lambda: list_files(self._root, self._names))

    async def run(self, status: Status) -> Exit:
        items = self._listing.items
        for name, reason in self._listing.skipped:
            status.warning(reason, name)
        status.expect(len(items), sum(item.size for item in items))
        for item in items:
            status.begin(f"filesys://{item.name}", item.size, [item.path.name, *self._pipe])
            await asyncio.sleep(self._delay)
            await self._process(item, status)
        return Exit()

    async def _process(self, item: Item, status: Status) -> None:
        counter = WordCounter()
        try:
            size = await self._read(item, counter)
        except OSError as error:
            status.fail(item.size, f"cannot be read: {error.strerror}", item.name)
        else:
            status.complete(size, counter.counts if self._counts_words else (0, 0))

    async def _read(self, item: Item, counter: WordCounter) -> int:
        """Chunk by chunk in a thread, so that the server stays responsive and a stop takes effect soon."""
        chunks, size = read_chunks(item), 0
        while True:
            taken = await _in_thread(lambda: _take(chunks, counter))
            if not taken:
                return size
            size += taken


class SimulateSource:
    """Pretends to process items, for tests.

    Config: `seconds` the work takes (1), number of items in `total` (4), how many of them come out as `failed` (0),
    texts of `errors` and `warnings` spread over the items, `exit_code` (0) and `exit_message` at the end,
    `init_seconds` in INITIALIZING (0), `stopping_seconds` in STOPPING (0), `forever` to stay RUNNING after the work.
    """

    data_pipes: Optional[DataPipes] = None
    ITEM_SIZE = 1000
    ITEM_WORDS = (7, 35)

    def __init__(self, config: Fields, pipeline: Pipeline) -> None:
        self._pipe = [component.id for component in pipeline.chain]
        self._seconds = config.seconds("seconds", 1.0)
        self._total = config.count("total", 4)
        self._failed = config.count("failed", 0)
        self._errors = config.strings("errors", [])
        self._warnings = config.strings("warnings", [])
        self._init_seconds = config.seconds("init_seconds", 0.0)
        self._forever = config.flag("forever")
        self.linger = config.seconds("stopping_seconds", 0.0)
        code = config.exit_code("exit_code")
        self._exit = Exit(code=code, message=config.text("exit_message"), linger=self.linger)
        if self._failed > self._total:
            raise RequestError(f"{config.where}: 'failed' must not exceed 'total'")

    async def load(self) -> None:
        await asyncio.sleep(self._init_seconds)

    async def run(self, status: Status) -> Exit:
        status.expect(self._total, self._total * self.ITEM_SIZE)
        steps = max(self._total, 1)
        started = asyncio.get_running_loop().time()
        for step in range(steps):
            if self._total:
                name = f"item-{step + 1:04}"
                status.begin(f"simulate://{name}", self.ITEM_SIZE, [name, *self._pipe])
            await _sleep_until(started + self._seconds * (step + 1) / steps)
            self._finish(step, steps, status)
        if self._forever:
            await asyncio.Event().wait()
        return self._exit

    def _finish(self, step: int, steps: int, status: Status) -> None:
        location = f"simulate:{step + 1}"
        for text in _share(self._errors, step, steps):
            status.error(text, location)
        for text in _share(self._warnings, step, steps):
            status.warning(text, location)
        if step >= self._total:
            return
        if step >= self._total - self._failed:
            status.fail(self.ITEM_SIZE, f"item {step + 1} failed", location)
        else:
            status.complete(self.ITEM_SIZE, self.ITEM_WORDS)


class ServingSource:
    """Works on what is sent to it until it is stopped: `webhook` and `dropper`."""

    linger = 0.0

    def __init__(self, pipeline: Pipeline, threads: int, settings: Settings) -> None:
        self.data_pipes: Optional[DataPipes] = DataPipes(pipeline, threads, settings.pipe_idle)

    async def load(self) -> None:
        """Nothing to get ready."""

    async def run(self, status: Status) -> Exit:  # noqa: ARG002  (the data_pipes writes it)
        await asyncio.Event().wait()
        return Exit()


def _share(texts: List[str], step: int, steps: int) -> List[str]:
    return texts[len(texts) * step // steps : len(texts) * (step + 1) // steps]


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _take(chunks: Iterator[bytes], counter: WordCounter) -> int:
    chunk = next(chunks, b"")
    if chunk:
        counter.feed(chunk)
    return len(chunk)
