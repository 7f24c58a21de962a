"""The messages of a task: which are new since an earlier status, and how a person reads one."""

from __future__ import annotations

from typing import List, NamedTuple, Sequence, Tuple

_LONGEST_KIND = 40


class MessageParts(NamedTuple):
    """A message of the engine, taken apart.

    Attributes:
        kind: such as ``Failed``; empty if the message has another form.
        text: what happened.
        where: the place in the engine's source, such as ``pipe.cpp:10``; may be empty.
    """

    kind: str
    text: str
    where: str


def parts(message: str) -> MessageParts:
    """The raw ``Failed*bad input*pipe.cpp:10`` in its parts. Any other message is all text."""
    kind, _, rest = message.partition("*")
    text, star, where = (part.strip() for part in rest.rpartition("*"))
    if not (star and text and _is_kind(kind)):
        return MessageParts("", message, "")
    return MessageParts(kind, text, where)


def in_words(message: str) -> str:
    """A message for people: the raw ``Failed*bad input*pipe.cpp:10`` as ``bad input (Failed, pipe.cpp:10)``.

    Any other message is returned as it is.
    """
    kind, text, where = parts(message)
    remark = ", ".join(filter(None, (kind, where)))
    return f"{text} ({remark})" if remark else text


def _is_kind(text: str) -> bool:
    """Whether it is a word, or a few: not a piece of a formula, or the text before an emphasis."""
    return (
        len(text) <= _LONGEST_KIND and text[:1].isupper() and all(word.isalnum() for word in text.split(" "))
    )


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
