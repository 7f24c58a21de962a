"""The messages in a ring buffer that are new since an earlier status."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple


class NewMessages(NamedTuple):
    """Messages that came since an earlier status.

    Attributes:
        messages: the new ones, oldest first.
        lost: no earlier message is left, so some in between may have been missed.
    """

    messages: Tuple[str, ...]
    lost: bool


def new_messages(current: Sequence[str], earlier: Sequence[str]) -> NewMessages:
    """Compare two contents of one ring buffer: what follows their longest overlap is new. Linear time."""
    overlap = _overlap(earlier, current)
    return NewMessages(
        messages=tuple(current[overlap:]), lost=bool(earlier) and bool(current) and overlap == 0
    )


def _overlap(earlier: Sequence[str], current: Sequence[str]) -> int:
    """The length of the longest suffix of `earlier` that is a prefix of `current` (Knuth, Morris, Pratt)."""
    if not current:
        return 0
    borders = _borders(current)
    matched = 0
    for message in earlier[-len(current) :]:
        while matched and (matched == len(current) or message != current[matched]):
            matched = borders[matched - 1]
        matched += message == current[matched]
    return matched


def _borders(messages: Sequence[str]) -> List[int]:
    """For each prefix of `messages`, the length of its longest proper prefix that is also its suffix."""
    borders = [0] * len(messages)
    length = 0
    for i in range(1, len(messages)):
        while length and messages[i] != messages[length]:
            length = borders[length - 1]
        length += messages[i] == messages[length]
        borders[i] = length
    return borders
