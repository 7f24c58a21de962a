"""The operations that send an object to a task: whole, or through a pipe.

Source of the facts: docs/protocol.md, "Data".
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .operations import Data, Operation, without_none

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
        command="rrext_process",
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
