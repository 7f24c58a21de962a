"""Single events of the run log, and how their values are read. No I/O.

Source of the facts: docs/protocol.md, "The run log".
"""

from __future__ import annotations

import sys
from typing import Any, Mapping, Optional

from ..errors import DecodeError
from ..handler_exceptions import pass_on
from ..models import TaskStatus

STATUS_EVENT = "apaevt_status_update"
LIFECYCLE_EVENT = "apaevt_log_lifecycle"
# These belong to the event, and not to the status in it.
_STAMPS = ("__id", "eventTime", "final", "logSeq", "runKind", "teamId", "userId")


def log_number(body: Mapping[str, Any]) -> Optional[float]:
    """The number of an event in the log of its source, or None. Only a status is known to have one.

    The ``seq`` of the message around it is not known to be the same.
    """
    return number_of(body.get("logSeq"))


def final_status(body: Mapping[str, Any]) -> Optional[TaskStatus]:
    """The final status of a run, if the event is that."""
    if body.get("final") is not True:
        return None
    try:
        status = TaskStatus.from_dict({name: value for name, value in body.items() if name not in _STAMPS})
    except DecodeError as error:
        pass_on(error)
        return None
    return status if status.is_terminal else None


def number_of(value: Any) -> Optional[float]:
    """`value` if it is a number that is no larger than a float can be, else None: it is reckoned with."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) <= sys.float_info.max else None


def text_of(value: Any) -> Optional[str]:
    """`value` if it is a text, else None."""
    return value if isinstance(value, str) else None
