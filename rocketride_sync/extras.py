"""What to do when a package is missing that only one of the extras in setup.cfg brings."""

from __future__ import annotations

__all__ = ["install"]


def install(extra: str, package: str = "it") -> str:
    """The advice at the end of a message: to install the `package` that is missing, or all that `extra` brings.

    It is no command. How an extra is installed depends on where this package came from: a clone, a wheel, an index.
    """
    return f"install {package}, or the extra {extra!r} of rocketride-sync"
