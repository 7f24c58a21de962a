"""The types of what is told of files that are sent. At runtime these are plain dicts."""

from __future__ import annotations

from typing import Any, Dict, Literal, Optional, TypedDict, Union


class UploadStep(TypedDict):
    """A step of a file's way.

    Attributes:
        action: ``open``, ``write`` (after each MiB), or ``close`` (everything is sent).
        filepath: the path, as it was given.
        bytes_sent: the bytes sent so far.
        file_size: the size of the file in bytes.
    """

    action: Literal["open", "write", "close"]
    filepath: str
    bytes_sent: int
    file_size: int


class _Finished(TypedDict):
    action: Literal["complete", "error"]
    filepath: str
    bytes_sent: int
    file_size: int
    upload_time: float
    # No TypedDict: the names of the pipeline's outputs differ from one pipeline to the next.
    result: Optional[Dict[str, Any]]


class UploadResult(_Finished, total=False):
    """The result of a file. It is also the last event of its upload.

    Attributes:
        action: ``complete`` or ``error``.
        filepath: the path, as it was given.
        bytes_sent: the bytes sent.
        file_size: the size of the file in bytes.
        upload_time: seconds.
        result: the pipeline's result, as `RocketRideClient.send` returns it; None if the file failed.
        error: why it failed; absent if it did not.
    """

    error: str


UploadEvent = Union[UploadStep, UploadResult]
"""What `on_progress` of `RocketRideClient.send_files` is called with."""
