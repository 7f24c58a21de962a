"""How an error of this library is shown in a notebook: the user's own lines and the message.

IPython shows five lines of each frame, so that a refused token would be a hundred lines of code that is not the user's.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Iterator, List, Optional

from .import_lock import import_lock

_OURS = (__name__.partition(".")[0], "contextlib", "functools")


def rendered(error: BaseException) -> List[str]:
    """The lines that IPython is to show, as its `_render_traceback_` wants them."""
    with import_lock:
        # Who asks for this has loaded it.
        from IPython import get_ipython  # type: ignore[import-not-found,unused-ignore]

    shower: Any = get_ipython().InteractiveTB
    steps = list(_steps(error.__traceback__))
    own = [step for step in steps if not _is_ours(step)]
    # The first frame is IPython's own.
    lines: List[str] = shower.structured_traceback(type(error), error, _chain(own), tb_offset=1)
    count = len(steps) - len(own)
    # In no mode of IPython's: one of them shows variables, which hold secrets.
    note = f"({count} frames of {_OURS[0]} are left out; traceback.print_last() shows them)"
    return [*lines, note] if count else lines


def _steps(traceback: Optional[TracebackType]) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _is_ours(step: TracebackType) -> bool:
    name = str(step.tb_frame.f_globals.get("__name__"))
    return name.partition(".")[0] in _OURS


def _chain(steps: List[TracebackType]) -> Optional[TracebackType]:
    """A traceback of these steps alone."""
    chained: Optional[TracebackType] = None
    for step in reversed(steps):
        chained = TracebackType(chained, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return chained
