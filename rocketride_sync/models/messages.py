"""What is new in a ring buffer of messages since an earlier look."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple


class NewMessages(NamedTuple):
    """Messages that came since an earlier status.

    Attributes:
        messages: the new ones, oldest first.
        lost: nothing of the earlier window is left, so that some in between may have been missed.
    """

    messages: Tuple[str, ...]
    lost: bool


def new_messages(current: Sequence[str], earlier: Sequence[str]) -> NewMessages:
    """Compare two windows of one ring buffer: what follows their longest overlap is new. Linear time."""
    overlap = _overlap(earlier, current)
    return NewMessages(
        messages=tuple(current[overlap:]), lost=bool(earlier) and bool(current) and overlap == 0
    )


def _overlap(earlier: Sequence[str], current: Sequence[str]) -> int:
    """The length of the longest end of `earlier` that is a start of `current` (Knuth, Morris, Pratt)."""
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
    """For each start of `messages`, the length of its longest proper start that is its end too."""
    borders = [0] * len(messages)
    length = 0
    for i in range(1, len(messages)):
        while length and messages[i] != messages[length]:
            length = borders[length - 1]
        length += messages[i] == messages[length]
        borders[i] = length
    return borders
