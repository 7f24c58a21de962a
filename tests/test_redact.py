"""Secrets stay out of text."""

import pytest

from rocketride_sync.redact import redact, shorten

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (TOKEN, "tk_5f3a…"),
        ("pk_5f3a0123456789abcdef", "pk_5f3a…"),
        ("tk_short", "tk_…"),
        ("nonsense", "…"),
        ("a-token-chosen-by-the-caller", "a-to…"),
        ("", "…"),
    ],
)
def test_a_token_is_shortened(token, shown):
    assert shorten(token) == shown


def test_named_secrets_vanish_in_every_form():
    key = "k e/y+1"
    text = f"sent {key}, k%20e%2Fy%2B1 and k+e%2Fy%2B1"
    assert redact(text, [key]) == "sent ***, *** and ***"


def test_tokens_nobody_named_vanish_too():
    assert redact(f"GET /task?token={TOKEN} failed") == "GET /task?token=tk_5f3a… failed"


def test_an_empty_secret_changes_nothing():
    assert redact("nothing to hide", [""]) == "nothing to hide"


def test_a_secret_that_is_a_part_of_another_uncovers_nothing():
    assert redact("nightly-secret-run-20261124", ["nightly", "nightly-secret-run-20261124"]) == "***"
