"""How engines end, and how servers of each generation show that in a status.

Source: docs/protocol.md, "The life of a task".
"""

from __future__ import annotations

from typing import NamedTuple, Optional

import attrs

from .settings import NEWER
from .status_record import CANCELLED, COMPLETED

SIGTERM_CODE = -15
SIGKILL_CODE = -9
STOPPED = "Stopped"


@attrs.frozen(kw_only=True)
class EngineExit:
    """How the engine of a task ended.

    Attributes:
        line: whether it printed an exit line, as the native engine does at nearly every end.
        code: 0 for a good end. Any other number is a failure: with a line, the one that the line tells; without one,
            the exit code of the process. None: the server does not learn it.
        message: the text of the line.
        stopped_by: ``user`` or ``ttl`` if it was stopped; None if it ended by itself.
        stopping_seconds: how long the task stays STOPPING afterwards.
    """

    line: bool = True
    code: Optional[int] = 0
    message: str = ""
    stopped_by: Optional[str] = None
    stopping_seconds: float = 0.0


class StatusEnd(NamedTuple):
    """The end of a task as its status shows it."""

    state: int
    exit_code: Optional[int]
    exit_message: str


def status_end(
    engine_exit: EngineExit, generation: str, *, restarted: bool = False, code_seen: bool = False
) -> StatusEnd:
    """The end as a server of this generation shows it.

    Args:
        engine_exit: how the engine ended.
        generation: the server's generation.
        restarted: whether the run was restarted.
        code_seen: how the race in older servers ends: whether they still see the exit code of a restarted run.
    """
    if engine_exit.line:
        return _end_with_line(engine_exit, generation)
    if generation == NEWER:
        return _newer_end_without_line(engine_exit, restarted)
    return _older_end_without_line(engine_exit, restarted, code_seen)


def _end_with_line(engine_exit: EngineExit, generation: str) -> StatusEnd:
    """Older servers look for the line's code under the wrong key, and take every line for a failure."""
    if generation == NEWER and not engine_exit.code and not engine_exit.stopped_by:
        return StatusEnd(COMPLETED, 0, engine_exit.message)
    return StatusEnd(CANCELLED, 1, engine_exit.message)


def _newer_end_without_line(engine_exit: EngineExit, restarted: bool) -> StatusEnd:
    if engine_exit.stopped_by:
        return StatusEnd(CANCELLED, None if restarted else 0, "")
    return StatusEnd(CANCELLED if engine_exit.code else COMPLETED, engine_exit.code, STOPPED)


def _older_end_without_line(engine_exit: EngineExit, restarted: bool, code_seen: bool) -> StatusEnd:
    """Older servers look at the exit code of the process after a restart only, and then mostly too early."""
    if not restarted:
        state = CANCELLED if engine_exit.stopped_by else COMPLETED
        return StatusEnd(state, None if engine_exit.code is None else 0, "")
    if not code_seen:
        return StatusEnd(CANCELLED, None, STOPPED)
    code = SIGTERM_CODE if engine_exit.stopped_by else engine_exit.code
    return StatusEnd(CANCELLED if code else COMPLETED, code, STOPPED)
