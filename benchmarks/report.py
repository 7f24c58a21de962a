"""The figures of a run as documentation: tables and charts in performance.md, every figure in performance.json.

``python -m benchmarks.report docs`` writes page and charts again, from the figures that are in docs/performance.json.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence, Tuple

import attrs

from . import charts
from .harness import Samples, Suite, Target, multiples, reached, reference, spread

BEGIN = "<!-- From here on written by `make bench`. -->"
LEAD, LEAD_END = "<!-- These charts are drawn by `make bench`. -->", "<!-- That was the last of them. -->"
CHARTS = "performance"


@attrs.frozen
class Column:
    """What is shown of a column of a suite.

    Attributes:
        suite: the suite's name.
        name: the column's name.
        title: of its chart.
        multiples: show its figures as multiples of the suite's base.
        digits: after the decimal point.
    """

    suite: str
    name: str
    title: str
    multiples: bool = False
    digits: int = 1


# The charts at the top of the page.
LEADING = (
    Column("process", "CPU ms", "A cron job that gets one status: CPU, ms"),
    Column("wait_minute", "delay ms", "How late a wait learns of the end, ms"),
    Column("websocket_call", "CPU µs", "One more status over WebSocket: CPU, µs"),
)
SHOWN = (
    Column("imports", "CPU ms", "A process that imports and exits, CPU in ms"),
    Column("process", "CPU ms", "A process that gets one status and exits, CPU in ms"),
    Column("memory", "peak MiB", "The most memory of that process, MiB"),
    Column("websocket_call", "CPU µs", "One status over WebSocket, CPU of the client in µs", digits=0),
    Column("http_call", "CPU µs", "One status over HTTP, CPU of the client in µs", digits=0),
    Column("many_ends", "delay ms", "From the end of one of many tasks to its result, ms"),
    Column("wait_end", "delay ms", "From the end of a task to the return of the wait, ms"),
    Column("wait_minute", "CPU ms a minute", "A minute of waiting, CPU in ms"),
    Column("wait_minute", "polls a minute", "A minute of waiting, requests sent"),
    Column("many", "CPU % of a core", "Waiting for many running tasks, CPU in % of a core"),
    Column("many", "KiB a task", "Waiting for many running tasks, memory for each in KiB"),
    Column("decode", "2 KB µs", "Document of 2 KB to typed status, x json.loads", multiples=True, digits=2),
    Column(
        "decode", "200 KB µs", "Document of 200 KB to typed status, x json.loads", multiples=True, digits=2
    ),
    Column("sending", "small files ms", "Sending 200 files of 64 KiB, ms", digits=0),
    Column("sending", "large file ms", "Sending a file of 256 MiB, ms", digits=0),
    Column("sending", "memory for it MiB", "Memory that the file of 256 MiB takes, MiB"),
)


def write(folder: Path, document: Dict[str, Any]) -> None:
    """Write the figures of `document` into `folder`; of performance.md, what stands before the mark is kept."""
    document = _rounded(document)  # what is written again from the file must come out the same
    (folder / "performance.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (folder / CHARTS).mkdir(exist_ok=True)
    lines = [*_heading(document), *_targets(document), *_suites(folder, document)]
    page = folder / "performance.md"
    kept = _with_lead(page.read_text(encoding="utf-8").partition(BEGIN)[0], folder, document["suites"])
    page.write_text(kept + "\n".join([BEGIN, "", *lines]) + "\n", encoding="utf-8")


def _with_lead(text: str, folder: Path, suites: Dict[str, Any]) -> str:
    """`text` with the leading charts between their marks, if it has them."""
    before, mark, rest = text.partition(LEAD)
    if not mark:
        return text
    charts_of = [
        _lead(folder, column, suites[column.suite]["samples"]) for column in LEADING if column.suite in suites
    ]
    return "\n\n".join([before + LEAD, *charts_of, LEAD_END + rest.partition(LEAD_END)[2]])


def _lead(folder: Path, column: Column, samples: Samples) -> str:
    found = {
        name: spread(figures[column.name])[0] for name, figures in samples.items() if column.name in figures
    }
    file = f"{CHARTS}/lead_{column.suite}.svg"
    charts.write(folder / file, column.title, dict(sorted(found.items(), key=lambda item: item[1])))
    return f"![{column.title}]({file})"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value


def _heading(document: Dict[str, Any]) -> Iterator[str]:
    versions = ", ".join(f"{library} {version}" for library, version in document["versions"].items())
    yield from ("## The run", "", f"{document['machine']}; {versions}.", "")


def _suite(name: str) -> Suite:
    suite: Suite = importlib.import_module(f"benchmarks.{name}").SUITE
    return suite


def _targets(document: Dict[str, Any]) -> Iterator[str]:
    measured = list(_measured(document["suites"]))
    missed = sum(target.missed_by(figure) for _, target, figure in measured)
    yield from ("### Targets", "", f"This run missed {missed or 'none'} of {len(measured)} targets.", "")
    yield from ("<details><summary>All of them, and what came of each</summary>", "")
    yield from ("| suite | what | target | this run | |", "|---|---|---|---|---|")
    for name, target, figure in measured:
        mark = "**missed**" if target.missed_by(figure) else ""
        yield f"| `{name}` | {_described(target)} | ≤ {target.limit:g} | {figure:.2f} | {mark} |"
    yield from ("", "</details>", "")


def _measured(suites: Dict[str, Any]) -> Iterator[Tuple[str, Target, float]]:
    """The suite, the target and what was reached, of each target that was measured."""
    for name, results in suites.items():
        for target in _suite(name).targets:
            figure = reached(target, results["samples"])
            if figure is not None:
                yield name, target, figure


def _described(target: Target) -> str:
    peer = f" / {target.peer}" if target.peer else ""
    return f"{target.ours}{peer}: {target.column}{', at most' * target.every}"


def _suites(folder: Path, document: Dict[str, Any]) -> Iterator[str]:
    for name, results in document["suites"].items():
        suite = _suite(name)
        yield from (
            f"### {name}",
            "",
            f"{suite.about[0].upper()}{suite.about[1:]}; {results['rounds']} rounds.",
            "",
        )
        yield from ("<details><summary>Charts and tables</summary>", "")
        for column in SHOWN:
            if column.suite == name and any(
                column.name in figures for figures in results["samples"].values()
            ):
                yield from _shown(folder, suite, column, results["samples"])
        yield from ("</details>", "")


def _shown(folder: Path, suite: Suite, column: Column, samples: Samples) -> Iterator[str]:
    """A chart and a table of one column, the best first."""
    found = {name: figures[column.name] for name, figures in samples.items() if column.name in figures}
    base = reference(suite, found)
    names = sorted(found, key=lambda name: spread(found[name])[0])
    shown = {name: multiples(found[name], found[base]) if column.multiples else found[name] for name in names}
    file = f"{CHARTS}/{column.suite}_{column.name.replace(' ', '_').replace('µ', 'u').replace('%', 'percent')}.svg"
    charts.write(folder / file, column.title, {name: spread(figures)[0] for name, figures in shown.items()})
    yield from (f"![{column.title}]({file})", "")
    yield f"| | {column.name}, median (10-90 %) | x {base} (10-90 %) |"
    yield "|---|---|---|"
    for name in names:
        bold = "**" if name.startswith(charts.OURS) else ""
        figures = _spread(found[name], column.digits if not column.multiples else 1)
        yield f"| {bold}{name}{bold} | {figures} | {_spread(multiples(found[name], found[base]), 2)} |"
    yield ""


def _spread(figures: Sequence[float], digits: int) -> str:
    median, low, high = spread(list(figures))
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


if __name__ == "__main__":
    docs = Path(sys.argv[1])
    write(docs, json.loads((docs / "performance.json").read_text(encoding="utf-8")))
