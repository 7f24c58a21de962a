"""What a whole module of tests needs, looked for and not loaded: to load it here would cost each worker of a run."""

from importlib.util import find_spec

import pytest


def needs(package, reason):
    """Skip the module that calls this while it is collected, unless `package` is there."""
    if find_spec(package) is None:
        pytest.skip(reason, allow_module_level=True)
