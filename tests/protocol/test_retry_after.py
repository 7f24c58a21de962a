"""How long an answer asks to wait: a number of seconds, or one of the three forms of an HTTP date."""

import calendar
from datetime import datetime, timedelta, timezone

from cases import each

from rocketride_sync.protocol.retry_after import retry_after, timestamp

NOW = 1_800_000_000.0  # Friday, 15 January 2027, 08:00:00
NOVEMBER_94 = 784_111_777.0


@each(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("86399", 86_399.0),
        ("86401", 86_400.0),
        ("999999999", 86_400.0),
        ("9" * 5000, 86_400.0),
        ("-5", None),
        ("1.5e3", None),
        ("soon", None),
        ("", None),
        ("\u0665", None),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Fri, 15 Jan 2027 08:00:00 GMT", 0.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Sat, 16 Jan 2027 08:00:01 GMT", 86_400.0),
        ("Fri, 15 Jan 2099 08:00:00 GMT", 86_400.0),
    ],
)
def test_retry_after(value, seconds):
    assert retry_after({"Retry-After": value}, clock=lambda: NOW) == seconds


def test_a_retry_date_is_read_by_the_servers_clock():
    headers = {"Retry-After": "Fri, 15 Jan 2027 08:01:00 GMT", "Date": "Fri, 15 Jan 2027 08:00:50 GMT"}
    assert retry_after(headers, clock=lambda: NOW + 5000) == 10.0


def test_no_retry_after():
    assert retry_after({}) is None


@each(
    "date",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 6 Nov 1994 8:49:37 UTC",
        "  Sun,  06  Nov  1994  08:49:37  GMT  ",
    ],
)
def test_the_forms_of_a_date(date):
    assert timestamp(date) == NOVEMBER_94


@each(("year", "full"), [("00", 2000), ("69", 2069), ("70", 1970), ("99", 1999), ("0001", 1), ("9999", 9999)])
def test_the_century_of_a_year(year, full):
    expected = datetime(full, 3, 1, tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    assert timestamp(f"Sunday, 01-Mar-{year} 00:00:00 GMT") == expected.total_seconds()


def test_the_calendar():
    """Before and after each turn of a month, in years of each kind."""
    for year in (1600, 1899, 1900, 1970, 1972, 1999, 2000, 2001, 2027, 2028, 2100, 2399, 2400):
        for month in range(1, 13):
            first = datetime(year, month, 1)
            for day in (first - timedelta(days=1), first, first + timedelta(days=13)):
                date = f"Sun, {day.day:02} {calendar.month_abbr[day.month]} {day.year} 00:00:00 GMT"
                assert timestamp(date) == calendar.timegm(day.timetuple()), date


@each("time", ["00:00:00", "23:59:59", "23:59:60", "12:00:01", "00:59:00"])
def test_the_time_of_a_day(time):
    hours, minutes, seconds = map(int, time.split(":"))
    assert timestamp(f"Thu, 01 Jan 1970 {time} GMT") == hours * 3600 + minutes * 60 + seconds


@each(
    "date",
    [
        "Fri, 00 Jan 2027 08:00:00 GMT",
        "Fri, 32 Jan 2027 08:00:00 GMT",
        "Fri, 99 Jan 2027 08:00:00 GMT",
        "Fri, 15 Jan 2027 24:00:00 GMT",
        "Fri, 15 Jan 2027 08:60:00 GMT",
        "Fri, 15 Jan 2027 08:00:61 GMT",
        "Fri, 15 Jan 99999999999 08:00:00 GMT",
        "Fri, 15 Jan 027 08:00:00 GMT",
        "Fri, 15 Jan 2027 08:00:00 CET",
        "Fri, 15 Jan 2027 08:00 GMT",
        "Fri, 15 Jan 2027 08:00:00:00 GMT",
        "Fri, 15 Jan 2027 08:00:-1 GMT",
        "Fri, 15 January 2027 08:00:00 GMT",
        "Fri, \u0661\u0665 Jan 2027 08:00:00 GMT",
        "Fri, x5 Jan 2027 08:00:00 GMT",
        "15 Jan 2027",
        "Fri, 15 Jan 2027 08:00:00 GMT and more",
        " " * 100 + "Fri, 15 Jan 2027 08:00:00 GMT",
        "",
    ],
)
def test_what_is_no_date(date):
    assert timestamp(date) is None
