"""Secrets that can be told from everything else, and the search for them, whole or in part, in any encoding."""

import base64
import functools
import html
import json
import re
from urllib.parse import quote, quote_plus

KEY = 'MARK-key/5f3a+9c1e&2b7d"4860<end'
TOKEN = "tk_MARKtoken9f8e7d6c5b4a39281706"
CHOSEN_TOKEN = 'nightly/MARK token+9f8e&7d"6c5'  # a caller may choose any
PASSWORD = "MARKpassword0a1b2c3d"
HEADER = "MARKheader&4c5d<6e/7f8a9b"
VARIABLE = "MARK-variable-6d5c4b3a"
SECRETS = (KEY, TOKEN, CHOSEN_TOKEN, PASSWORD, HEADER, VARIABLE)

_TELLING = 10  # so many characters of a secret in a row are a leak; a shortened token shows seven

ENCODINGS = {
    "plain": str,
    "url": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "url-lower": lambda text: re.sub("%..", lambda escape: escape.group().lower(), quote(text, safe="")),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64-inside": lambda text: base64.b64encode(b"Bearer:" + text.encode() + b"=").decode(),
    "base64-url": lambda text: base64.urlsafe_b64encode(b"ab" + text.encode()).decode().rstrip("="),
    "html": html.escape,
    "json": lambda text: json.dumps(text)[1:-1],
    # Of every character, also where it needs none.
    "url-all": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "json-all": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
}


def echoes(*secrets):
    """The `secrets` as a server might repeat them, by encoding."""
    return {name: " ".join(map(encode, secrets)) for name, encode in ENCODINGS.items()}


def _windows(text):
    return {text[start : start + _TELLING] for start in range(len(text) - _TELLING + 1)}


def _base64_inside(secret):
    """The characters that base64 makes of the secret alone, wherever it begins."""
    for before, first in ((0, 0), (1, 2), (2, 3)):
        coded = base64.b64encode(bytes(before) + secret.encode()).decode()
        yield coded[first : (before + len(secret.encode())) * 8 // 6]


def _spellings(secret):
    yield from (encode(secret) for name, encode in ENCODINGS.items() if not name.startswith("base64"))
    for coded in _base64_inside(secret):
        yield coded
        yield coded.replace("+", "-").replace("/", "_")


_TRACES = {
    window: secret for secret in SECRETS for spelling in _spellings(secret) for window in _windows(spelling)
}


def found_in(text):
    """The secrets that `text` shows, with what shows them."""
    found = {}
    for line in set(text.split("\n")):  # nothing that is looked for goes over the end of a line
        found.update(_found_in_line(line))
    return found


@functools.lru_cache(maxsize=10_000)  # most are those of tracebacks, again and again
def _found_in_line(line):
    return {_TRACES[window]: window for window in _windows(line) & _TRACES.keys()}
