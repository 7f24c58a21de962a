"""The status of one task, kept as the document that goes over the wire, with all its keys in the server's order."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Tuple

NONE, STARTING, INITIALIZING, RUNNING, STOPPING, COMPLETED, CANCELLED = range(7)

_METRICS = ("cpu_percent", "cpu_memory_mb", "gpu_memory_mb")


class Status:
    """The record that a task and its engine write and every answer reads.

    Attributes:
        document: the TASK_STATUS document (docs/protocol.md, "TASK_STATUS"). Its `rateCount` and `rateSize` are
            per second, times 100, as engines send them.
        changed: whether something was written since `changed` was last set to False.
    """

    def __init__(self, name: str, project_id: str, source: str, message_limit: int) -> None:
        self.document = _empty(name, project_id, source)
        self.changed = False
        self._message_limit = message_limit
        self._samples = 0
        self._running_since = 0.0

    def update(self, **fields: Any) -> None:
        """Write top-level fields, by their wire names."""
        self.document.update(fields)
        self.changed = True

    def clear(self) -> None:
        """Forget counts, errors and results, for a restart; identity and `startTime` stay."""
        kept = {key: self.document[key] for key in ("name", "project_id", "source", "startTime")}
        self.document = {**_empty("", "", ""), **kept}
        self._samples = 0

    def enter_running(self) -> None:
        self._running_since = time.monotonic()
        self.update(state=RUNNING, status="Processing", serviceUp=True)

    def end(self, state: int, text: str) -> None:
        """Reach a final state: metrics are zeroed, tokens stay."""
        self.document["metrics"] = _no_metrics()
        self.update(state=state, status=text, completed=True)

    def expect(self, count: int, size: int) -> None:
        """So many more items are to come, and so many more bytes."""
        self.document["totalCount"] += count
        self.document["totalSize"] += size
        self.changed = True

    def begin(self, name: str, size: int, flow: List[str], pipe: int = 0) -> None:
        """An item enters a pipe; `flow` is the item and the components it passes."""
        by_pipe = self.document["pipeflow"]["byPipe"]
        by_pipe[str(pipe)] = flow
        self.document["pipeflow"]["totalPipes"] = len(by_pipe)
        self.update(currentObject=name, currentSize=size)

    def complete(self, size: int, words: Tuple[int, int] = (0, 0), pipe: int = 0) -> None:
        """The item in `pipe` is done: `size` bytes, `words` as number of words and of bytes in them."""
        self._add(completedCount=1, completedSize=size, wordsCount=words[0], wordsSize=words[1])
        self._leave(pipe)

    def fail(self, size: int, reason: str, location: str, pipe: int = 0) -> None:
        """The item in `pipe` failed."""
        self._add(failedCount=1, failedSize=size)
        self.error(reason, location)
        self._leave(pipe)

    def error(self, text: str, location: str) -> None:
        self._message("errors", f"Failed*{text}*{location}")

    def warning(self, text: str, location: str) -> None:
        self._message("warnings", f"Warning*{text}*{location}")

    def sample(self, cpu_percent: float, memory_mb: float, seconds: float) -> None:
        """Take in what the process used in the last `seconds`: metrics, and tokens (CPU seconds, GiB seconds)."""
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

    def _add(self, **amounts: int) -> None:
        for key, amount in amounts.items():
            self.document[key] += amount
        elapsed = max(time.monotonic() - self._running_since, 1e-3)
        done = self.document
        self.update(
            rateCount=int(100 * (done["completedCount"] + done["failedCount"]) / elapsed),
            rateSize=int(100 * (done["completedSize"] + done["failedSize"]) / elapsed),
        )

    def _leave(self, pipe: int) -> None:
        self.document["pipeflow"]["byPipe"][str(pipe)] = []

    def _message(self, key: str, text: str) -> None:
        messages: List[str] = self.document[key]
        messages.append(text)
        del messages[: -self._message_limit]
        self.changed = True


def _no_metrics() -> Dict[str, float]:
    return {prefix + key: 0.0 for prefix in ("", "peak_", "avg_") for key in _METRICS}


def _empty(name: str, project_id: str, source: str) -> Dict[str, Any]:
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
        "metrics": _no_metrics(),
        "tokens": {
            "cpu_utilization": 0.0,
            "cpu_memory": 0.0,
            "gpu_memory": 0.0,
            "gpu_inference": 0.0,
            "custom": {},
            "total": 0.0,
        },
    }
