"""The typed documents: `TaskStatus` and its parts, each also under its documented name."""

from __future__ import annotations

from ._generated import (
    TASK_METRICS,
    TASK_STATE,
    TASK_STATUS,
    TASK_STATUS_COMPONENT_STAT,
    TASK_STATUS_FLOW,
    TASK_STATUS_SLOWEST_DOC,
    TASK_TOKENS,
    TaskInfo,
    TaskMetrics,
    TaskStart,
    TaskState,
    TaskStatus,
    TaskStatusComponentStat,
    TaskStatusFlow,
    TaskStatusSlowestDoc,
    TaskTokens,
)
from .behaviour import Outcome
from .converter import converter
from .messages import NewMessages

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
    "TaskStart",
    "TaskState",
    "TaskStatus",
    "TaskStatusComponentStat",
    "TaskStatusFlow",
    "TaskStatusSlowestDoc",
    "TaskTokens",
    "converter",
]
