"""When an `end` event is awaited after the terminal status (only where its reason may change the outcome), and what the
reason is added to.

Pure rules, for waits of one and of many tasks.
"""

from __future__ import annotations

from ..models import TaskStatus
from ..transports.end_told import EndTold

LONGEST = 1.0
"""Seconds for which the event is awaited at most."""


def is_awaited(status: TaskStatus, known: EndTold) -> bool:
    """Whether a terminal status should wait for the event."""
    return status._needs_end_reason and known.may_come and not known.told


def with_reason(status: TaskStatus, known: EndTold) -> TaskStatus:
    """The terminal status, with the reason if one was told."""
    return status._with_facts(end_reason=known.reason)


def in_log(status: TaskStatus, known: EndTold) -> TaskStatus:
    """The final status of a lost run, from the run log: with the reason that an event told, unless the log has one."""
    reason = status.end_reason or known.reason_of(status.start_time)
    return status._with_facts(end_reason=reason)
