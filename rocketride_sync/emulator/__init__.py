"""A local RocketRide server with a small engine that does real work: for tests, demonstrations and first steps.

    from rocketride_sync.emulator import Emulator

    with Emulator(root="texts", api_key="secret") as server:
        ...  # server.uri is its address

It needs the extra ``emulator``. It behaves as docs/protocol.md describes the server; `Settings` lists what can be configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from .emulator_process import Emulator
    from .server import serve
    from .settings import Settings

__all__ = ["Emulator", "Settings", "serve"]

_MODULE_OF = {"Emulator": "emulator_process", "Settings": "settings", "serve": "server"}


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that importing this package costs next to nothing."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
