"""What a progress bar shows beside the bar, the counts and the time left, and what it leaves out on a narrow screen."""

from __future__ import annotations

from typing import Callable, List, NamedTuple

from .formatting import cut_in_middle

LEAST_BAR = 20
"""Columns that the bar itself keeps, whatever else there is to show."""

_GOOD_SUBJECT = 16  # the rate and the size may not cut what is being worked on to fewer columns
_LEAST_SUBJECT = 8  # with fewer, nobody recognizes it
_COMMA = ", "


class Details(NamedTuple):
    """The texts after the counts.

    Attributes:
        size: how much data is done.
        failed: how many items failed.
        subject: what is being worked on.
    """

    size: str
    failed: str
    subject: str

    def texts(self) -> List[str]:
        """Those that are not empty."""
        return [text for text in self if text]


class Layout(NamedTuple):
    """What fits: the details, and whether the rate does."""

    details: Details
    with_rate: bool


def layout(room: int, rate_width: int, details: Details, measure: Callable[[str], int]) -> Layout:
    """Choose what to show: how many failed first, then what is being worked on, the rate, and the size.

    Args:
        room: columns for all this, beside a bar of `LEAST_BAR` columns.
        rate_width: columns that the rate takes.
        details: the whole texts.
        measure: gives the columns of a text.
    """

    def taken(text: str) -> int:
        return measure(_COMMA + text) if text else 0

    room -= taken(details.failed)
    good = min(taken(details.subject), _GOOD_SUBJECT + len(_COMMA))
    with_rate = rate_width <= room - good
    room -= rate_width if with_rate else 0
    size = details.size if taken(details.size) <= room - good else ""
    room -= taken(size) + len(_COMMA)
    fits = room >= min(measure(details.subject), _LEAST_SUBJECT)
    subject = cut_in_middle(details.subject, room, measure) if fits else ""
    return Layout(Details(size, details.failed, subject), with_rate)
