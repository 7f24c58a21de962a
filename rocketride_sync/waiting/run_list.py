"""The runs that the server's run log lists. No I/O."""

from __future__ import annotations

from typing import Any, List

from ..errors import ProtocolError
from ..models._task_run import TaskRun


def runs_of(document: Any) -> List[TaskRun]:
    """The runs listed in the answer to `run_log_operations.get_task_runs`, the oldest first.

    Raises:
        ProtocolError: it is no such list.
    """
    chapters = document.get("chapters") if isinstance(document, dict) else None
    if not isinstance(chapters, list):
        raise ProtocolError("get_task_runs: the answer holds no list of runs")
    return sorted(map(TaskRun.from_dict, chapters), key=lambda run: (run.begin_seq, run.begin_time))


def is_open(run: TaskRun) -> bool:
    """Whether the log does not have its end: not yet, or, if the server died, never."""
    return run.end_time is None and run.outcome is None


def overlap(run: TaskRun, other: TaskRun) -> bool:
    """Whether another run went on for a time while this one did."""
    first, second = sorted((run, other), key=lambda each: each.begin_seq)
    return first is not second and (first.end_time is None or first.end_time > second.begin_time)
