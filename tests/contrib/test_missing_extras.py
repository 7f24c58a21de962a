"""What is said where an extra is not installed."""

import sys

import pytest
from needing import forget_module

from rocketride_sync.extras import install


def test_without_airflow_the_sensor_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow", None)
    monkeypatch.setitem(sys.modules, "airflow.sdk", None)
    forget_module(monkeypatch, "rocketride_sync.contrib.airflow")
    with pytest.raises(ImportError, match="the extra 'airflow' of rocketride-sync"):
        import rocketride_sync.contrib.airflow  # noqa: F401


def test_what_to_install_is_the_extra_and_nothing_else():
    """The package that is missing is seldom the only one: that is known when the next is missed."""
    assert install("emulator") == "install the extra 'emulator' of rocketride-sync"
