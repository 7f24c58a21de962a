"""Durations as they are given on the command line: ``90``, ``90s``, ``5m``, ``1h30m``, ``1d``."""

from __future__ import annotations

import argparse
import re

from ..redact import printable, redact

HELP = "Durations are seconds, or parts with units: 90, 90s, 5m, 1h30m, 1d."

_EXAMPLES = "write seconds, or parts with units, such as 90, 90s, 5m, 1h30m or 1d"
_NUMBER = r"(?:[0-9]{1,15}(?:\.[0-9]*)?|\.[0-9]+)"  # so many digits that it is finite
_SECONDS = re.compile(rf"{_NUMBER}(?:[eE][+-]?[0-9]{{1,2}})?")
# The largest unit first, each at most once: a mistake such as "5m1h" is not guessed at.
_PARTS = re.compile("".join(rf"(?:({_NUMBER}){unit})?" for unit in "dhms"))
_UNIT_SECONDS = (86400.0, 3600.0, 60.0, 1.0)
_LONGEST_SHOWN = 16  # a longer value is hardly a duration, and may be a key in the wrong place


def duration(text: str) -> float:
    """The seconds of a duration; 0 is one. For the `type` of an argument.

    Raises:
        argparse.ArgumentTypeError: showing the value, if it is short, and how to write one.
    """
    if _SECONDS.fullmatch(text):
        return float(text)
    parts = _PARTS.fullmatch(text)
    if not text or parts is None:
        raise argparse.ArgumentTypeError(f"invalid duration {_shown(text)}: {_EXAMPLES}")
    return sum(float(number) * unit for number, unit in zip(parts.groups(), _UNIT_SECONDS) if number)


def positive_duration(text: str) -> float:
    """As `duration`, but 0 is none."""
    seconds = duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"invalid duration {_shown(text)}: it must be longer than 0")
    return seconds


def _shown(text: str) -> str:
    return f"'{printable(redact(text))}'" if len(text) <= _LONGEST_SHOWN else f"of {len(text)} characters"
