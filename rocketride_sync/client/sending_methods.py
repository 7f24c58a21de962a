"""The client's methods that send data to a task: one object, an object in pieces, or many files."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Union, cast

from .. import arguments
from ..deadline import Deadline
from ..errors import ConfigurationError
from ..loading import load
from ..options import CLIENT_TIMEOUT, Seconds, optional_seconds
from ..protocol.operations import Data, Operation
from .base_client import BaseClient

# Loaded when something is sent: most processes only read a status.
if TYPE_CHECKING:
    from ..sending import question as question_form
    from ..sending.file_upload import FileEntry, OnUpload
    from ..sending.pipe import Pipe
    from ..sending.upload_events import UploadResult
    from ..transports import pipe_interface

_SENT_WHOLE = ("application/json", "application/rocketride-", "lane/")


class SendingMethods(BaseClient):
    """The methods of `RocketRideClient` that send data to tasks."""

    def send(
        self,
        token: str,
        data: Union[str, bytes],
        objinfo: Optional[Mapping[str, Any]] = None,
        mimetype: Optional[str] = None,
        *,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> Dict[str, Any]:
        """Send one object to a task whose source takes data (webhook, dropper, chat), and return its result.

        The object is never sent a second time once it may have arrived.

        Args:
            token: the task's token.
            data: the object; a str is sent as UTF-8. It is sent in pieces of 1 MiB, except JSON, which is sent whole
                because servers parse each piece by itself.
            objinfo: information about it, such as ``{"name": "a.txt"}``. HTTP carries the name only.
            mimetype: its MIME type, by which the server chooses how to process it; ``application/octet-stream`` by
                default.
            timeout: seconds for the whole call, until the result; omitted, the client's; None is unlimited.

        Returns:
            The result: ``name``, ``path``, ``objectId``, and the output of the pipeline, in fields that
            ``result_types`` names, as in ``{"result_types": {"text": "text"}, "text": ["…"]}``. Servers report an
            error within a pipeline in ``error``.

        Raises:
            ServerError: the task takes no data, or the object was refused. If there is no such task, it is a
                `TaskNotFoundError`.
            UnsupportedOperationError: HTTP cannot carry something of `objinfo`.
            TransportError: with `request_sent`, the object may have arrived; the task's counts show it.
        """
        load(_sending)
        from .. import documents
        from ..protocol import object_operations
        from ..sending.pipe import result_of
        from ..transports.chunks import CHUNK, Bytes, encoded

        mime_type = arguments.mime_type(mimetype)
        whole = mime_type.lower().startswith(_SENT_WHOLE)
        body = Bytes(encoded(data), None if whole else CHUNK)
        operation = object_operations.send(
            "send", arguments.task_token(token), documents.object_info(objinfo), mime_type, data=body
        )
        return result_of("send", self._call(operation, timeout))

    def chat(
        self,
        token: str,
        question: question_form.Question,
        *,
        role: Optional[str] = None,
        instructions: Optional[question_form.Pairs] = None,
        examples: Optional[question_form.Pairs] = None,
        history: Optional[question_form.Pairs] = None,
        context: Optional[question_form.Texts] = None,
        goals: Optional[question_form.Texts] = None,
        expect_json: Optional[bool] = None,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> Dict[str, Any]:
        """Ask a question of a task whose pipeline answers questions, and return its result.

        Args:
            token: the task's token.
            question: the question, or a list of questions. Or the wire's document as a dict:
                ``model_dump(mode="json")`` of the official client's ``Question``.
            role: the role of the model, such as ``"You are a financial analyst"``.
            instructions: pairs of a title and an instruction, or a dict of them.
            examples: pairs of an input and its expected result, as values of JSON.
            history: the earlier conversation, in pairs: who spoke (``user``, ``assistant`` or ``system``), and the
                text.
            context: what else the model should know: a text, or a list of texts.
            goals: what the model should work towards: a text, or a list of texts.
            expect_json: whether the answer must be JSON.
            timeout: seconds for the whole call, until the answer; omitted, the client's; None is unlimited.

        Returns:
            The result as of `send`. The answers are in the field whose type in ``result_types`` is ``answers``: in most
            pipelines ``result["answers"][0]``.

        Raises:
            ConfigurationError: the question is empty, or a part of it has a wrong form.
            ServerError: the task takes no questions. If there is no such task, it is a `TaskNotFoundError`.
            TransportError: with `request_sent`, the question may have arrived.
        """
        load(_asking)
        from ..sending import question as question_form
        from ..sending.pipe import result_of

        # Counted from 1 for each client, as the official one does: names of objects show in the task's status.
        numbers = self.__dict__.setdefault("_question_numbers", itertools.count(1))
        operation = question_form.operation(
            arguments.task_token(token),
            next(numbers),
            question,
            role=role,
            instructions=instructions,
            examples=examples,
            history=history,
            context=context,
            goals=goals,
            expect_json=expect_json,
        )
        return result_of("chat", self._call(operation, timeout))

    def pipe(
        self,
        token: str,
        objinfo: Optional[Mapping[str, Any]] = None,
        mime_type: Optional[str] = None,
        provider: Optional[str] = None,
        *,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> Pipe:
        """A pipe, not yet open, that sends one object in pieces. See `Pipe`.

        Args:
            token: the task's token.
            objinfo: information about the object, such as ``{"name": "a.txt"}``. HTTP carries the name only.
            mime_type: its MIME type. Default ``application/octet-stream``.
            provider: the source that must receive it, such as ``webhook``. WebSocket only.
            timeout: seconds for each call of the pipe's methods; omitted, the client's; None is unlimited.
        """
        load(_sending)
        from .. import documents
        from ..protocol import object_operations
        from ..sending.pipe import Pipe
        from ..transports.pipe_interface import open_pipe

        operation = object_operations.send(
            "pipe",
            arguments.task_token(token),
            documents.object_info(objinfo),
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
        timeout: Optional[Seconds] = None,
    ) -> List[UploadResult]:
        """Send files to a task, several at a time, and return a result for each.

        A file that fails does not stop the others. Over WebSocket they share one connection; if it breaks, the files in
        transfer fail, and the rest goes over a new one. Over HTTP they are sent by threads, which end before this
        returns. After Ctrl-C, or an exception in `on_progress`, no further file is begun, and those in transfer are cut
        off, over HTTP within about a second. Of a file that grows meanwhile, what it held at first is sent. One that
        has content, but whose size reads as 0, as in ``/proc``, fails: send a copy.

        Args:
            files: for each file a path, ``(path, objinfo)`` or ``(path, objinfo, mimetype)``. By default objinfo is
                ``{"name": …}`` with the file's name, and the type is guessed from the name.
            token: the task's token.
            max_workers: how many at a time. Default 32, over HTTP 4. If there are more than the task's
                `threads`, some wait on the server, and that time counts against their `timeout`.
            on_progress: called with an `UploadEvent`, a dict, for each step of each file, in your thread, one at a
                time: ``action`` is ``open``, ``write`` (after each MiB), ``close`` (everything is sent), then
                ``complete`` or ``error``, which is the file's result. Each has ``filepath``, ``file_size`` and
                ``bytes_sent``.
            timeout: seconds for each file, until its result; None, the default, is unlimited.

        Returns:
            For each file, in the order of `files`, an `UploadResult`, a dict: ``action`` (``complete`` or ``error``),
            ``filepath``, ``bytes_sent``, ``file_size``, ``upload_time`` (seconds), ``result`` (as of `send`, or None),
            and ``error`` (a message) if it failed. Then the `result` is None, unless it holds the error itself.

        Raises:
            ConfigurationError: an entry or another argument is unusable, or a file does not exist. Then nothing has been sent.
        """
        load(_sending_files)
        from ..protocol import object_operations
        from ..sending import file_batch, file_upload

        token = arguments.task_token(token)
        limit = optional_seconds("timeout", timeout)
        arguments.function("on_progress", on_progress)
        entries = file_upload.read_entries(files)
        if max_workers is not None and (type(max_workers) is not int or max_workers < 1):
            raise ConfigurationError(f"max_workers must be a positive number, not {max_workers!r}")

        def operation(entry: file_upload.Entry, data: Data) -> Operation:
            return object_operations.send("send_files", token, entry.info, entry.mime_type, data=data)

        batch = file_batch.FileBatch(self._caller, operation, on_progress, limit)
        return cast("List[UploadResult]", batch.send(entries, max_workers))


def _sending() -> None:
    """Import what sending an object needs, before it is begun."""
    from .. import documents  # noqa: F401
    from ..protocol import object_operations  # noqa: F401
    from ..sending import pipe  # noqa: F401
    from ..transports import chunks, pipe_interface  # noqa: F401


def _asking() -> None:
    """Import what a question needs besides, before it is sent."""
    from ..sending import question  # noqa: F401

    _sending()


def _sending_files() -> None:
    """Import what sending files needs, before the first is begun."""
    from ..protocol import object_operations  # noqa: F401
    from ..sending import file_batch, file_upload  # noqa: F401
