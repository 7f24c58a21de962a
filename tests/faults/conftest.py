"""The stage that all cells share, where its server can run."""

import gc
from importlib.util import find_spec

import pytest

# Without the extra `emulator` there is nothing to test here.
collect_ignore_glob = [] if find_spec("fastapi") else ["test_*.py"]


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    from .scene import Stage

    with Stage(tmp_path_factory.mktemp("certificates")) as stage:
        gc.freeze()  # each cell collects garbage: what was loaded until now is none
        yield stage
