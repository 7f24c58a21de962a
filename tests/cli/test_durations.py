"""Durations: one way to write them, wherever the command line takes one."""

from __future__ import annotations

import argparse
import math
import unicodedata

import pytest
from cases import each
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync.cli import durations, main

KEY = "key-5f3a9c1e-secret"
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def duration_options():
    """Each option of a command that takes a duration."""
    parser = main.make_parser()
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for name, child in commands.choices.items():
        for action in child._actions:
            if action.metavar == "DURATION":
                yield name, action.option_strings[0]


OPTIONS = list(duration_options())


def test_the_options_with_a_duration():
    found = {
        ("run", "--timeout"),
        ("run", "--interval"),
        ("send", "--timeout"),
        ("wait", "--timeout"),
        ("wait", "--interval"),
    }
    assert found <= set(OPTIONS)


@each(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("1d2h3m4.5s", 93784.5),
        ("1.5h", 5400),
    ],
)
def test_what_is_a_duration(text, seconds):
    assert durations.duration(text) == seconds
    assert durations.positive_duration(text) == seconds


@given(st.lists(st.sampled_from("dhms"), unique=True, min_size=1), st.integers(0, 10**6))
def test_parts_in_their_order_add_up(units, number):
    ordered = sorted(units, key="dhms".index)
    text = "".join(f"{number}{unit}" for unit in ordered)
    assert durations.duration(text) == sum(number * UNITS[unit] for unit in units)


BAD = [
    "",
    " ",
    "soon",
    "nan",
    "inf",
    "-1",
    "1h30",
    "30m1h",
    "5m5m",
    "5 m",
    "5M",
    "1w",
    "1:30",
    "1_0",
    "٣",
    "1e999",
    "1" * 16,
]


# Each text at one option, and one text at each: all have one function.
@each(
    ("command", "option", "text"),
    [*((*OPTIONS[0], text) for text in BAD), *((*pair, BAD[2]) for pair in OPTIONS[1:])],
)
def test_a_bad_one_is_shown_and_explained_in_one_line(command, option, text, capsys):
    assert main.main([command, f"{option}={text}"]) == 2
    usage, problem = capsys.readouterr().err.rstrip("\n").rsplit("\n", 1)
    assert usage.startswith("usage:")
    assert option in problem
    assert f"'{text}'" in problem
    assert "1h30m" in problem


@pytest.mark.parametrize(
    ("command", "option"),
    [(command, option) for command, option in OPTIONS if command in ("run", "send") and option != "--ttl"],
)
@pytest.mark.parametrize("text", ["0", "0s", "0h0m"])
def test_no_time_at_all_is_none_where_something_is_to_be_done(command, option, text, capsys):
    assert main.main([command, option, text]) == 2
    assert f"{option}: invalid duration '{text}': it must be longer than 0" in capsys.readouterr().err


def test_a_wait_may_poll_once_but_not_without_a_pause(capsys):
    assert main.make_parser().parse_args(["wait", "--timeout", "0"]).timeout == 0
    assert main.main(["wait", "--interval", "0"]) == 2
    assert "longer than 0" in capsys.readouterr().err


@pytest.mark.parametrize("text", [KEY, "tk_0123456789abc"])
def test_a_secret_in_the_place_of_a_duration_is_not_repeated(text, capsys):
    assert main.main(["wait", "--timeout", text]) == 2
    assert text not in "".join(capsys.readouterr())


@given(st.text(max_size=20))
def test_any_text_is_a_finite_duration_or_refused(text):
    refusal = ""
    try:
        assert 0 <= durations.duration(text) < math.inf
    except argparse.ArgumentTypeError as error:
        refusal = str(error)
    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in refusal)
