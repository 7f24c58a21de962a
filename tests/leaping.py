"""Real time that leaps when a test says so: a timeout can be generous, and pass as soon as what it is about has happened."""

import threading
import time

import pytest


class LeapingTime:
    """`time.monotonic` of this process, with all seconds that tests have let pass. What waits already notices within a second.

    It is there from the beginning, and stays: modules keep the function as they find it when they are loaded, and time does
    not go back.
    """

    _only = None

    def __init__(self):
        self._real = time.monotonic
        self._leapt = 0.0
        self._lock = threading.Lock()

    @classmethod
    def install(cls):
        if cls._only is None:
            cls._only = cls()
            time.monotonic = cls._only.monotonic
        return cls._only

    def monotonic(self):
        return self._real() + self._leapt

    def leap(self, seconds):
        with self._lock:
            self._leapt += seconds


def leap(seconds):
    """Let time pass, in whatever thread."""
    LeapingTime.install().leap(seconds)


class Leaps:
    """Attributes: `passed`, the seconds that this test has let pass."""

    def __init__(self):
        self.passed = 0.0

    def leap(self, seconds):
        self.passed += seconds
        leap(seconds)


@pytest.fixture
def leaping():
    """Ask for it before what makes a client: a deadline keeps the clock that it began with."""
    LeapingTime.install()
    return Leaps()
