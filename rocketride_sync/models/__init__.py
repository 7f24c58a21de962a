"""The typed documents: `TaskStatus` and its parts, each also under its documented name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..import_lock import import_lock
from ._task_status import (
    TASK_METRICS,
    TASK_STATE,
    TASK_STATUS,
    TASK_STATUS_COMPONENT_STAT,
    TASK_STATUS_FLOW,
    TASK_STATUS_SLOWEST_DOC,
    TASK_TOKENS,
    TaskMetrics,
    TaskState,
    TaskStatus,
    TaskStatusComponentStat,
    TaskStatusFlow,
    TaskStatusSlowestDoc,
    TaskTokens,
)
from .outcome import Outcome

if TYPE_CHECKING:
    from ._task_info import TaskInfo as TaskInfo
    from ._task_run import TaskRun as TaskRun
    from ._task_start import TaskStart as TaskStart
    from .messages import NewMessages as NewMessages

_LOADED_ON_FIRST_USE = {
    "NewMessages": "messages",
    "TaskInfo": "_task_info",
    "TaskRun": "_task_run",
    "TaskStart": "_task_start",
}

__all__ = [
    "TASK_METRICS",
    "TASK_STATE",
    "TASK_STATUS",
    "TASK_STATUS_COMPONENT_STAT",
    "TASK_STATUS_FLOW",
    "TASK_STATUS_SLOWEST_DOC",
    "TASK_TOKENS",
    "NewMessages",
    "Outcome",
    "TaskInfo",
    "TaskMetrics",
    "TaskRun",
    "TaskStart",
    "TaskState",
    "TaskStatus",
    "TaskStatusComponentStat",
    "TaskStatusFlow",
    "TaskStatusSlowestDoc",
    "TaskTokens",
]


def __getattr__(name: str) -> object:
    home = _LOADED_ON_FIRST_USE.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with import_lock:
        from importlib import import_module

        value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
