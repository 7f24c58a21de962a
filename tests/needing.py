"""What tests need of modules that may be missing.

What a whole module of tests needs is looked for and not loaded: to load it there would cost each worker of a run.
"""

import sys
from importlib.util import find_spec

import pytest


def needs(package, reason):
    """Skip the module that calls this while it is collected, unless `package` is there."""
    if find_spec(package) is None:
        pytest.skip(reason, allow_module_level=True)


def forget_module(monkeypatch, name):
    """Let the module be loaded anew, until the test is over.

    Its package holds it too, and keeps the new one if that is not put back: what later tests replace in it, nobody would
    see who imports it from `sys.modules`.
    """
    package, _, last = name.rpartition(".")
    if name in sys.modules:
        monkeypatch.setattr(sys.modules[package], last, sys.modules[name])
        monkeypatch.delitem(sys.modules, name)
