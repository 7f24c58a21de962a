"""The pytest plugin: fixtures for an emulated server, and for tasks on it that behave as a test specifies.

pytest loads this module wherever the package is installed (``-p no:rocketride`` disables it), so it imports other
modules only when a fixture is used. The fixtures need the extra ``testing``. See docs/testing.md.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Iterator, Optional, Sequence

import pytest

if TYPE_CHECKING:
    from types import ModuleType

    from .emulator import Emulator
    from .emulator.scripted import ScriptedTasks

_PACKAGE_PREFIX = f"{__package__}."


class _NoAssertionRewriting(MetaPathFinder):
    """Exempts the library's modules from pytest's assertion rewriting, so that Python's bytecode cache is used.

    pytest rewrites the assertions in all modules of a distribution that contains a plugin. For that it compiles them
    again, and does so in every run where it cannot write bytecode. The library's own assertions gain nothing by it.
    """

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        return PathFinder.find_spec(fullname, path, target) if fullname.startswith(_PACKAGE_PREFIX) else None


sys.meta_path.insert(0, _NoAssertionRewriting())


@contextmanager
def reached_without_proxy(host: str) -> Iterator[None]:
    """Except `host` from the proxies of the environment: none of them reaches this machine's loopback."""
    known = (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").strip()
    # In a list, "*" would not mean all hosts any more.
    excepted = known if known == "*" else ",".join(filter(None, (known, host)))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("no_proxy", "NO_PROXY"):  # whichever of them a library prefers
            patch.setenv(name, excepted)
        yield


@pytest.fixture(scope="session")
def rocketride_server() -> Iterator[Emulator]:
    """A RocketRide server on loopback, in a separate process, for the whole session.

    Its `uri` is its address; it accepts any key. Its tasks start and stop without the real server's delays, so that a
    short task does not make the start fail. While it runs, ``NO_PROXY`` excepts it. Without the extra ``testing``, tests
    that use it fail with a hint.
    """
    from .emulator import Emulator
    from .errors import ConfigurationError

    server = Emulator(early_end=0, init_seconds=0, stop_seconds=0)
    reason = ""
    try:
        try:
            server.__enter__()
        except ConfigurationError as error:
            reason = str(error)
        if reason:
            pytest.fail(f"rocketride_server: {reason} (the extra 'testing' has it too)", pytrace=False)
        with reached_without_proxy("127.0.0.1"):
            yield server
    finally:
        server.stop()


@pytest.fixture
def rocketride_tasks(rocketride_server: Emulator) -> Iterator[ScriptedTasks]:
    """Starts tasks on `rocketride_server` that behave as the test specifies, and ends them after the test.

    ``rocketride_tasks(seconds=0.2, total=10, failed=1)`` returns a `Task`; its `token` is for the code under test.
    For the options, see `rocketride_sync.emulator.scripted.ScriptedTasks`.
    """
    from .emulator.scripted import ScriptedTasks

    with ScriptedTasks(rocketride_server.uri) as tasks:
        yield tasks
