"""Fixtures for the tests of code that uses this library: a server, and tasks on it whose course a test decides.

pytest loads this module by itself where the package is installed (``-p no:rocketride`` leaves it out), so it loads
nothing before a fixture is asked for. The fixtures need the extra ``testing``. See docs/testing.md.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Iterator, Optional, Sequence

import pytest

if TYPE_CHECKING:
    from types import ModuleType

    from .emulator import Emulator
    from .emulator.scripted import ScriptedTasks

_LIBRARY = f"{__package__}."


class _AsCompiled(MetaPathFinder):
    """Loads the library's modules as Python does anywhere else.

    pytest rewrites the assertions in all modules of a distribution that brings a plugin, and to that end compiles them
    anew: in each session, where Python may not write bytecode. The library has none to show.
    """

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        return PathFinder.find_spec(fullname, path, target) if fullname.startswith(_LIBRARY) else None


sys.meta_path.insert(0, _AsCompiled())


@pytest.fixture(scope="session")
def rocketride_server() -> Iterator[Emulator]:
    """A RocketRide server on loopback, in a process of its own, for the whole session.

    Its `uri` is its address; any key is right. Tasks start and stop on it without the real server's pauses, so that
    short ones are no error. Without the extra ``testing``, tests that ask for it fail and say so.
    """
    from .emulator import Emulator
    from .errors import ConfigurationError

    server = Emulator(early_end=0, init_seconds=0, stop_seconds=0)
    try:
        server.__enter__()
    except ConfigurationError as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        pytest.fail(f"rocketride_server: {reason} (or rocketride-sync[testing])", pytrace=False)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def rocketride_tasks(rocketride_server: Emulator) -> Iterator[ScriptedTasks]:
    """Starts tasks on `rocketride_server` that do what the test says, and ends them after it.

    ``rocketride_tasks(seconds=0.2, total=10, failed=1)`` returns a `Task`; its `token` is for the code under test.
    What can be said: see `rocketride_sync.emulator.scripted.ScriptedTasks`.
    """
    from .emulator.scripted import ScriptedTasks

    with ScriptedTasks(rocketride_server.uri) as tasks:
        yield tasks
