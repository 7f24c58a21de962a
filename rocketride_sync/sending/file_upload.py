"""The files to send: what is known of each, how far it has come, and what came of it."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import attrs

from .. import arguments
from ..deadline import Deadline
from ..errors import ConfigurationError, RocketRideError, TransportTimeoutError
from ..protocol.operations import Buffer, Data, Operation
from ..transports.chunks import File, size_of

Path = Union[str, "os.PathLike[str]"]
Info = Optional[Mapping[str, Any]]
FileEntry = Union[Path, Tuple[Path, Info], Tuple[Path, Info, Optional[str]]]
Event = Dict[str, Any]
OnUpload = Callable[[Event], object]


@attrs.frozen
class Entry:
    """A file to send: its path as it was given, what is known of it, and its type."""

    path: str
    info: Dict[str, Any]
    mime_type: str


def read_entries(files: Any) -> List[Entry]:
    """The files to send, from the shapes that `RocketRideClient.send_files` takes.

    Raises:
        ConfigurationError: there are none, one has another shape, or is no file.
    """
    if isinstance(files, (str, bytes)) or not isinstance(files, Sequence):
        raise ConfigurationError(f"files must be a list of paths, not {type(files).__name__}")
    if not files:
        raise ConfigurationError("files is empty: there is nothing to send")
    return [_placed(file, index) for index, file in enumerate(files)]


def _placed(file: Any, index: int) -> Entry:
    """The entry for `file`; its errors say which of the files it is."""
    try:
        return _entry(*file) if isinstance(file, tuple) and 1 <= len(file) <= 3 else _entry(file)
    except ConfigurationError as error:
        problem = str(error)
    raise ConfigurationError(f"files[{index}]: {problem}")


def _entry(file: Any, info: Any = None, mime_type: Any = None) -> Entry:
    path = os.fspath(file) if isinstance(file, (str, os.PathLike)) else None
    if not isinstance(path, str):
        raise ConfigurationError("it must be a path (no bytes), (path, objinfo) or (path, objinfo, mimetype)")
    size_of(path)
    known = {"name": _name_of(path)} if info is None else arguments.object_info(info)
    return Entry(path, known, arguments.mime_type(_guessed(path) if mime_type is None else mime_type))


def _name_of(path: str) -> str:
    name = os.path.basename(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        pass
    else:
        return name
    raise ConfigurationError(
        f"the name of the file {path!r} is not UTF-8; rename it, or pass (path, {{'name': …}})"
    )


def _guessed(path: str) -> Optional[str]:
    import mimetypes  # reads the system's tables when first used

    return mimetypes.guess_type(path)[0]


class Upload:
    """One file on its way: its bytes, which tell how far they have come, for the next are asked for when the last
    were sent.

    Args:
        index: its place among the files.
        entry: the file.
        report: told of each step.

    Attributes:
        index, entry, report: as given.
        deadline: by when it must be over.
        operation: sends it.
        size: bytes of the file.
    """

    operation: Operation

    def __init__(self, index: int, entry: Entry, report: Callable[[Upload, Event], object]) -> None:
        self.index = index
        self.entry = entry
        self.report = report
        self.deadline = Deadline(None)
        self.size = 0
        self._file: Iterable[Buffer] = ()
        self._sent = 0
        self._began: Optional[float] = None

    def begin(self, timeout: Optional[float], operation: Callable[[Entry, Data], Operation]) -> None:
        """Its turn has come, perhaps once more.

        Raises:
            ConfigurationError: the file is no more.
            TransportTimeoutError: its time is over.
        """
        if self._began is not None:
            if self.deadline.expired:
                raise TransportTimeoutError("send_files failed: no answer within the timeout")
            return
        self._began = time.monotonic()
        self.deadline = Deadline(timeout)
        file = File.at(self.entry.path)
        self._file, self.size = file, file.size
        self.operation = operation(self.entry, self)

    def __iter__(self) -> Iterator[Buffer]:
        self._sent = 0
        self._step("open")
        for chunk in self._file:
            size = len(chunk)
            yield chunk
            self._sent += size
            self._step("write")
        self._step("close")

    def end(self, outcome: Union[Dict[str, Any], RocketRideError]) -> None:
        """It is over: with its result, or with an error."""
        failed = isinstance(outcome, RocketRideError)
        self._step(
            "error" if failed else "complete",
            upload_time=0.0 if self._began is None else time.monotonic() - self._began,
            result=None if failed else outcome,
            **({"error": str(outcome)} if failed else {}),
        )

    def _step(self, action: str, **more: Any) -> None:
        event = {
            "action": action,
            "filepath": self.entry.path,
            "bytes_sent": self._sent,
            "file_size": self.size,
            **more,
        }
        self.report(self, event)
