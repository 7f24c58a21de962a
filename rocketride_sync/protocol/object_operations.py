"""The operations that send an object to a task, whole or through a pipe, and their order.

Source of the facts: docs/protocol.md, "Data".
"""

from __future__ import annotations

from typing import Any, Generator, Mapping, Optional, Tuple

from ..errors import ServerError
from ..handler_exceptions import pass_on
from .failures import refused_object
from .operations import PROCESS, Buffer, Data, Operation, without_none

Steps = Generator[Tuple[Operation, Optional[Buffer]], Any, Any]

_FORM = "multipart/form-data"  # servers split an HTTP body of this type into its parts


def send(
    name: str,
    token: str,
    info: Mapping[str, Any],
    mime_type: str,
    *,
    provider: Optional[str] = None,
    data: Optional[Data] = None,
) -> Operation:
    """Send one object to the task `token`; the answer is its result. Without `data`, open a pipe for an object.

    Args:
        name: the method that the user called.
        token: the task's token.
        info: information about the object, such as its ``name``.
        mime_type: its MIME type, by which the server chooses how to process it.
        provider: the source that must receive it.
        data: the object itself.
    """
    # The official client too sends a size of 1 for an empty object: parsers skip an object of size 0.
    known = dict(info) if data is None else {**info, "size": data.size or 1}
    arguments = {
        "token": token,
        "object": known,
        "mimeType": mime_type,
        **without_none({"provider": provider}),
    }
    lacks = [f"objinfo[{key!r}]" for key in info if key not in ("name", "size")]
    lacks += ["provider"] if provider is not None else []
    lacks += [f"the type {mime_type}"] if mime_type.lower().startswith(_FORM) else []
    return Operation(
        name=name,
        command=PROCESS,
        arguments={"subcommand": "open", **arguments},
        method="POST",
        path="/task/data",
        query=(("token", token),),
        data=data,
        http_lacks=tuple(lacks),
        recovery="; the task's completed_count and failed_count tell whether it took the object",
    )


def through_pipe(opened: Operation, subcommand: str, pipe_id: Any) -> Operation:
    """``write`` to the pipe that `opened` has opened, or ``close`` it; then the answer is the object's result."""
    arguments = {"subcommand": subcommand, "token": opened.arguments["token"], "pipe_id": pipe_id}
    return Operation(name=opened.name, command=opened.command, arguments=arguments, recovery=opened.recovery)


def upload_steps(opening: Operation) -> Steps:
    """The requests that send the object of `opening`, each after the answer to the one before; returns its result.

    It raises a `ServerError` or a `NotReadyError` only while no pipe is open: that of the opening, or a later one after
    closing the pipe.
    """
    assert opening.data is not None
    pipe_id = pipe_id_of(opening, (yield opening, None))
    fault = None
    for chunk in opening.data:
        try:
            yield through_pipe(opening, "write", pipe_id), chunk
        except ServerError as error:
            pass_on(error)
            fault = error
            break
    try:
        # A pipe that failed is closed too: it would count among the task's pipes for a minute and more.
        result = yield through_pipe(opening, "close", pipe_id), None
    except ServerError as error:
        pass_on(error)
        if fault is None:
            raise
    if fault is not None:
        raise fault
    return result


def pipe_id_of(opening: Operation, body: Any) -> Any:
    """The number of the opened pipe, from the answer to `opening`.

    Raises:
        ServerError: there is none: so answers an older server if the pipeline refuses the object.
    """
    pipe_id = body.get("pipe_id") if isinstance(body, dict) else None
    if pipe_id is None:
        raise refused_object(opening.name)
    return pipe_id
