"""Secrets stay out of text, and so do characters that steer a terminal."""

import base64
import html
import json
import time
from urllib.parse import quote

import pytest
from cases import each

from rocketride_sync.redact import cut, excerpt, named_secrets, printable, proxy_secrets, redact, shorten

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"


@each(
    ("token", "shown"),
    [
        (TOKEN, "tk_5f3a…"),
        ("pk_5f3a0123456789abcdef", "pk_5f3a…"),
        ("tk_short", "tk_…"),
        ("nonsense", "…"),
        ("a-token-chosen-by-the-caller", "a-to…"),
        ("", "…"),
        ("\x1b]0;owned\x07 and more", "\\x1b]0;…"),
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


@each("address", ["http://%s@proxy:1", "socks5h://%s@[::1]", "%s@proxy"])
@each("password", ["hunter2", "p\xe4ss w/rd:@", "\u043f\u0430\u0440\u043e\u043b\u044c", "a", "%41b"])
def test_of_a_proxys_address_user_and_password_vanish(address, password):
    """Also as they are sent to it: in base64, of UTF-8 or Latin-1."""
    user = "us\xe9r"
    pair = f"{user}:{password}"
    given = address % f"{quote(user)}:{quote(password, '')}"
    codes = ["utf-8"] + ["latin-1"] * (max(pair) < "\u0100")
    sent = [base64.b64encode(pair.encode(code)).decode() for code in codes]
    for text in (pair, quote(pair, ""), quote(pair), html.escape(pair), *sent):
        assert redact(f"you sent {text}", proxy_secrets([given])) == "you sent ***"


def test_a_proxys_password_vanishes_without_the_user_too_if_it_is_not_as_short_as_a_syllable():
    assert redact("user hunt", proxy_secrets(["http://user:hunt@proxy"])) == "user ***"
    assert redact("user hun", proxy_secrets(["http://user:hun@proxy"])) == "user hun"


@each("address", [None, "", "http://proxy:1", "http://user@proxy", "http://user:@proxy", "http://"])
def test_a_proxys_address_without_a_password_has_no_secret(address):
    assert proxy_secrets([address]) == ()


def test_an_empty_secret_changes_nothing():
    assert redact("nothing to hide", [""]) == "nothing to hide"


def test_a_secret_that_is_a_part_of_another_uncovers_nothing():
    assert redact("nightly-secret-run-20261124", ["nightly", "nightly-secret-run-20261124"]) == "***"


@each("before", ["", "x", "xx", "xxx", "Bearer "])
@each("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_within_base64_does_not_show(before, encode):
    key = "k<e>y/with?all~kinds&of'signs+0123456789"
    encoded = encode(f"{before}{key}:more".encode()).decode()
    left = redact(f"you sent {encoded}.", [key])
    assert "***" in left
    # All but the ends, whose bits belong to their neighbours too.
    assert len(left) <= len("you sent ***.") + len(encode(f"{before}:more".encode())) + 4


@each(
    "encode",
    [lambda key: quote(key).lower(), json.dumps, html.escape, lambda key: html.escape(key, quote=False)],
)
def test_an_encoded_secret_does_not_show(encode):
    key = "key\"with<all>&'kinds'\\of/signs"
    assert "kinds" not in redact(f"you sent {encode(key)}.", [key]).lower()


def test_a_secret_as_http_shows_it_does_not_show():
    assert redact("no task nachtlÃ¤ufer", ["nachtläufer"]) == "no task ***"


def test_a_token_that_no_encoding_can_say_is_no_trouble():
    assert redact("no task \ud800-token", ["\ud800-token"]) == "no task ***"


@each(
    ("text", "shown"),
    [
        ("plain äöü 漢字\u3000🚀", "plain äöü 漢字\u3000🚀"),
        ("a\tb\r\nc\b", "a\\tb\\r\\nc\\x08"),
        ("\x1b[31m\x9b1m\x7f\x00", "\\x1b[31m\\x9b1m\\x7f\\x00"),
        ("\u2028\u200b\u202e\u2066\ufeff\ud800", "\\u2028\\u200b\\u202e\\u2066\\ufeff\\ud800"),
    ],
)
def test_what_is_not_seen_is_written_as_an_escape(text, shown):
    assert printable(text) == shown


SECRET = "sk-live ABC/DEFGHIJKLMNOPQRSTUVWXYZ"


def shown_of(secret, text):
    """The longest beginning of `secret` that `text` shows."""
    return max(n for n in range(len(secret) + 1) if secret[:n] in text)


@each("encode", [str, quote, html.escape, lambda key: base64.b64encode(key.encode()).decode()])
@each("before", range(60, 101))
def test_of_a_secret_that_a_cut_goes_through_nothing_shows(before, encode):
    left = cut("." * before + encode(SECRET) + "!" * 50, 100, [SECRET])
    assert left in ("." * before + "***" + "!" * (100 - before))[: len(left)]
    assert shown_of(encode(SECRET), left) == 0


def test_a_text_is_cut_at_its_limit_and_a_short_one_is_whole():
    assert cut("x" * 100, 100, [SECRET]) == "x" * 100
    assert cut("x" * 200, 100, [SECRET]) == "x" * 100
    assert cut(f"a {SECRET} b", 100, [SECRET]) == "a *** b"


@each("length", range(20, 60))
def test_an_excerpt_of_one_secret_after_another_shows_none(length):
    secret = "".join(chr(ord("A") + n) for n in range(length))
    shown = excerpt(f"bad key {secret}; " * 400, 200, [secret])
    assert shown_of(secret, shown) == 0
    assert len(shown) <= 200


PLAIN_KEY = "sk-live-ABCDEFGHIJ0123456789"
FULLY = {
    "percent": lambda char: f"%{ord(char):02x}",
    "percent, upper": lambda char: f"%{ord(char):02X}",
    "json": lambda char: f"\\u{ord(char):04x}",
    "python": lambda char: f"\\x{ord(char):02x}",
    "html, hexadecimal": lambda char: f"&#x{ord(char):02X};",
    "html, decimal": lambda char: f"&#{ord(char)};",
    "html, padded": lambda char: f"&#x0000{ord(char):x};",
}


@each("kind", FULLY)
@each("every", [1, 2, 3])
@each("secret", [PLAIN_KEY, TOKEN])
def test_a_secret_does_not_show_with_escapes_that_it_does_not_need(kind, every, secret):
    escaped = "".join(FULLY[kind](char) if index % every == 0 else char for index, char in enumerate(secret))
    assert redact(f"you sent {escaped}.", [secret]) in ("you sent ***.", "you sent tk_5f3a….")


@each("kind", FULLY)
def test_a_token_that_nobody_named_does_not_show_escaped(kind):
    escaped = "".join(map(FULLY[kind], TOKEN))
    assert redact(f"you sent {escaped}.") == "you sent tk_…."


@pytest.mark.parametrize("encode", [bytes.hex, lambda key: key.hex().upper()])
def test_a_secret_in_hexadecimal_digits_does_not_show(encode):
    assert redact(f"you sent {encode(PLAIN_KEY.encode())}!", [PLAIN_KEY]) == "you sent ***!"


def test_base64_of_user_and_key_does_not_show():
    coded = base64.b64encode(f"user:{PLAIN_KEY}".encode()).decode()
    left = redact(f"Basic {coded}", [PLAIN_KEY])
    assert "***" in left
    assert len(left) <= len("Basic dXNlcjo ***xx")


def test_other_escapes_are_left_as_they_are():
    text = r"100% of a%20b &amp; \u0041 &#65; \n C:\new %zz &#; %"
    assert redact(text, [PLAIN_KEY]) == text


@each("kind", FULLY)
@each("before", range(0, 110, 7))
def test_a_cut_through_an_escaped_secret_shows_nothing_of_it(kind, before):
    escaped = "".join(map(FULLY[kind], PLAIN_KEY))
    left = cut("." * before + escaped + "!" * 500, 100, [PLAIN_KEY])
    assert FULLY[kind]("s") not in left
    assert len(left) <= 100


def test_the_time_to_redact_grows_with_the_text_alone():
    secret = "%" * 200 + "x"
    for text in ("%25" * 20_000, "&#37;" * 20_000, "%" * 60_000, "\\u0025" * 10_000):
        began = time.perf_counter()
        redact(text, [secret])
        assert time.perf_counter() - began < 5


# --- credentials within a document


@each(
    ("name", "secret"),
    [
        ("apikey", True),
        ("API_KEY", True),
        ("openai-api-key", True),
        ("aws_secret_access_key", True),
        ("private_key", True),
        ("auth", True),
        ("Authorization", True),
        ("db_password", True),
        ("client_secret", True),
        ("accessToken", True),
        ("credentials", True),
        ("key", False),
        ("keyword", False),
        ("author", False),
        ("max_tokens", False),
        (5, False),
    ],
)
def test_a_name_tells_whether_a_text_is_a_credential(name, secret):
    assert list(named_secrets({name: "12345678"})) == ["12345678"] * secret


@pytest.mark.parametrize("value", ["1234567", "${ROCKETRIDE_KEY}", "", 12345678, None, True])
def test_what_is_no_text_too_short_or_a_reference_is_no_credential(value):
    assert list(named_secrets({"apikey": value})) == []


def test_credentials_are_found_at_any_depth():
    nested = {"token": "in-a-tuple"}
    for _ in range(5_000):
        nested = {"auth": ({"of": [nested, "text"]},)}
    assert list(named_secrets(nested)) == ["in-a-tuple"]


def test_no_more_than_a_hundred_credentials_are_found():
    """Each takes time to hide."""
    assert len(list(named_secrets([{"token": "12345678"}] * 1_000))) == 100
