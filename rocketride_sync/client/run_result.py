"""The result of a whole run of a pipeline."""

from __future__ import annotations

from typing import Any, List, Mapping

from ..frozen import Frozen
from ..import_lock import import_lock
from ..models import TaskStatus


class RunResult(Frozen):
    """What `RocketRideClient.run` returns.

    Look at `succeeded` for whether the run went well. If files or data were sent, ``status.outcome`` is
    ``Outcome.RUNNING``, unless something else ended the task: its status was read before `run` ended it. Where the
    source took no data, ``succeeded`` is ``status.succeeded``, and ``status.has_failures`` says whether items failed.

    Attributes:
        status: the terminal status of a task that ended by itself; of one that takes data, the status after everything
            was sent, just before it was ended.
        results: for `files`, what `RocketRideClient.send_files` returns; for `data`, the one result that
            `RocketRideClient.send` returns; else empty. The repr shows only their number.
    """

    __slots__ = ("results", "status")

    status: TaskStatus
    results: List[Any]

    def __init__(self, status: TaskStatus, results: List[Any]) -> None:
        self._set(status=status, results=results)

    @property
    def failed(self) -> List[Mapping[str, Any]]:
        """Those of the `results` that hold an error."""
        return [result for result in self.results if result.get("error")]

    @property
    def succeeded(self) -> bool:
        """Whether all files succeeded, or the data; without either, whether the task succeeded, as ``status.succeeded``."""
        return not self.failed if self.results else self.status.succeeded

    @property
    def _outcome(self) -> str:
        if not self.results:
            return self.status.outcome.value
        return "succeeded" if self.succeeded else "failed"

    @property
    def _in_words(self) -> str:
        """How the run ended, and with how many results. Nothing of it was made by a server or a pipeline."""
        count, failed = len(self.results), len(self.failed)
        results = f", {count:,} result{'s' if count > 1 else ''}" if count else ""
        return f"{self._outcome}{results}{f', {failed:,} with an error' if failed else ''}"

    def __repr__(self) -> str:
        # Without the status: where data was sent, it is of a task that still runs.
        return f"<RunResult {self._in_words}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the card of the status, under how the run ended."""
        with import_lock:
            from ..models import status_html  # few processes are notebooks

        outcome = self._outcome if self.results else ""
        return status_html.card(f"Run {self._in_words}", self.status, outcome=outcome)

    __hash__ = None  # type: ignore[assignment]  # a status has no hash
