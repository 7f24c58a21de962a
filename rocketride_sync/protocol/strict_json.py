"""A strict JSON decoder: only UTF-8, and neither NaN nor Infinity, which Python's own decoder accepts."""

from __future__ import annotations

import gc
import json
import math
import sys
from json.scanner import make_scanner
from typing import Any, Callable

from ..handler_exceptions import pass_on

_SMALL = 16_384
_BLOCK = 1_000_000
# From empty lists and dicts, the slowest there are, and long strings, on a busy core of 2.5 GHz.
_SECONDS_PER_VALUE = 1.5e-6
_SECONDS_PER_BYTE = 5e-9
# Of integers of 4299 digits; Python takes four times as long for twice the digits.
_SECONDS_PER_DIGIT = 5e-8
# One byte in so many is looked at: that finds integers of more than 550 digits, and takes a fraction of the time. It is a prime
# number, so that nothing is written in just this period.
_STRIDE = 61
_RUN = b"0" * 8
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
_WHITE_SPACE = " \t\n\r"


def _refuse(constant: str) -> Any:
    raise json.JSONDecodeError(f"{constant} is not JSON", "", 0)


def _without_collecting(decode: Callable[..., Any]) -> Callable[..., Any]:
    """`decode`, during which no garbage is collected."""

    def collecting_nothing(*args: Any) -> Any:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return decode(*args)
        finally:
            if enabled:
                gc.enable()

    return collecting_nothing


def outliving_depth(decode: Callable[..., Any]) -> Callable[..., Any]:
    """`decode`, which uses Python's decoder, so that a text that is nested too deeply never ends the process.

    Python 3.8 aborts if a destructor runs where it finds that.
    """
    return _without_collecting(decode) if sys.version_info < (3, 9) else decode


# One scanner for all texts: json.loads(parse_constant=…) would build one for each. The scanner and not the decoder
# around it: the decoder skips white space with regular expressions, a tenth of the time of a short text.
_scan = outliving_depth(make_scanner(json.JSONDecoder(parse_constant=_refuse)))  # type: ignore[arg-type]  # typeshed errs


def decodes_within(text: bytes, seconds: float) -> bool:
    """Whether there is time to decode `text` and to make a model of it.

    The number of its values says more than its size: of some, a megabyte takes a second, of others, a millisecond. Long
    integers count too.
    """
    if len(text) < _SMALL or seconds == math.inf:
        return True
    needed = len(text) * _SECONDS_PER_BYTE
    for start in range(0, len(text), _BLOCK):
        if needed > seconds:
            break  # counting on would take time, too
        needed += sum(text.count(mark, start, start + _BLOCK) for mark in b",{[") * _SECONDS_PER_VALUE
        needed += _digits_in_a_row(text[start : start + _BLOCK : _STRIDE]) * _SECONDS_PER_DIGIT
    return needed <= seconds


def _digits_in_a_row(sample: bytes) -> int:
    """How many digits stand in long integers, about, in the text that `sample` is every `_STRIDE`-th byte of."""
    return sample.translate(_DIGITS_ALIKE).count(_RUN) * len(_RUN) * _STRIDE


def _problem_of(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"no UTF-8 at byte {error.start}"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}: character {error.pos}" if error.doc else error.msg
    return "a number has too many digits"


def loads(text: bytes) -> Any:
    """The value of `text`.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested too deeply. It says what is wrong, and quotes nothing.
    """
    try:
        document = text.decode("utf-8").strip(_WHITE_SPACE)
        value, end = _scan(document, 0)
    except StopIteration:
        problem = "no value begins where one should"
    except RecursionError:
        problem = "nested too deeply"
    except ValueError as error:
        pass_on(error)
        problem = _problem_of(error)
    else:
        if end == len(document):
            return value
        problem = "something follows the value"
    raise ValueError(problem)
