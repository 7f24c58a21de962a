"""What to do when a package is missing that only one of the extras in setup.cfg brings."""

from __future__ import annotations

__all__ = ["install"]


def install(extra: str) -> str:
    """The advice at the end of a message: to install all that `extra` brings.

    The package that was missed is seldom the only one. The advice is not a command: how an extra is installed depends on
    where this package came from, a clone, a wheel or an index.
    """
    return f"install the extra {extra!r} of rocketride-sync"
