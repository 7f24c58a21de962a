"""What a client sends to tasks: an object, files, or an object piece by piece."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Union

from .. import arguments
from ..deadline import Deadline
from ..errors import ConfigurationError
from ..options import OMITTED, Timeout, optional_seconds
from ..protocol import operations
from ..protocol.operations import Data, Operation
from .base_client import BaseClient

# What sends is loaded when something is sent: most processes only ask for a status.
if TYPE_CHECKING:
    from ..sending.file_upload import FileEntry, OnUpload
    from ..sending.pipe import Pipe
    from ..transports import pipe_interface

_PARSED_AT_ONCE = ("application/json", "application/rocketride-", "lane/")


class SendingMethods(BaseClient):
    """The part of `RocketRideClient` that sends data to tasks."""

    def send(
        self,
        token: str,
        data: Union[str, bytes],
        objinfo: Optional[Mapping[str, Any]] = None,
        mimetype: Optional[str] = None,
        *,
        timeout: Timeout = OMITTED,
    ) -> Dict[str, Any]:
        """Send one object to a task whose source takes data (webhook, dropper, chat), and return its result.

        It is never sent a second time once it may have arrived.

        Args:
            token: the task's token.
            data: the object; a str is sent as UTF-8. It goes in pieces of 1 MiB, but for JSON, which servers parse
                piece by piece.
            objinfo: what is known of it, such as ``{"name": "a.txt"}``. HTTP carries the name only.
            mimetype: its type, by which the server chooses how to take it. Default ``application/octet-stream``.
            timeout: seconds for all of it, until the result; omitted, the client's; None is unlimited.

        Returns:
            The result: ``name``, ``path``, ``objectId``, and what the pipeline made of the object, in fields that
            ``result_types`` names, as in ``{"result_types": {"text": "text"}, "text": ["…"]}``. Servers put what
            went wrong within a pipeline into ``error``.

        Raises:
            ServerError: the task takes no data, or the object was refused; `TaskNotFoundError` if there is no such
                task.
            UnsupportedOperationError: HTTP cannot carry something of `objinfo`.
            TransportError: with `request_sent`, it may have arrived; the task's counts tell.
        """
        from ..sending.pipe import result_of
        from ..transports.chunks import CHUNK, Bytes

        mime_type = arguments.mime_type(mimetype)
        whole = mime_type.lower().startswith(_PARSED_AT_ONCE)
        body = Bytes(_encoded(data), None if whole else CHUNK)
        operation = operations.send(
            "send", arguments.task_token(token), arguments.object_info(objinfo), mime_type, data=body
        )
        return result_of("send", self._call(operation, timeout))

    def pipe(
        self,
        token: str,
        objinfo: Optional[Mapping[str, Any]] = None,
        mime_type: Optional[str] = None,
        provider: Optional[str] = None,
        *,
        timeout: Timeout = OMITTED,
    ) -> Pipe:
        """Send one object piece by piece: the pipe for it, not yet open. See `Pipe`.

        Args:
            token: the task's token.
            objinfo: what is known of the object, such as ``{"name": "a.txt"}``. HTTP carries the name only.
            mime_type: its type. Default ``application/octet-stream``.
            provider: the source that must be the one to take it, such as ``webhook``. WebSocket only.
            timeout: seconds for each call of the pipe's methods; omitted, the client's; None is unlimited.
        """
        from ..sending.pipe import Pipe
        from ..transports.pipe_interface import open_pipe

        operation = operations.send(
            "pipe",
            arguments.task_token(token),
            arguments.object_info(objinfo),
            arguments.mime_type(mime_type),
            provider=provider,
        )

        caller = self._caller

        def opener(deadline: Deadline) -> pipe_interface.Pipe:
            return caller.retry_overload(lambda: open_pipe(caller.transport, operation, deadline), deadline)

        return Pipe(opener, functools.partial(caller.attempt, operation), self._limit(timeout))

    def send_files(
        self,
        files: Sequence[FileEntry],
        token: str,
        *,
        max_workers: Optional[int] = None,
        on_progress: Optional[OnUpload] = None,
        timeout: Optional[float] = None,
    ) -> List[Dict[str, Any]]:
        """Send files to a task, several at a time, and return what became of each.

        A file that fails does not keep the others from being sent. Over WebSocket they share one connection (if it
        breaks, what is on its way fails, and the rest goes over a new one); over HTTP they go in threads, which end
        before this returns. On Ctrl-C, and when `on_progress` raises, what has not
        begun is left, and what is on its way is cut off, over HTTP within about a second.

        Args:
            files: what to send: a path, ``(path, objinfo)`` or ``(path, objinfo, mimetype)`` each. Without them,
                objinfo is ``{"name": …}`` with the file's name, and the type is guessed from it.
            token: the task's token.
            max_workers: how many at a time. Default 32, over HTTP 4. More than the task's `threads` wait on the
                server for each other, and so does their `timeout`.
            on_progress: called with a dict for each step of each file, in your thread, one at a time: ``action`` is
                ``open``, ``write`` (after each MiB), ``close`` (all is sent), then ``complete`` or ``error``, which
                is the file's result. All have ``filepath``, ``file_size`` and ``bytes_sent``.
            timeout: seconds for each file, until its result; None, the default, is unlimited.

        Returns:
            For each file, in the order of `files`, a dict: ``action`` (``complete`` or ``error``), ``filepath``,
            ``bytes_sent``, ``file_size``, ``upload_time`` (seconds), ``result`` (as of `send`, or None), and
            ``error`` (a message) if it failed.

        Raises:
            ConfigurationError: an entry is unusable, or no file is there. Nothing has been sent then.
        """
        from ..sending import file_batch, file_upload

        arguments.task_token(token)
        limit = optional_seconds("timeout", timeout)
        entries = file_upload.read_entries(files)
        if max_workers is not None and (type(max_workers) is not int or max_workers < 1):
            raise ConfigurationError(f"max_workers must be a positive number, not {max_workers!r}")

        def operation(entry: file_upload.Entry, data: Data) -> Operation:
            return operations.send("send_files", token, entry.info, entry.mime_type, data=data)

        return file_batch.Batch(self._caller, operation, on_progress, limit).send(entries, max_workers)


def _encoded(data: Any) -> Any:
    if not isinstance(data, str):
        return data
    try:
        return data.encode()
    except UnicodeEncodeError:
        pass
    raise ConfigurationError("data holds lone surrogates, which UTF-8 cannot say; pass bytes")
