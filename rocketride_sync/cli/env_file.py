"""Reads an environment file that the user named: ``NAME=VALUE`` lines, as shells, containers and python-dotenv know them.

Such a file often is another program's, too. What is not understood there is passed over, unless it names a variable of
ours: without that one, the command could ask another server. For a file that sets none of them there is a warning.
"""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, Mapping, NamedTuple, Optional, Set, Tuple

from ..errors import ConfigurationError
from . import output
from .secret_input import SETTINGS, read_text
from .wording import NOT_SET

_BLANK = r"[^\S\n]*"
_ASSIGNMENT = re.compile(rf"(?:export[^\S\n]+)?([A-Za-z_][A-Za-z0-9_.-]*){_BLANK}=({_BLANK})")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_REST = re.compile(rf"{_BLANK}(?:(?<=\s)#[^\n]*)?(?:\n|\Z)")
_SPACE = re.compile(r"\s*")
_COMMENT = re.compile(r"\s#.*")
_ESCAPE = {"'": re.compile(r"\\([\\'])"), '"': re.compile(r"\\([\\'\"abfnrtv])")}
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PREFIX = "ROCKETRIDE_"
# What shells, PowerShell, cmd, lists of containers and JSON write before a name, or around it.
_COMMANDS = "export|set|setenv|declare|typeset|readonly"
_BEFORE = rf"(?i:(?:{_COMMANDS})(?:[^\S\n]+-\w+)*[^\S\n]+|\$env:|-[^\S\n]+)?[\"']?"
_OURS = re.compile(rf"{_BEFORE}({_PREFIX}[A-Z0-9_]*)({_REST.pattern})?")
_FIRST = re.compile(rf"(?:export[^\S\n]+)?{_PREFIX}")


class _Assignment(NamedTuple):
    name: str
    value: str
    end: int


def read(path: str) -> Dict[str, str]:
    r"""The variables of the file. If a name is given twice, the last value counts.

    The rules are those of python-dotenv, without its substitution: ``$HOME`` and ``${HOME}`` stay as they are. A
    statement is ``NAME=VALUE``, also after ``export``; blank lines and ``#`` comments are none. A value may stand in
    single quotes (with the escapes ``\'`` and ``\\``) or in double quotes (also ``\n`` and its like), and then go on
    for several lines. An unquoted value ends before a ``#`` that follows white space.

    A name alone, as shells and containers pass variables on, needs a value elsewhere: in the file or in the process. So
    does a setting of the command that is assigned nothing. Other variables may be empty: they are for pipelines.

    Raises:
        ConfigurationError: it cannot be read, is larger than 64 KiB, is not UTF-8, or gives a variable of ours no value.
    """
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    variables: Dict[str, str] = {}
    valueless: Dict[str, int] = {}
    for start, found in _statements(text):
        ours = None if found else _OURS.match(text, start)
        if found is not None:
            variables[found.name] = found.value
            if found.name in SETTINGS and not found.value.strip():
                valueless[found.name] = start
        elif ours is not None and ours.group(2) is not None:
            valueless.setdefault(ours.group(1), start)
        elif ours is not None:
            raise _without_value(text, start, path, ours.group(1))
    for name, start in valueless.items():
        if not _has_value(name, variables) and not _has_value(name, os.environ):
            raise _without_value(text, start, path, name)
    if not (valueless or any(name.startswith(_PREFIX) for name in variables)):
        output.print_problem(f"warning: {path} sets no variable whose name begins with {_PREFIX}")
    return variables


def _has_value(name: str, variables: Mapping[str, str]) -> bool:
    value = variables.get(name)
    return value is not None and (name not in SETTINGS or bool(value.strip()))


def _statements(text: str) -> Iterator[Tuple[int, Optional[_Assignment]]]:
    """Where each statement begins, and the assignment that it is; None if it is something else."""
    position, unclosed = 0, set()  # type: int, Set[str]
    while position < len(text):
        start = _SPACE.match(text, position).end()  # type: ignore[union-attr]  # it matches nothing, too
        found = _assignment(text, start, unclosed)
        line_end = text.find("\n", start)
        position = found.end if found else (len(text) if line_end < 0 else line_end + 1)
        if not text.startswith("#", start):
            yield start, found


def _assignment(text: str, start: int, unclosed: Set[str]) -> Optional[_Assignment]:
    """The assignment at `start`. The quotes in `unclosed` are known to be closed nowhere from there on."""
    named = _ASSIGNMENT.match(text, start)
    if named is None:
        return None
    at = named.end()
    quote = text[at : at + 1]
    if quote not in _QUOTED:
        line_end = text.find("\n", at)
        line = text[named.start(2) : line_end if line_end >= 0 else len(text)]
        return _Assignment(named.group(1), _COMMENT.sub("", line).strip(), named.start(2) + len(line))
    if quote in unclosed:
        return None
    quoted = _QUOTED[quote].match(text, at)
    if quoted is None:
        unclosed.add(quote)  # else each line of a file could be searched to its end
        return None
    rest = _REST.match(text, quoted.end())
    if rest is None:
        return None
    return _Assignment(named.group(1), _ESCAPE[quote].sub(_unescape, quoted.group(1)), rest.end())


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match.group(1), match.group(1))


def _without_value(text: str, start: int, path: str, name: str) -> ConfigurationError:
    """The error for the statement at `start`, which names a variable of ours. Without its text, which may be a secret."""
    wrong = "its value's quotes are not closed, or text follows them"
    if _FIRST.match(text, start) is None:
        wrong = "its line does not begin with the name"
    elif _ASSIGNMENT.match(text, start) is None:
        wrong = "no = follows the name"
    elif _assignment(text, start, set()) is not None:
        wrong = f"it is empty ({NOT_SET})"
    line = text.count("\n", 0, start) + 1
    return ConfigurationError(f"{path}, line {line}, gives {name} no value: {wrong}; write {name}=VALUE")
