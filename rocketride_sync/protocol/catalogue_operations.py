"""The operations that ask what a server knows besides its tasks: of pipelines, of its services, of itself.

Source of the facts: docs/protocol.md, "WebSocket" and "HTTP".
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .operations import Operation, without_none


def validate(pipeline: Mapping[str, Any], source: Optional[str] = None) -> Operation:
    """Check a pipeline without running it; the answer holds ``errors`` and ``warnings``, or neither if there are none."""
    return Operation(
        name="validate",
        command="rrext_validate",
        arguments={"pipeline": pipeline, **without_none({"source": source})},
        repeatable=True,
    )


def get_services() -> Operation:
    """List the services, of which pipelines are made; the answer holds a summary of each in ``services``."""
    return Operation(name="get_services", command="rrext_services", arguments={}, repeatable=True)


def get_service(service: str) -> Operation:
    """Describe one service; the answer is its whole definition."""
    return Operation(
        name="get_service", command="rrext_services", arguments={"service": service}, repeatable=True
    )


def get_task_pipeline(token: str) -> Operation:
    """Read the pipeline of a running task; the answer holds it in ``pipeline``, with its placeholders as they are."""
    return Operation(
        name="get_task_pipeline", command="rrext_get_pipeline", arguments={"token": token}, repeatable=True
    )


def get_server_info() -> Operation:
    """Read the server's version. Public, and over HTTP only."""
    return Operation(
        name="get_server_info",
        command="",
        arguments={},
        method="GET",
        path="/version",
        repeatable=True,
        public=True,
    )
