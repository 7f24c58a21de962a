"""The status of one task, stored as the TASK_STATUS document that clients get, with its keys in the server's order."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Tuple

NONE, STARTING, INITIALIZING, RUNNING, STOPPING, COMPLETED, CANCELLED = range(7)

_METRICS = ("cpu_percent", "cpu_memory_mb", "gpu_memory_mb")


class StatusRecord:
    """The status of one task: the task and its source update it, and answers and events contain its document.

    Attributes:
        document: the TASK_STATUS document (docs/protocol.md, "TASK_STATUS"). Its `rateCount` and `rateSize` are
            per second, times 100, as engines send them.
        changed: whether it was updated since `changed` was last set to False.
        active_at: the monotonic time at which the engine last reported something about its work.

    Args:
        keep_peaks: whether the peaks and averages of the metrics stay when the task ends.
    """

    def __init__(
        self, name: str, project_id: str, source: str, message_limit: int, *, keep_peaks: bool = False
    ) -> None:
        self.document = _initial_document(name, project_id, source)
        self.changed = False
        self._message_limit = message_limit
        self.active_at = 0.0
        self._keep_peaks = keep_peaks
        self._samples = 0
        self._running_since = 0.0

    def update(self, **fields: Any) -> None:
        """Set top-level fields, by their names in the document."""
        self.document.update(fields)
        self.changed = True

    def clear(self) -> None:
        """Reset all fields for a restart, except for `name`, `project_id`, `source` and `startTime`."""
        kept = {key: self.document[key] for key in ("name", "project_id", "source", "startTime")}
        self.document = {**_initial_document("", "", ""), **kept}
        self._samples = 0

    def enter_running(self) -> None:
        """Set the state RUNNING. The rates count from now."""
        self._running_since = self.active_at = time.monotonic()
        self.update(state=RUNNING, status="Processing", serviceUp=True)

    def end(self, state: int, text: str) -> None:
        """Set a final state. The present metrics are reset to zero, tokens are kept."""
        reset = dict.fromkeys(_METRICS, 0.0) if self._keep_peaks else _zero_metrics()
        self.document["metrics"].update(reset)
        self.update(state=state, status=text, completed=True)

    def expect(self, count: int, size: int) -> None:
        """Add to the expected number of items and of bytes."""
        self.document["totalCount"] += count
        self.document["totalSize"] += size
        self.changed = True

    def begin(self, name: str, size: int, flow: List[str], pipe_index: int = 0) -> None:
        """Record that an item entered a pipe. `flow` names the item and the components that it passes."""
        by_pipe = self.document["pipeflow"]["byPipe"]
        by_pipe[str(pipe_index)] = flow
        self.active_at = time.monotonic()
        self.document["pipeflow"]["totalPipes"] = len(by_pipe)
        self.update(currentObject=name, currentSize=size)

    def complete(self, size: int, words: Tuple[int, int] = (0, 0), pipe_index: int = 0) -> None:
        """Count the item in a pipe as completed. `words` is the number of its words, and of bytes in them."""
        self._add_amounts(completedCount=1, completedSize=size, wordsCount=words[0], wordsSize=words[1])
        self._leave_pipe(pipe_index)

    def fail(self, size: int, reason: str, location: str, pipe_index: int = 0) -> None:
        """Count the item in a pipe as failed, and add an error."""
        self._add_amounts(failedCount=1, failedSize=size)
        self.error(reason, location)
        self._leave_pipe(pipe_index)

    def error(self, text: str, location: str) -> None:
        self._add_message("errors", f"Failed*{text}*{location}")

    def warning(self, text: str, location: str) -> None:
        self._add_message("warnings", f"Warning*{text}*{location}")

    def sample(self, cpu_percent: float, memory_mb: float, seconds: float) -> None:
        """Add a measurement of the last `seconds` to the metrics and to the tokens (CPU seconds, GiB seconds)."""
        metrics, tokens = self.document["metrics"], self.document["tokens"]
        self._samples += 1
        for key, value in zip(_METRICS, (cpu_percent, memory_mb, 0.0)):
            metrics[key] = value
            metrics[f"peak_{key}"] = max(metrics[f"peak_{key}"], value)
            metrics[f"avg_{key}"] += (value - metrics[f"avg_{key}"]) / self._samples
        tokens["cpu_utilization"] += cpu_percent / 100 * seconds
        tokens["cpu_memory"] += memory_mb / 1024 * seconds
        tokens["total"] = tokens["cpu_utilization"] + tokens["cpu_memory"]
        self.changed = True

    def _add_amounts(self, **amounts: int) -> None:
        for key, amount in amounts.items():
            self.document[key] += amount
        self.active_at = time.monotonic()
        elapsed = max(self.active_at - self._running_since, 1e-3)
        totals = self.document
        self.update(
            rateCount=int(100 * (totals["completedCount"] + totals["failedCount"]) / elapsed),
            rateSize=int(100 * (totals["completedSize"] + totals["failedSize"]) / elapsed),
        )

    def _leave_pipe(self, pipe_index: int) -> None:
        self.document["pipeflow"]["byPipe"][str(pipe_index)] = []

    def _add_message(self, key: str, text: str) -> None:
        self.active_at = time.monotonic()
        messages: List[str] = self.document[key]
        messages.append(text)
        del messages[: -self._message_limit]
        self.changed = True


def _zero_metrics() -> Dict[str, float]:
    return {prefix + key: 0.0 for prefix in ("", "peak_", "avg_") for key in _METRICS}


def _initial_document(name: str, project_id: str, source: str) -> Dict[str, Any]:
    return {
        "name": name,
        "project_id": project_id,
        "source": source,
        "completed": False,
        "state": NONE,
        "startTime": 0.0,
        "endTime": 0.0,
        "debuggerAttached": False,
        "status": "",
        "warnings": [],
        "errors": [],
        "currentObject": "",
        "currentSize": 0,
        "notes": [],
        "totalSize": 0,
        "totalCount": 0,
        "completedSize": 0,
        "completedCount": 0,
        "failedSize": 0,
        "failedCount": 0,
        "wordsSize": 0,
        "wordsCount": 0,
        "rateSize": 0,
        "rateCount": 0,
        "serviceUp": False,
        "exitCode": 0,
        "exitMessage": "",
        "pipeflow": {"totalPipes": 0, "byPipe": {}},
        "metrics": _zero_metrics(),
        "tokens": {
            "cpu_utilization": 0.0,
            "cpu_memory": 0.0,
            "gpu_memory": 0.0,
            "gpu_inference": 0.0,
            "custom": {},
            "total": 0.0,
        },
    }
