"""What to do when a package is missing that only one of the extras in setup.cfg brings."""

from __future__ import annotations

__all__ = ["install"]


def install(extra: str, package: str = "it alone") -> str:
    """The advice at the end of a message: to install all that `extra` brings, or only the package that is missing.

    It is no command. How an extra is installed depends on where this package came from: a clone, a wheel, an index.
    """
    return f"install the extra {extra!r} of rocketride-sync, or {package}"
