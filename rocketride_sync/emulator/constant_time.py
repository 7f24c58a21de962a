"""Comparing secrets in constant time, so that response times reveal nothing about them."""

from __future__ import annotations

import hmac


def equal_in_constant_time(given: str, expected: str) -> bool:
    """Whether two secrets are equal. Accepts any characters, even the lone surrogates that JSON can hold."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )
