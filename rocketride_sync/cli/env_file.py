"""Reads an environment file that the user named: ``NAME=VALUE`` lines, as shells and containers write them."""

from __future__ import annotations

import re
from typing import Dict, Tuple

from ..errors import ConfigurationError
from .secret_input import read_text

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)\"""")
_COMMENT = re.compile(r"\s#.*", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def read(path: str) -> Dict[str, str]:
    """The variables of the file. If a name is given twice, the last value counts.

    A line is ``NAME=VALUE``, also after ``export``, or blank, or a ``#`` comment. A value may stand in single quotes
    (taken literally) or in double quotes (with backslash escapes), and ends at its line's end. An unquoted value
    ends before a ``#`` that follows white space. Nothing is substituted: ``$HOME`` stays as it is.

    Raises:
        ConfigurationError: naming file and line, never the text there, which may be a secret.
    """
    lines = enumerate(read_text(path).split("\n"), start=1)
    return dict(
        _assignment(line.strip(), f"{path}, line {number}")
        for number, line in lines
        if line.strip() and not line.lstrip().startswith("#")
    )


def _assignment(line: str, place: str) -> Tuple[str, str]:
    match = _ASSIGNMENT.fullmatch(line)
    if match is None:
        raise ConfigurationError(f"{place}: expected NAME=VALUE")
    return match.group(1), _value(match.group(2), place)


def _value(text: str, place: str) -> str:
    if not text.lstrip().startswith(("'", '"')):
        return _COMMENT.sub("", text).strip()
    text = text.lstrip()
    match = _QUOTED.match(text)
    if match is None:
        raise ConfigurationError(f"{place}: the quote is not closed on this line")
    if _COMMENT.sub("", text[match.end() :]).strip():
        raise ConfigurationError(f"{place}: there is text after the closing quote")
    literal, escaped = match.groups()
    return literal if escaped is None else _ESCAPE.sub(_unescape, escaped)


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match.group(1), match.group(1))
