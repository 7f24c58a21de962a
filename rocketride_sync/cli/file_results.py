"""Prints what became of the files that were sent: line by line, or as a member of the JSON document."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..reporting.formatting import amount, bounded_number, duration_in_words
from . import command_result, exit_codes, output, status_text
from .exit_codes import ExitCode
from .wording import in_command_line_words

if TYPE_CHECKING:
    from ..models import TaskStatus

Result = Mapping[str, Any]  # as `RocketRideClient.send_files` returns them

JSON_HELP = """If FILEs were sent, "outcome" says whether all of them succeeded, and the document also has
  "results": for each FILE {"action": "complete" | "error", "filepath",
             "bytes_sent", "file_size", "upload_time", "result": the
             pipeline's result or null, "error": text if the FILE failed}
"""


def failed_files(results: Sequence[Result]) -> List[Result]:
    """The results of the files that failed."""
    return [result for result in results if result["action"] != "complete"]


def print_results(
    results: Sequence[Result],
    status: TaskStatus,
    *,
    as_json: bool,
    quiet: bool,
    allow_failures: bool = False,
    fresh: bool = False,
    name: str = "",
    print_held: Callable[[], None] = lambda: None,
    **more: Any,
) -> ExitCode:
    """Print the results, and a line on those files that failed; return the exit code.

    `status` is the task's status after they were sent. `fresh` says that the task was started for them. `name` and
    `print_held` are as for `command_result.print_outcome`. `more` goes into the document, see
    `command_result.json_document`.
    """
    failed = failed_files(results)
    outcome = "failed" if failed else "succeeded"
    code = exit_codes.code_of_files(len(failed), len(results), status, allow_failures=allow_failures)
    problem = f"{len(failed):,} of {len(results):,} files failed"
    if as_json:
        output.print_result(
            command_result.json_document(
                status, code=code, reason=problem, outcome=outcome, **_json_member(results), **more
            )
        )
    elif not quiet:
        print_successes(results)
        output.print_result(status_text.aligned_rows(_summary_rows(results, status, fresh=fresh)))
    if code:
        if quiet:
            _print_failures(failed)
        print_held()
        output.print_problem(status_text.named(status, problem, name))
    return code


def print_error(
    error: BaseException,
    results: Sequence[Result],
    last: Optional[TaskStatus],
    *,
    as_json: bool,
    quiet: bool,
    **more: Any,
) -> ExitCode:
    """Print the results so far and the error, as `command_result.print_error`; return the exit code."""
    if not as_json and not quiet:
        print_successes(results)
    if quiet:
        _print_failures(failed_files(results))
    member = _json_member(results) if results else {}
    return command_result.print_error(error, as_json=as_json, last=last, **member, **more)


def _print_failures(failed: Sequence[Result]) -> None:
    """Print the latest failures, which with `quiet` were not printed when they happened."""
    earlier = len(failed) - status_text.MESSAGES_SHOWN
    if earlier > 0:
        output.print_note(f"{failure_label()} ({earlier:,} earlier ones: see --json)")
    for result in failed[-status_text.MESSAGES_SHOWN :]:
        output.print_note(f"{failure_label()} {failure_text(result)}")


def failure_label() -> str:
    """What a line about a file that failed begins with."""
    return output.paint("file error:", "red", sys.stderr)


def _json_member(results: Sequence[Result]) -> Mapping[str, Any]:
    """The results as a member of the JSON document."""
    return {"results": command_result.json_safe([_in_command_line_words(result) for result in results])}


def _in_command_line_words(result: Result) -> Mapping[str, Any]:
    error = result.get("error")
    return {**result, "error": in_command_line_words(error)} if isinstance(error, str) else dict(result)


def failure_text(result: Result) -> str:
    """The path of a file that failed, and why it failed."""
    why = in_command_line_words(result.get("error") or "it failed")
    return output.safe_text(f"{result['filepath']}: {why}")


def print_successes(results: Sequence[Result]) -> None:
    """Print what the pipeline made of each file. Files that failed were printed when they failed."""
    for result in results:
        if not failed_files([result]):
            output.print_result("\n".join(_result_lines(result)))


def _result_lines(result: Result) -> Iterator[str]:
    took = duration_in_words(result["upload_time"])
    yield f"{output.safe_text(result['filepath'])}: {result['bytes_sent']:,} bytes in {took}"
    made = result.get("result") or {}
    types = made.get("result_types")
    for name in types if isinstance(types, dict) else ():
        for text in _value_lines(made.get(name)):
            yield f"  {output.safe_text(name)}: {output.safe_text(text)}"


def _value_lines(value: Any) -> Iterator[str]:
    """A member of a result, line by line: texts as they are, everything else as JSON."""
    for item in value if isinstance(value, list) else [value]:
        yield from item.splitlines() if isinstance(item, str) else [json.dumps(item, ensure_ascii=False)]


def _summary_rows(results: Sequence[Result], status: TaskStatus, *, fresh: bool) -> Iterator[Tuple[str, str]]:
    failed = len(failed_files(results))
    yield "Task", status_text.task_label(status)
    yield "Sent", amount(len(results) - failed, failed, len(results), "")
    yield "Size", f"{sum(result['bytes_sent'] for result in results):,} bytes"
    # The server counts words of the task only. Others may have sent files to it, unless it was started for these.
    scope = "" if fresh else " (of the whole task)"
    yield "Words", f"{bounded_number(status.words_count)}{scope}" if status.words_count else ""
