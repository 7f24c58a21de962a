"""The words of a page: of HTML, or plain text. Hostile ones too are read in a time that grows no faster than they do."""

from __future__ import annotations

import re
from html import unescape
from typing import List

_LONGEST_PAGE = 8192
# Neither this nor what uses it looks at any part of a text more than a few times.
_TAG = re.compile(r"<(/?)(style|script|head)\b[^>]*>|<[^>]*>", re.IGNORECASE)


def words_of(page: bytes) -> str:
    """The words that a page shows, of its first 8 KiB."""
    text = page[:_LONGEST_PAGE].decode("utf-8", "replace")
    words = " ".join(unescape(_without_markup(text)).split())
    # Without the last word if it may be cut: it could be a part of a secret, which would not be recognised.
    return words.rpartition(" ")[0] if len(page) > _LONGEST_PAGE else words


def _without_markup(text: str) -> str:
    """`text` without tags, and without the content of elements that are not shown, if they are closed."""
    # No further: without a ">" after it, each "<" would be searched for one to the end.
    tags = list(_TAG.finditer(text[: text.rfind(">") + 1]))
    last_closed = {tag.group(2).lower(): tag.start() for tag in tags if tag.group(1)}
    shown: List[str] = []
    at, hidden = 0, ""
    for tag in tags:
        closes, name = tag.group(1), (tag.group(2) or "").lower()
        if not hidden:
            shown.append(text[at : tag.start()])
            hidden = name if last_closed.get(name, at) > tag.start() else ""
        elif closes and name == hidden:
            hidden = ""
        at = tag.end()
    return " ".join([*shown, text[at:]])
