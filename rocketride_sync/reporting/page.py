"""The page of a report: one HTML file, without scripts, that loads nothing from the network.

Its HTML and its style are in `templates/`. What it says at the top is in `facts`.
"""

from __future__ import annotations

import pkgutil
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Sequence

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup

from .._version import __version__
from ..redact import printable, redact
from . import facts
from .charts import charts
from .ending import Ending, badge, stop_section
from .formatting import time_in_utc
from .observations import Record
from .sent_files import LONGEST_MESSAGE
from .tables import first_tables, tables

# In a zip, Python 3.8 sets `__package__` only after this.
_PACKAGE = __name__.rpartition(".")[0]
# Read once: at the end of a long wait the installation may have been replaced.
_TEMPLATES = jinja2.DictLoader(
    {
        name: (pkgutil.get_data(_PACKAGE, f"templates/{name}") or b"").decode()
        for name in ("report.html", "report.css")
    }
)


class _Compiled(jinja2.BytecodeCache):
    """What was compiled already: the page is drawn on trial before the wait too, and to compile is two thirds of it."""

    def __init__(self) -> None:
        self._codes: Dict[str, Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key] = bucket.code


_COMPILED = _Compiled()


def render_page(record: Record, ending: Ending, secrets: Sequence[str], title: str = "") -> str:
    """The HTML of the page.

    Args:
        record: what the polls returned.
        ending: what ended the wait, if that was not the end of the task.
        secrets: texts that must not be on the page.
        title: its title; empty for the task's name.
    """
    last = record.last
    drawn = charts(record.observations)
    context: Dict[str, Any] = {
        "title": title or facts.title(last),
        "outcome": badge(record, ending),
        "stop": stop_section(record, ending),
        "glance": facts.glance(record),
        "exit_text": facts.exit_text(last, secrets),
        "doubt": "" if last is None else last._doubt,
        "details": facts.details(record, ending),
        "charts": [chart._replace(svg=Markup(chart.svg)) for chart in drawn],  # noqa: S704  (our own drawing)
        "notes": list(dict.fromkeys(chart.note for chart in drawn if chart.note)),
        "first_tables": first_tables(record, secrets),
        "tables": tables(record, secrets),
        "footer": _footer(record),
    }
    return _environment(secrets).get_template("report.html").render(context)


def _environment(secrets: Sequence[str]) -> jinja2.Environment:
    """Templates whose every value is free of secrets, printable, and escaped."""
    return jinja2.Environment(
        loader=_TEMPLATES,
        bytecode_cache=_COMPILED,
        autoescape=True,
        finalize=_shown(secrets),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _shown(secrets: Sequence[str]) -> Callable[[Any], Any]:
    def shown(value: Any) -> Any:
        return value if isinstance(value, Markup) else printable(redact(str(value), secrets))

    return shown


def _footer(record: Record) -> str:
    """What the page was made of, and what it leaves out."""
    kept, polls = len(record.observations), record.polls
    began = ""
    if record.began_at is not None:
        moment = datetime.fromtimestamp(record.began_at, timezone.utc)
        began = f", the first at {time_in_utc(moment)} by this computer's clock"
    thinned = f", of which the charts show {kept:,}, evenly spread" if kept < polls else ""
    cut = f"Messages are cut at {LONGEST_MESSAGE:,} characters. " if record.errors.count else ""
    noun = "poll" if polls == 1 else "polls"
    return (
        f"Made from {polls:,} {noun} of the task{began}{thinned}. Times count from the first poll. {cut}"
        f"Peaks are the highest values that a poll saw or that the server reported during the run. rocketride-sync {__version__}"
    )
