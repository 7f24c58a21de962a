"""Makes foreign text safe to show: without secrets, and without characters that control a terminal.

API keys and whole task tokens never reach a log, a repr or an exception. Nor does a raw control character: Python may
print the text of an exception on a terminal, in a traceback.
"""

from __future__ import annotations

import binascii
import functools
import itertools
import json
import os
import re
from typing import Any, Iterable, Iterator, List, Mapping, Match, Optional, Pattern, Tuple
from urllib.parse import quote, quote_plus, unquote

TOKEN_PREFIXES = ("tk_", "pk_")
"""How the tokens begin that servers make: a task's own, and its public one."""
_SHORT_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_SHOWN = 4
_SHORTEST_TO_SHOW = 12
_SHORTEST_IN_BASE64 = 8
_SHORTEST_IN_HEX = 8
_SHORTEST_PASSWORD = 4  # without what shorter ones match, messages would be unreadable
SHORTEST_SECRET = 8
"""Characters of a value that may be a secret. Shorter ones, such as ``1`` or ``true``, are none: without what they match,
messages would be unreadable."""
_MOST_NAMED = 100
_LONGEST_ESCAPE = 10  # &#x00006b;
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_HTML_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HTML = (str.maketrans(_HTML_TEXT), str.maketrans({**_HTML_TEXT, '"': "&quot;", "'": "&#x27;"}))
_URL_SAFE = str.maketrans("+/", "-_")
_SPACES = frozenset(
    "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)


class Secret(str):
    """A credential, with other secrets that are sent along with it, and are as little to be shown.

    Its repr does not show it: tools that print the local variables of a traceback's frames call that. Everything else
    that is made of it, such as ``str(key)`` and ``f"{key}"``, is the plain text.

    Attributes:
        along: the other secrets.
    """

    along: Tuple[str, ...]

    def __new__(cls, text: str, along: Tuple[str, ...] = ()) -> Secret:
        made = super().__new__(cls, text)
        made.along = along
        return made

    def __repr__(self) -> str:
        return "Secret('***')"

    def __getitem__(self, index: Any) -> Secret:
        return Secret(super().__getitem__(index))  # rich shows of a long text the repr of its beginning

    def __reduce__(self) -> Tuple[Any, ...]:
        return Secret, (str(self), self.along)


def shorten(token: str) -> str:
    """A token in its shown form: ``tk_5f3a…``; of a short token only the prefix."""
    start = len(TOKEN_PREFIXES[0]) if token.startswith(TOKEN_PREFIXES) else 0
    shown = _SHOWN if len(token) - start >= _SHORTEST_TO_SHOW else 0
    return printable(token[: start + shown]) + "…"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without `secrets`, plain or encoded, and with everything that looks like a token shortened.

    The encodings are those of URLs, JSON, HTML, base64 and hexadecimal digits, also when more text was encoded with the
    secret, and also of characters that need no escape.
    """
    for secret in sorted(secrets, key=len, reverse=True):  # a secret may be a part of another
        if secret:
            shown = shorten(secret) if secret.startswith(TOKEN_PREFIXES) else "***"
            for form in _encoded_forms(secret):
                text = text.replace(form, shown)
            text = _without_escaped(text, re.compile("|".join(map(re.escape, _plain_forms(secret)))), shown)
    text = _token().sub(lambda match: shorten(match.group()), text)
    return _without_escaped(text, _token(), "tk_…")


def proxy_secrets(addresses: Iterable[Optional[str]]) -> Tuple[str, ...]:
    """What must not be shown of ``scheme://user:password@host:port``: user with password, the password, and what is sent."""
    return tuple(secret for address in addresses for secret in _of_proxy(address or ""))


def environment_proxy_secrets() -> Tuple[str, ...]:
    """`proxy_secrets` of the variables that set proxies now."""
    return proxy_secrets(value for name, value in os.environ.items() if name.lower().endswith("_proxy"))


def named_secrets(document: Any) -> Iterator[str]:
    """The texts in a JSON `document` whose names say that they are credentials, such as the ``apikey`` of a component.

    Left out are references to variables, and texts that are too short for a secret. At most a hundred are found.
    """
    return itertools.islice(_named_secrets(document), _MOST_NAMED)


def _named_secrets(document: Any) -> Iterator[str]:
    left = [document]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            for name, value in part.items():
                if not isinstance(value, str):
                    left.append(value)
                elif len(value) >= SHORTEST_SECRET and value[:2] != "${" and _is_of_secret(name):
                    yield value
        elif isinstance(part, (list, tuple)):
            left += part


def _is_of_secret(name: Any) -> bool:
    return _name_of_secret().search(str(name)) is not None


def _of_proxy(address: str) -> Iterator[str]:
    user, _, password = (address.partition("://")[2] or address).rpartition("@")[0].partition(":")
    if not password:
        return
    password = unquote(password)
    pair = f"{unquote(user)}:{password}"
    yield pair
    if len(password) >= _SHORTEST_PASSWORD:
        yield password
    for code in ("utf-8", "latin-1"):  # this library's choice, and that of requests
        yield binascii.b2a_base64(pair.encode(code, "replace"), newline=False).decode()


def printable(text: str) -> str:
    r"""`text` with escapes such as ``\x1b`` in place of invisible characters.

    That covers control characters (line breaks, terminal escapes), the invisible characters that reverse or join
    text, and lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _SPACES else _escape(char) for char in text)


def cut(text: str, limit: int, secrets: Iterable[str] = ()) -> str:
    """The first `limit` characters of `text`, redacted; a secret that is cut in two is not shown either."""
    secrets = tuple(secrets)
    # The last characters may be the beginning of a secret, which cannot be recognised: they are not shown.
    unsure = max(
        (_LONGEST_ESCAPE * len(form) for secret in secrets for form in _plain_forms(secret)), default=0
    )
    shown = redact(text[: limit + unsure], secrets)
    return shown[:limit] if len(text) <= limit + unsure else shown[: max(0, len(shown) - unsure)]


def excerpt(text: str, longest: int, secrets: Iterable[str] = ()) -> str:
    """`text` for a message: without secrets and control characters, at most `longest` characters."""
    shown = printable(cut(text, longest * 4, secrets))
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def reason_of(error: OSError) -> str:
    """What the operating system says of `error`, or OpenSSL: no paths, and nothing that was sent or received."""
    # Python's own libraries make some without one, or with something else in its place.
    said = (getattr(error, "reason", None), error.strerror)
    return next((printable(text) for text in said if isinstance(text, str) and text), type(error).__name__)


def _escape(char: str) -> str:
    # Not with the codec `unicode_escape`: it would be loaded now, which may be in the middle of a wait.
    code = ord(char)
    return _SHORT_ESCAPES.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def _without_escaped(text: str, pattern: Pattern[str], shown: str) -> str:
    """`text` with `shown` in place of what matches `pattern` once the escapes in it are undone."""
    if not any(sign in text for sign in "%&\\"):
        return text
    plain, starts = _unescaped(text)
    left, end = [], 0
    for match in pattern.finditer(plain):
        left += [text[end : starts[match.start()]], shown]
        end = starts[match.end()]
    return "".join([*left, text[end:]])


def _unescaped(text: str) -> Tuple[str, List[int]]:
    """`text` without escapes, and for each of its characters, and its end, where it begins in `text`."""
    chars: List[str] = []
    starts: List[int] = []
    end = 0
    for match in _escapes().finditer(text):
        chars += text[end : match.start()]
        starts += range(end, match.start())
        chars.append(_character(match))
        starts.append(match.start())
        end = match.end()
    chars += text[end:]
    starts += range(end, len(text) + 1)
    return "".join(chars), starts


# Most processes show no foreign text: patterns are not compiled when this module is loaded.


@functools.lru_cache(maxsize=1)
def _name_of_secret() -> Pattern[str]:
    words = r"auth|authorization|credentials?|pass(?:word|wd|phrase)|secret|token|(?:api|access|private|secret)[_\-]?key"
    return re.compile(rf"(?:{words})\Z", re.IGNORECASE)


@functools.lru_cache(maxsize=1)
def _token() -> Pattern[str]:
    return re.compile(r"(?:tk|pk)_[A-Za-z0-9_\-]{5,}")


@functools.lru_cache(maxsize=1)
def _escapes() -> Pattern[str]:
    return re.compile(
        r"(?:%|\\x|\\u00|&#[xX]0{0,4})(?P<hex>[0-9A-Fa-f]{2});?|\\u(?P<wide>[0-9A-Fa-f]{4})"
        r"|&#0{0,4}(?P<decimal>[0-9]{2,3});|&(?P<name>amp|lt|gt|quot|apos);|\\(?P<itself>[\\/\"'])"
    )


def _character(escape: Match[str]) -> str:
    kind, value = escape.lastgroup, escape.group(escape.lastgroup or 0)
    if kind == "name":
        return _NAMED[value]
    return value if kind == "itself" else chr(int(value, 10 if kind == "decimal" else 16))


def _plain_forms(secret: str) -> Tuple[str, ...]:
    """As it is, and as bytes of UTF-8, one by one: so it appears in HTTP headers."""
    return tuple(dict.fromkeys([secret, secret.encode("utf-8", "replace").decode("latin-1")]))


@functools.lru_cache(maxsize=16)
def _encoded_forms(secret: str) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(_iter_forms(secret)))


def _iter_forms(secret: str) -> Iterator[str]:
    yield from _plain_forms(secret)
    for quote_it, safe in ((quote, ""), (quote, "/"), (quote_plus, "")):
        quoted = quote_it(secret, safe, errors="replace")
        yield quoted
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), quoted)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    for escapes in _HTML:
        yield secret.translate(escapes)
    in_hex = secret.encode("utf-8", "replace").hex()
    if len(in_hex) >= _SHORTEST_IN_HEX:
        yield in_hex
        yield in_hex.upper()
    for form in _in_base64(secret.encode("utf-8", "replace")):
        yield form
        yield form.translate(_URL_SAFE)


def _in_base64(secret: bytes) -> Iterator[str]:
    """The base64 of `secret` at each of the three possible offsets in an encoded text."""
    for before, first in ((0, 0), (1, 2), (2, 3)):
        coded = binascii.b2a_base64(bytes(before) + secret, newline=False).decode()
        own = coded[first : (before + len(secret)) * 8 // 6]
        if len(own) >= _SHORTEST_IN_BASE64:
            yield from (coded[first:], coded[first:].rstrip("="))  # where the encoded text ends with it
            yield own
