"""Faults of the client that the simulation finds and that are not mended yet, by what a life says of them.

They are counted in the table, and are no failures. Whoever mends one removes it here.
"""

from __future__ import annotations

import re

_FAULTS = {
    "wait_all over `auto` comes milliseconds late if WebSocket is refused or lost just before its end": r"wait_all came 0.0\d* s after its deadline",
}


def known(violation):
    """The known fault that `violation` is, or None."""
    return next((name for name, pattern in _FAULTS.items() if re.search(pattern, violation)), None)
