r"""How a list of tokens writes a token as one word of plain ASCII, how it is read back, and how a result names one of many.

Whoever starts a task may choose its token, with anything in it: blanks, line breaks, a ``#`` at its beginning. ``\\`` is a
backslash, ``\#`` a ``#`` that begins no comment, and ``\uXXXX`` or ``\UXXXXXXXX`` any other character.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Dict, Match, Sequence

from ..redact import shorten

HELP = r"\# is a # that begins no comment, \\ a backslash, and \uXXXX any character, such as a blank"

# Not plain: what is no visible ASCII character, since an encoding of the output may lack it; a # at the beginning; and a
# comma between two tokens or at an end, where readers take the word for several tokens.
_NOT_PLAIN = re.compile(r"[^!-~]|\\|^#|[,;](?=tk_|pk_|\Z)")
_ESCAPE = re.compile(r"\\(?:([\\#])|u([0-9A-Fa-f]{4})|U(00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4}))")


def encoded(token: str) -> str:
    """`token` as a word: as it is, if it is plain."""
    return _NOT_PLAIN.sub(_escape, token)


def decoded(word: str) -> str:
    """The token that `word` means. A backslash that begins no escape is one: people write tokens too."""
    return _ESCAPE.sub(_character, word)


def told_apart(tokens: Sequence[str]) -> Dict[str, str]:
    """Each token in a form that may be shown: shortened, and numbered where another one looks the same then."""
    shown = [shorten(token) for token in tokens]
    alike = Counter(shown)
    return {
        token: short if alike[short] == 1 else f"{short}, TOKEN {number}"
        for number, (token, short) in enumerate(zip(tokens, shown), 1)
    }


def _escape(match: Match[str]) -> str:
    char = match.group()
    if char in "\\#":
        return f"\\{char}"
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _character(match: Match[str]) -> str:
    itself, short, long = match.groups()
    return itself or chr(int(short or long, 16))
