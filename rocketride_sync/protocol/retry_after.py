"""How long an answer asks to wait: its ``Retry-After``, as seconds or as an HTTP date. Loads nothing."""

from __future__ import annotations

from typing import Callable, Mapping, Optional

from ..deadline import system_time

_LONGEST_RETRY_AFTER = 86_400.0
_LONGEST_DATE = 64
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_BEFORE_1970 = 719_468  # since 1 March of the year 0
_DAYS_IN_400_YEARS = 146_097


def retry_after(headers: Mapping[str, str], clock: Callable[[], float] = system_time.time) -> Optional[float]:
    """The seconds to wait that ``Retry-After`` asks for, as a number or as a date; None without a usable value."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_RETRY_AFTER)
    at = timestamp(value)
    if at is None:
        return None
    # Compared with the server's own clock if it sends it: ours may differ.
    now = timestamp(headers.get("Date", ""))
    return min(max(at - (clock() if now is None else now), 0.0), _LONGEST_RETRY_AFTER)


def timestamp(date: str) -> Optional[float]:
    """The Unix time of an HTTP date in one of its three forms (RFC 9110, section 5.6.7); None if it is none.

    Not with `email.utils`, which loads a dozen modules: a wait may need this when nothing can be loaded.
    """
    words = date[:_LONGEST_DATE].replace(",", " ").replace("-", " ").split()
    if len(words) == 5:
        _, month, day, clock, year = words
    elif len(words) == 6 and words[5] in ("GMT", "UTC"):
        _, day, month, year, clock, _ = words
    else:
        return None
    parts = [day, year, *clock.split(":")]
    if (
        len(parts) != 5
        or len(year) not in (2, 4)
        or month not in _MONTHS
        or not all(part.isascii() and part.isdigit() for part in parts)
    ):
        return None
    days, years, hours, minutes, seconds = map(int, parts)
    if not 1 <= days <= 31 or hours > 23 or minutes > 59 or seconds > 60:
        return None
    if len(year) == 2:
        years += 2000 if years < 70 else 1900
    since = _days_since_1970(years, _MONTHS.index(month), days)
    return float(((since * 24 + hours) * 60 + minutes) * 60 + seconds)


def _days_since_1970(year: int, month: int, day: int) -> int:
    """The days from 1 January 1970 to a date of the Gregorian calendar; `month` counts from 0."""
    years, month = (year, month - 2) if month >= 2 else (year - 1, month + 10)  # as if they began in March
    centuries, within = divmod(years, 400)
    days = within * 365 + within // 4 - within // 100 + (153 * month + 2) // 5 + day - 1
    return centuries * _DAYS_IN_400_YEARS + days - _DAYS_BEFORE_1970
