"""One task of `rocketride-sync wait` with several tokens: what was found of it, and how that is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ContextManager, Dict, Iterator, List, Optional, Tuple

from ..errors import TaskLostError, TaskNotFoundError
from ..reporting.formatting import amount, bounded_number
from . import command_result, exit_codes, output, status_text
from .exit_codes import ExitCode, Judgement
from .wording import about_task, without_token_advice

if TYPE_CHECKING:
    from ..models import TaskStatus
    from ..waiting.task_result import TaskResult

_ERRORS_SHOWN = 3


class Found:
    """What was found of one task.

    Args:
        result: its part of the wait.
        judgement: what counts as a success.
        token: its token as it may be shown.
    """

    def __init__(self, result: TaskResult, judgement: Judgement, token: str) -> None:
        self.result = result
        self._token = token
        self._judgement = judgement

    @property
    def code(self) -> ExitCode:
        """The exit code that this task alone would have."""
        if self.result.error is not None:
            return exit_codes.code_and_advice(self.result.error)[0]
        return self._judgement.code_of(self.result.result())

    @property
    def is_doubted(self) -> bool:
        """Whether it succeeded, but that is not certain, and to be told."""
        return self.result.succeeded and self._judgement.doubts(self.result.result())

    @property
    def is_bad(self) -> bool:
        """Whether it did not end well, or not within the time."""
        return bool(self.code) and not self.is_doubted

    @property
    def is_over(self) -> bool:
        """Whether it runs no longer, as far as is known."""
        return isinstance(self.result.error, (type(None), TaskNotFoundError, TaskLostError))

    @property
    def is_certain(self) -> bool:
        return self.result.error is not None or self.result.result().outcome_certain

    def severity(self) -> Tuple[int, bool, bool]:
        """The lowest is the most severe: by the exit code, then a failed task before failed items, then what is not certain."""
        return exit_codes.severity_rank(self.code), self.result.succeeded, self.is_certain

    @property
    def outcome(self) -> Optional[str]:
        return None if self.result.status is None else self.result.status.outcome.value

    @property
    def word(self) -> str:
        """The outcome in a word, or what an error made of it."""
        if self.result.error is not None:
            return exit_codes.word_for(self.result.error)
        return self.result.result().outcome.value

    @property
    def word_with_items(self) -> str:
        """The outcome for a total: also whether items failed, and whether it is certain."""
        if not self.result.succeeded:
            return self.word
        status, items = self.result.result(), ""
        if status.has_failures and not self._judgement.forgives_items_of(status):
            items = " with failed items" if status.failed_count else " with items left undone"
        return f"{self.word}{items}{'' if self.is_certain else ' (not certain)'}"

    @property
    def label(self) -> str:
        """The task's name and its shortened token; without a name the token alone."""
        with self._hidden():
            name = "" if self.result.status is None else status_text.task_name(self.result.status)
        return f"{name} ({self._token})" if name else f"task {self._token}"

    def lines(self, token_width: int) -> List[str]:
        """A line whose columns are those of the other tasks, and for a bad end its newest errors."""
        with self._hidden():
            return list(self._lines(token_width))

    def _hidden(self) -> ContextManager[None]:
        return output.hiding(self.result.token)

    def _lines(self, token_width: int) -> Iterator[str]:
        details = ", ".join(filter(None, self._details()))
        yield status_text.task_line(self.word, self.result.status, self._token.ljust(token_width), details)
        if self.is_bad:
            yield from (f"    {line}" for line in self.error_lines())

    def _details(self) -> Iterator[str]:
        status, error = self.result.status, self.result.error
        if status is not None:
            yield amount(status.completed_count, status.failed_count, status.total_count, "")
            yield "" if self.is_certain else "not certain"
            yield _exit_words(status) if self.is_bad and error is None else ""
        if error is not None:
            yield output.safe_text(without_token_advice(about_task(str(error), self.result.token)))

    def error_lines(self) -> List[str]:
        """The newest of the task's errors, a line each."""
        status = self.result.status
        with self._hidden():
            return [] if status is None else status_text.newest_messages(status.errors, _ERRORS_SHOWN)

    @property
    def problem(self) -> str:
        """What is wrong, after the task's name."""
        error = self.result.error
        if error is not None:
            text = about_task(command_result.error_with_advice(error), self.result.token)
        else:
            text = status_text.outcome_problem(self.result.result())
        with self._hidden():
            return f"{self.label}: {output.without_secrets(text)}"

    def json_entry(self) -> Dict[str, Any]:
        """The task's part of the document of ``--json``."""
        with self._hidden():
            members = command_result.json_members(self.result.status, self.result.error)
        return {"token": self._token, **members}


def _exit_words(status: TaskStatus) -> str:
    code = "" if status.exit_code is None else f"exit code {bounded_number(status.exit_code, 'd')}"
    return ": ".join(filter(None, (code, output.shorten_message(status.exit_message))))
