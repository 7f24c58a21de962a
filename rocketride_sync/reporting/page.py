"""The page of a report: one HTML file, without scripts, that loads nothing from the network."""

from __future__ import annotations

import html
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Sequence, Tuple

from .._version import __version__
from ..errors import RocketRideError
from ..models.messages import in_words
from ..redact import printable, redact
from .charts import Chart, charts
from .formatting import amount, duration_with_colons, exit_code_on_page, full_number, time_in_utc
from .observations import LONGEST_MESSAGE, Message, Messages, Record

if TYPE_CHECKING:
    from ..models import TaskStatus

Escape = Callable[[str], str]
Row = Tuple[str, str]

_STYLE = """
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d8dee4;
  --done: #1f6feb; --bad: #cf222e; --all: #8c959f; --cpu: #8250df; --ram: #1a7f37; --gpu: #bc4c00; --wait: #9a6700 }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --card: #161b22; --ink: #e6edf3; --soft: #9aa4af;
  --line: #30363d; --done: #58a6ff; --bad: #ff7b72; --all: #8b949e; --cpu: #bc8cff; --ram: #56d364; --gpu: #f0883e;
  --wait: #d29922 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 64rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1 { margin: 0 0 1rem; font-size: 1.5rem; overflow-wrap: anywhere }
h2 { margin: 0; font-size: 1.05rem }
section { margin-top: 1rem; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px }
.outcome { margin-left: .5rem; padding: .1rem .6rem; border: 2px solid; border-radius: 1rem; font-size: .9rem;
  vertical-align: middle; white-space: nowrap }
.succeeded { color: var(--ram) } .failed { color: var(--bad) } .cancelled, .running { color: var(--wait) }
.error { border-color: var(--bad) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 0 }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
.chart { overflow-x: auto }
.chart svg { display: block; width: 100%; min-width: 38rem; height: auto; margin-top: .5rem }
.legend span { margin-right: 1.25rem }
.legend span::before { content: ""; display: inline-block; width: 1rem; height: .2rem; margin-right: .4rem;
  vertical-align: middle; background: var(--colour) }
p { margin: .5rem 0 0 } .note, footer { color: var(--soft); font-size: .85rem }
table { width: 100%; margin-top: .5rem; border-collapse: collapse }
td { padding: .2rem .75rem .2rem 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
td:first-child { width: 7rem; color: var(--soft); white-space: nowrap; font-variant-numeric: tabular-nums }
footer { margin-top: 1rem }
"""

# Nothing may be loaded or run, even if the name of a task contains markup.
_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_page(record: Record, error: Optional[BaseException], secrets: Sequence[str]) -> str:
    """The HTML of the page.

    Args:
        record: what the polls returned.
        error: what ended the wait, if that was not the end of the task.
        secrets: texts that must not be on the page.
    """

    def escape(text: str) -> str:
        return html.escape(printable(redact(text, secrets)))

    last = record.last
    name = escape((last.name or last.source) if last else "") or "a task"
    parts = [
        f"<h1>{name}{_outcome_badge(last)}</h1>",
        _error_section(error, escape),
        _section("", _definition_list(_summary_rows(record, escape))),
        *map(_chart_section, charts(record.observations)),
        _message_section("Errors", record.errors, escape),
        _message_section("Warnings", record.warnings, escape),
        f"<footer>{_footer(record)}</footer>",
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_CONTENT_SECURITY_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>{_STYLE}</style>
</head>
<body>
{chr(10).join(filter(None, parts))}
</body>
</html>
"""


def _outcome_badge(last: Optional[TaskStatus]) -> str:
    if last is None:
        return ""
    outcome = last.outcome.value
    shown = f"{outcome}{'' if last.outcome_certain else ', not certain'}" if last.is_terminal else "not ended"
    return f' <span class="outcome {outcome}">{shown}</span>'


def _error_section(error: Optional[BaseException], escape: Escape) -> str:
    """What ended the wait. Of other libraries' exceptions only the name: their texts may hold secrets."""
    if error is None:
        return ""
    ours = isinstance(error, (RocketRideError, KeyboardInterrupt)) and str(error)
    text = f"{type(error).__name__}: {error}" if ours else type(error).__name__
    return f'<section class="error"><h2>The wait ended before the task</h2><p>{escape(text)}</p></section>'


def _summary_rows(record: Record, escape: Escape) -> Iterator[Row]:
    """The last status and the peaks, as names and texts."""
    last = record.last
    if last is None:
        yield "Status", "none was seen"
        return
    yield "Project", escape(last.project_id)
    yield "Source", escape(last.source)
    yield "State", last.state.name + (" (completed)" if last.completed and not last.is_terminal else "")
    yield "Started", time_in_utc(last.started_at)
    yield "Ended", time_in_utc(last.ended_at)
    elapsed = last.elapsed() if last.is_terminal else None
    yield "Took", "" if elapsed is None else duration_with_colons(elapsed)
    seen = record.observations[-1]
    yield "Items", amount(seen.completed, seen.failed, seen.total, "", full_number)
    yield "Data", amount(seen.completed_size, seen.failed_size, seen.total_size, " bytes", full_number)
    if last.is_terminal:
        code = "" if last.exit_code is None else exit_code_on_page(last.exit_code)
        yield "Exit", " ".join(filter(None, (code, escape(in_words(last.exit_message)))))
        yield "Not certain", escape(last._doubt)
    peaks = record.peaks
    yield "Peak CPU", f"{peaks.cpu_percent:,.4g} %" if peaks.cpu_percent else ""
    yield "Peak RAM", f"{peaks.cpu_memory_mb:,.1f} MB" if peaks.cpu_memory_mb else ""
    yield "Peak GPU memory", f"{peaks.gpu_memory_mb:,.1f} MB" if peaks.gpu_memory_mb else ""


def _definition_list(rows: Iterator[Row]) -> str:
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows if text) + "</dl>"


def _section(title: str, body: str, kind: str = "") -> str:
    heading = f"<h2>{title}</h2>" if title else ""
    return f'<section class="{kind}">{heading}{body}</section>'


def _chart_section(chart: Chart) -> str:
    note = f'<p class="note">{chart.note}</p>' if chart.note else ""
    lines = "".join(f'<span style="--colour: var(--{colour})">{name}</span>' for name, colour in chart.legend)
    return _section(chart.title, f'<p class="legend">{lines}</p>{chart.svg}{note}', "chart")


def _message_section(title: str, messages: Messages, escape: Escape) -> str:
    if not messages.count:
        return ""
    hidden = messages.count - len(messages.kept)
    note = f'<p class="note">{hidden:,} earlier ones are not shown.</p>' if hidden else ""
    rows = "".join(row for message in messages.kept for row in _message_rows(message, escape))
    return _section(f"{title} ({messages.count:,})", f"{note}<table>{rows}</table>")


def _message_rows(message: Message, escape: Escape) -> List[str]:
    row = (
        f"<tr><td>{duration_with_colons(message.seconds)}</td><td>{escape(in_words(message.text))}</td></tr>"
    )
    gap = "<tr><td></td><td><i>some may be missing here: the server had dropped them before this look</i></td></tr>"
    return [gap, row] if message.gap else [row]


def _footer(record: Record) -> str:
    """What the page was made of, and what it leaves out."""
    kept, looks = len(record.observations), record.looks
    began = ""
    if record.began_at is not None:
        moment = datetime.fromtimestamp(record.began_at, timezone.utc)
        began = f", the first at {time_in_utc(moment)} by this computer's clock"
    thinned = f", of which the charts show {kept:,}, evenly spread" if kept < looks else ""
    cut = f"Messages are cut at {LONGEST_MESSAGE:,} characters. " if record.errors.count else ""
    noun = "look" if looks == 1 else "looks"
    return (
        f"Made of {looks:,} {noun} at the task{began}{thinned}. Times are since the first look. {cut}"
        f"Peaks are the highest values seen or told while it ran. rocketride-sync {__version__}"
    )
