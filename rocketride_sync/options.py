"""Options: timeouts and the retry policy. They are validated when they are made, not when they are used first."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Any, Literal, Optional, SupportsFloat, Union

from .errors import ConfigurationError
from .frozen import Frozen
from .handler_exceptions import pass_on

if TYPE_CHECKING:
    from datetime import timedelta


TransportName = Literal["auto", "websocket", "http"]
TRANSPORTS = ("auto", "websocket", "http")


class _Omitted:
    """The type of `CLIENT_TIMEOUT`. Signatures do not name it: to their readers it is the default."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<the client's>"

    def __reduce__(self) -> str:
        return "CLIENT_TIMEOUT"  # the very object, from copies and pickles too


CLIENT_TIMEOUT: Any = _Omitted()
"""The default of every `timeout` argument whose omission and whose None mean different things."""

if TYPE_CHECKING:
    Seconds = Union[float, SupportsFloat, timedelta]
else:
    Seconds = Union[float, SupportsFloat]  # typing would compile a name, and `datetime` is seldom loaded
"""A duration: a real number of seconds, of any kind (numpy's, `Decimal`, `Fraction`), or a `timedelta`."""


class SizeLimit:
    """The largest answer, and the option that sets it."""

    def __init__(self, option: str, size: int) -> None:
        self.option = option
        self.size = size

    def __str__(self) -> str:
        return f"{self.option} ({self.size} bytes)"


LONGEST = 1e9
"""Seconds, 31 years: clocks and system calls take no numbers much larger."""


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)  # an int can be too large for math.isfinite


def seconds(name: str, value: Any, *, zero: bool = False) -> float:
    """`value`, a duration (`Seconds`), as a float of seconds: `LONGEST` in place of a longer one.

    It must be positive. With `zero`, it may be 0 too.

    Raises:
        ConfigurationError: naming the option, for anything else (bool and NaN too).
    """
    number = _real_number(value)
    if number is not None and _is_finite(number) and (number > 0 or (zero and number == 0)):
        return float(min(number, LONGEST))
    allowed = "0 or a positive number" if zero else "a positive number"
    raise ConfigurationError(f"{name} must be {allowed} of seconds, or a timedelta, not {value!r}")


def _real_number(value: Any) -> Optional[float]:
    """`value` as a number; a duration in seconds. None if it is neither."""
    if isinstance(value, (int, float)):
        return None if isinstance(value, bool) else value
    if isinstance(value, _loaded("datetime", "timedelta")):
        return value.total_seconds()  # type: ignore[no-any-return]
    try:
        if type(value).__name__ == "timedelta64":  # numpy's: a number, to `Real`, of whatever unit it has
            return float(value / type(value)(1, "s"))
        if not isinstance(value, (_loaded("numbers", "Real"), _loaded("decimal", "Decimal"))):
            return None
        return math.inf if value == math.inf else float(min(value, LONGEST))  # floats end at 1e308
    except (ArithmeticError, ValueError, TypeError) as error:  # too large, a signalling NaN, months
        pass_on(error, foreign_code=True)
        return None


def _loaded(module: str, name: str) -> Any:
    """A class, or no class if its module is not loaded: then there is no object of it. Most processes need none."""
    return getattr(sys.modules.get(module), name, ())


def optional_seconds(name: str, value: Any, *, zero: bool = False) -> Optional[float]:
    """As `seconds`, and None for unlimited."""
    return None if value is None else seconds(name, value, zero=zero)


def _between(low: float, high: float, name: str, value: Any) -> float:
    number = _real_number(value)
    if number is None or not low <= number <= high:
        raise ConfigurationError(f"{name} must be a number from {low} to {high}, not {value!r}")
    return float(number)


class RetryPolicy(Frozen):
    """How a wait goes on after transient faults, and a single call after an overload answer.

    The pause after the n-th fault in a row is ``initial_delay * multiplier ** n``, at most `max_delay`. A random part
    of it, up to the share `jitter`, is left out, so that a thousand clients do not return at the same time.

    Attributes:
        max_outage: seconds without a success after which a wait gives up and raises the last `TransientError`; None is
            unlimited. Default 300.
        initial_delay: seconds before the first retry. Default 0.25.
        max_delay: the longest pause in seconds; only a server's ``Retry-After`` may exceed it. Default 15.
        multiplier: growth from one pause to the next, 1 to 10. Default 2.
        jitter: the random share, 0 to 1. Default 0.5.
    """

    # The order is that of the repr.
    __slots__ = ("max_outage", "initial_delay", "max_delay", "multiplier", "jitter")  # noqa: RUF023

    max_outage: Optional[float]
    initial_delay: float
    max_delay: float
    multiplier: float
    jitter: float

    def __init__(
        self,
        *,
        max_outage: Optional[Seconds] = 300.0,
        initial_delay: Seconds = 0.25,
        max_delay: Seconds = 15.0,
        multiplier: float = 2.0,
        jitter: float = 0.5,
    ) -> None:
        self._set(
            max_outage=optional_seconds("max_outage", max_outage),
            initial_delay=seconds("initial_delay", initial_delay),
            max_delay=seconds("max_delay", max_delay),
            multiplier=_between(1, 10, "multiplier", multiplier),
            jitter=_between(0, 1, "jitter", jitter),
        )

    def delay(self, attempt: int, retry_after: Optional[float] = None) -> float:
        """Seconds to pause after fault number `attempt` (from 0), at least `retry_after` if that is given."""
        longest = min(self.max_delay, self.initial_delay * self.multiplier ** min(attempt, 60))
        # Not with `random`: it takes 5 ms to load, and a wait may need this when nothing can be loaded.
        share = int.from_bytes(os.urandom(4), "big") / 2**32
        jittered = longest * (1.0 - self.jitter * share)
        return max(jittered, retry_after or 0.0)
