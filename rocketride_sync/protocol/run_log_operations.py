"""The operations of the run log, which newer servers have.

Source of the facts: docs/protocol.md, "The run log".
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from .operations import RUN_LOG, Operation, without_none

_LARGEST_PAGE = {"maxEvents": 2000, "maxBytes": 4_000_000}  # the most that a server allows


def get_task_runs(project_id: str, source: str, team_id: Optional[str] = None) -> Operation:
    """List the runs of a project's source, even forgotten ones; the answer holds TaskRun documents in ``chapters``."""
    arguments = {"projectId": project_id, "source": source, **without_none({"teamId": team_id})}
    return Operation(
        name="get_task_runs",
        command=RUN_LOG,
        arguments={"subcommand": "chapters", **arguments},
        repeatable=True,
    )


def read_run_log(
    project_id: str, source: str, types: Sequence[str], bounds: Mapping[str, Any], cursor: Any = None
) -> Operation:
    """Read one page of the logged events of a project's source; the answer holds them in ``events``.

    Args:
        project_id: the project's identifier.
        source: the component that its pipeline starts at.
        types: the names of the events to read.
        bounds: the first and the last event: ``fromSeq`` and ``toSeq``, or ``fromTime`` and ``toTime``.
        cursor: where to continue, as the previous page told; None for the first page.
    """
    arguments = {"projectId": project_id, "source": source, "types": list(types), **bounds}
    return Operation(
        name="read_run_log",
        command=RUN_LOG,
        arguments={"subcommand": "read", **arguments, **_LARGEST_PAGE, **without_none({"cursor": cursor})},
        repeatable=True,
    )
