"""What became of files that were sent: for people line by line, for programs as a member of the JSON document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from . import exit_codes, output, presentation
from .exit_codes import ExitCode

if TYPE_CHECKING:
    from ..models import TaskStatus

Result = Mapping[str, Any]  # as `RocketRideClient.send_files` returns them

JSON_HELP = """where FILEs were sent, "outcome" says whether every one succeeded, and there is
  "results": for each {"action": "complete" | "error", "filepath", "bytes_sent", "file_size", "upload_time",
             "result": what the pipeline made of it, or null, "error": text, where it failed}
"""


def failures(results: Sequence[Result]) -> List[Result]:
    """Those of the files that failed."""
    return [result for result in results if result["action"] != "complete"]


def conclusion(
    results: Sequence[Result],
    seen: TaskStatus,
    *,
    as_json: bool,
    quiet: bool,
    allow_failures: bool = False,
    **more: Any,
) -> ExitCode:
    """Print the results, and a line on those files that failed; return the exit code.

    `seen` is the task's status after they were sent; `more` goes into the document, see `report.document`.
    """
    failed = failures(results)
    outcome = "failed" if failed else "succeeded"
    if as_json:
        output.result(presentation.document(seen, outcome=outcome, **_member(results), **more))
    elif not quiet:
        show(results)
        output.result(presentation.aligned(_summary(results, seen)))
    code = exit_codes.of_files(len(failed), seen, allow_failures=allow_failures)
    if code:
        first = f", the first was {complaint(failed[0])}" if quiet else ""  # else each was told as it came
        output.problem(f"{len(failed):,} of {len(results):,} files failed{first}")
    return code


def failure(
    error: BaseException,
    results: Sequence[Result],
    last: Optional[TaskStatus],
    *,
    as_json: bool,
    quiet: bool,
    **more: Any,
) -> ExitCode:
    """Print the results there are and what went wrong; return the exit code. As `report.failure`."""
    if not as_json and not quiet:
        show(results)
    told = _member(results) if results else {}
    return presentation.failure(error, as_json=as_json, last=last, **told, **more)


def _member(results: Sequence[Result]) -> Mapping[str, Any]:
    """The results as a member of the JSON document."""
    return {"results": presentation.presentable([dict(result) for result in results])}


def complaint(result: Result) -> str:
    """What is wrong with a file that failed."""
    return output.visible(f"{result['filepath']}: {result.get('error') or 'it failed'}")


def show(results: Sequence[Result]) -> None:
    """Print what the pipeline made of each file, for people. What failed was told as it came."""
    for result in results:
        if not failures([result]):
            output.result("\n".join(_lines(result)))


def _lines(result: Result) -> Iterator[str]:
    took = presentation.duration(result["upload_time"])
    yield f"{output.visible(result['filepath'])}: {result['bytes_sent']:,} bytes in {took}"
    made = result.get("result") or {}
    types = made.get("result_types")
    for name in types if isinstance(types, dict) else ():
        for text in _texts(made.get(name)):
            yield f"  {output.visible(name)}: {output.visible(text)}"


def _texts(value: Any) -> Iterator[str]:
    """A member of a result, line by line: texts as they are, everything else as JSON."""
    for item in value if isinstance(value, list) else [value]:
        yield from item.splitlines() if isinstance(item, str) else [json.dumps(item, ensure_ascii=False)]


def _summary(results: Sequence[Result], seen: TaskStatus) -> Iterator[Tuple[str, str]]:
    failed = len(failures(results))
    yield "Task", presentation.task(seen)
    yield "Sent", presentation.amount(len(results) - failed, failed, len(results), "")
    yield "Size", f"{sum(result['bytes_sent'] for result in results):,} bytes"
    yield "Words", output.number(seen.words_count) if seen.words_count else ""
