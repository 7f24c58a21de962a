"""How long a server remembers a finished task, and the check of an interval against it."""

from __future__ import annotations

import warnings
from typing import Any

from ..errors import RocketRideWarning
from ..options import seconds

RETENTION = 300.0
"""Seconds for which a server remembers a finished task, at least (docs/protocol.md)."""


def check_interval(interval: Any) -> float:
    """Return `interval` in seconds, if it is valid.

    Warns:
        RocketRideWarning: it is longer than `RETENTION`, so the end of a task may be missed.

    Raises:
        ConfigurationError: it is not a positive number of seconds, nor a `timedelta`.
    """
    checked = seconds("interval", interval)
    if checked > RETENTION:
        warnings.warn(
            f"interval={checked:g}: a server forgets a finished task after {RETENTION:.0f} s, "
            "so its end may be missed; poll more often",
            RocketRideWarning,
            stacklevel=4,
        )
    return checked
