"""What came of the cells, for readers: a line each, and the table of docs/reliability.md."""

import datetime
import platform
from pathlib import Path

from rocketride_sync import RocketRideError

from .happenings import Mode
from .table import ROWS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- begin: made by make faults -->\n", "<!-- end -->\n"


def line(result):
    """One cell on one line."""
    verdict = "; ".join(result.problems) or "ok"
    return f"{result.cell.id:57} {_came(result):22} {result.seconds * 1000:6.0f} ms  {verdict}"


def write(results):
    """Write the table of all cells in its place in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    DOCUMENT.write_text(before + _BEGIN + _table(results) + _END + after, encoding="utf-8")


def _table(results):
    found = {(result.cell.row.name, result.cell.transport, result.cell.mode): result for result in results}
    lines = [
        f"{datetime.date.today()}, Python {platform.python_version()}, {platform.system()}, a shared machine.",
        "",
        "| fault | " + " | ".join(mode.value for mode in Mode) + " |",
        "|---" * (1 + len(Mode)) + "|",
    ]
    for row in ROWS:
        cells = [_cell(row, mode, _results(found, row, mode)) for mode in Mode]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _results(found, row, mode):
    return [found[row.name, each, mode] for each in row.transports if mode in row.modes]


def _cell(row, mode, results):
    expected = row.expected(mode)
    if not results:
        return "-"
    if expected.error:
        came = f"`{expected.error.__name__}`"
    elif row.sends:
        came = "the result"
    else:
        came = "the status" if mode is Mode.CALL else "the terminal status"
    after = expected.after
    figures = [round(1000 * (result.seconds - (after.seconds if after else 0.0))) for result in results]
    if after is None:
        return f"{came}: {' / '.join(map(str, figures))} ms"
    return f"{came}: {after.name} {' / '.join(f'{figure:+}' for figure in figures)} ms"


def _came(result):
    outcome = result.outcome
    if isinstance(outcome, RocketRideError):
        return type(outcome).__name__
    return "the result" if result.cell.row.sends else outcome.state.name
