"""JSON as it is defined: UTF-8, and neither NaN nor Infinity, which Python's own decoder would let through."""

from __future__ import annotations

import json
from typing import Any


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


# One decoder for everything: json.loads(parse_constant=…) would build one for each text.
_decode = json.JSONDecoder(parse_constant=_refuse).decode


def loads(text: bytes) -> Any:
    """The value of `text`.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested too deeply.
    """
    try:
        return _decode(text.decode("utf-8"))
    except RecursionError:
        pass
    raise ValueError("nested too deeply")
