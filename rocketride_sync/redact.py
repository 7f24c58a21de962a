"""Keeping secrets out of text: API keys and whole task tokens never reach a log, a repr or an exception."""

from __future__ import annotations

import re
from typing import Iterable
from urllib.parse import quote, quote_plus

_TOKEN = re.compile(r"(?:tk|pk)_[A-Za-z0-9_\-]{5,}")
_PREFIX = re.compile(r"(?:tk|pk)_")
_SHOWN = 4
_SHORTEST_TO_SHOW = 12


def shorten(token: str) -> str:
    """A token as it may be shown: ``tk_5f3a…``; of a short token nothing but its prefix."""
    prefix = _PREFIX.match(token)
    start = prefix.end() if prefix else 0
    shown = _SHOWN if len(token) - start >= _SHORTEST_TO_SHOW else 0
    return token[: start + shown] + "…"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without any of `secrets`, as they are or URL-quoted, and with everything token-like shortened."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        if secret:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, shorten(secret) if _PREFIX.match(secret) else "***")
    return _TOKEN.sub(lambda match: shorten(match.group()), text)
