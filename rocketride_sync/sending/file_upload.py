"""One file to send: its entry in the arguments, and its upload with the events of its progress."""

from __future__ import annotations

import mimetypes
import os
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Final,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import attrs

from .. import arguments, documents
from ..deadline import Deadline, system_time
from ..errors import ConfigurationError, RocketRideError, TransportTimeoutError
from ..handler_exceptions import pass_on
from ..protocol.operations import Buffer, Data, Operation
from ..redact import excerpt
from ..transports.chunks import File, check_readable

if TYPE_CHECKING:
    from .upload_events import UploadEvent

Path = Union[str, "os.PathLike[str]"]
Info = Optional[Mapping[str, Any]]
FileEntry = Union[Path, Tuple[Path, Info], Tuple[Path, Info, Optional[str]]]
Event = Dict[str, Any]  # an `UploadEvent`
OnUpload = Callable[["UploadEvent"], object]

FINAL_ACTIONS: Final = ("complete", "error")
"""Of the event that ends an upload."""


@attrs.frozen
class Entry:
    """A file to send: its path as given, its object information, and its MIME type."""

    path: str
    info: Dict[str, Any]
    mime_type: str


def read_entries(files: Any) -> List[Entry]:
    """Read the entries from the forms that `RocketRideClient.send_files` accepts.

    Raises:
        ConfigurationError: there are none, or one has another form or is no file.
    """
    if isinstance(files, (str, bytes)) or not isinstance(files, Sequence):
        raise ConfigurationError(f"files must be a list of paths, not {type(files).__name__}")
    if not files:
        raise ConfigurationError("files is empty: there is nothing to send")
    return [_read_entry_at(file, index) for index, file in enumerate(files)]


def _read_entry_at(file: Any, index: int) -> Entry:
    """The entry for `file`. Its errors name the index."""
    try:
        return _read_entry(*file) if isinstance(file, tuple) and 1 <= len(file) <= 3 else _read_entry(file)
    except ConfigurationError as error:
        pass_on(error)
        problem, cause = str(error), error.__cause__
    raise ConfigurationError(f"files[{index}]: {problem}") from cause


def _read_entry(file: Any, info: Any = None, mime_type: Any = None) -> Entry:
    path = os.fspath(file) if isinstance(file, (str, os.PathLike)) else None
    if not isinstance(path, str):
        raise ConfigurationError("it must be a path (no bytes), (path, objinfo) or (path, objinfo, mimetype)")
    check_readable(path)
    known = {"name": _file_name(path)} if info is None else documents.object_info(info)
    return Entry(path, known, arguments.mime_type(_guess_type(path) if mime_type is None else mime_type))


def _file_name(path: str) -> str:
    name = os.path.basename(path)
    for text in _readings(name):
        try:
            text.encode()
        except UnicodeEncodeError:
            continue
        return text
    raise ConfigurationError(
        f"the name of the file {path!r} is not UTF-8; rename it, or pass (path, {{'name': …}})"
    )


def _readings(name: str) -> List[str]:
    """What `name` may say: its bytes are mostly UTF-8, also where the locale is not, and Python took them for other text."""
    try:
        return [os.fsencode(name).decode(), name]
    except UnicodeError:
        return [name]


def _guess_type(path: str) -> Optional[str]:
    return mimetypes.guess_type(path)[0]


class Upload:
    """The upload of one file, and the data that it sends.

    It reports progress while it is iterated: a chunk is asked for when the chunk before it has been sent.

    Args:
        index: the index of the file.
        entry: the file.
        report: called with each event.

    Attributes:
        index, entry, report: as given.
        deadline: of the whole upload.
        operation: the operation that sends the file.
        size: the size of the file in bytes.
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
        """Begin the upload. It may begin again, over another connection, within the same deadline.

        Raises:
            ConfigurationError: the file no longer exists.
            TransportTimeoutError: the deadline has passed.
        """
        if self._began is not None:
            if self.deadline.expired:
                raise TransportTimeoutError("send_files failed: no answer within the timeout")
            return
        self._began = system_time.monotonic()
        self.deadline = Deadline(timeout)
        file = File.at(self.entry.path)
        self._file, self.size = file, file.size
        self.operation = operation(self.entry, self)

    @property
    def begun(self) -> bool:
        return self._began is not None

    def __iter__(self) -> Iterator[Buffer]:
        self._sent = 0
        self._report_step("open")
        for chunk in self._file:
            size = len(chunk)
            yield chunk
            self._sent += size
            self._report_step("write")
        self._report_step("close")

    def end(self, outcome: Union[Dict[str, Any], RocketRideError]) -> None:
        """End the upload, with the result of the file or with an error. A result may tell of one, too."""
        failed = isinstance(outcome, RocketRideError)
        error = str(outcome) if isinstance(outcome, RocketRideError) else _error_in(outcome)
        self._report_step(
            "error" if error else "complete",
            upload_time=0.0 if self._began is None else system_time.monotonic() - self._began,
            result=None if failed else outcome,
            **({"error": error} if error else {}),
        )

    def _report_step(self, action: str, **more: Any) -> None:
        event = {
            "action": action,
            "filepath": self.entry.path,
            "bytes_sent": self._sent,
            "file_size": self.size,
            **more,
        }
        self.report(self, event)


_ERROR_SHOWN = 200  # characters


def _error_in(result: Dict[str, Any]) -> str:
    """What went wrong within the pipeline, by the result of an object; empty if nothing did."""
    error = result.get("error")
    return f"the pipeline failed on it: {excerpt(str(error), _ERROR_SHOWN)}" if error else ""
