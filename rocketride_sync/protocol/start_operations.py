"""The operations that start a run: of a pipeline, or of a task again.

Source of the facts: docs/protocol.md, "HTTP" and "WebSocket".
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from .operations import Operation, without_none


def execute(
    pipeline: Mapping[str, Any],
    *,
    token: Optional[str] = None,
    threads: Optional[int] = None,
    args: Sequence[str] = (),
    trace_level: Optional[str] = None,
    use_existing: Optional[bool] = None,
    ttl: Optional[float] = None,
    name: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
) -> Operation:
    """Start `pipeline`; the answer is a TaskStart document. For an argument of None the server chooses."""
    both = {"token": token, "threads": threads, "pipelineTraceLevel": trace_level}
    websocket_only = {
        "useExisting": use_existing,
        "ttl": ttl,
        "name": name,
        "env": env or None,
        "args": args or None,
    }
    arguments = {**without_none(both), **without_none(websocket_only)}
    return Operation(
        name="use",
        command="execute",
        arguments={"pipeline": pipeline, "args": list(args), **arguments},
        method="POST",
        path="/task",
        query=tuple(
            (key, str(value))
            for key, value in without_none({"token": token, "threads": threads, "trace": trace_level}).items()
        ),
        json=pipeline,
        recovery="; over WebSocket, get_task_token(project_id, source) gives the token of the latest run, and the "
        "start_time of its status tells whether it is this one",
        http_lacks=tuple(
            "use_existing" if key == "useExisting" else key for key in without_none(websocket_only)
        ),
    )


def restart(
    token: str, project_id: str, source: str, pipeline: Mapping[str, Any], team_id: Optional[str] = None
) -> Operation:
    """Run a task again, perhaps with another pipeline; the answer is as for `execute`."""
    arguments = {"token": token, "projectId": project_id, "source": source, "pipeline": pipeline}
    return Operation(
        name="restart",
        command="restart",
        arguments={**arguments, **without_none({"teamId": team_id})},
        recovery="; the task's status tells: a restart sets its counts to 0",
    )
