"""Exceptions as signal handlers raise them, at a moment of the test's choice."""

import signal
import sys


def raise_as_handler(error):
    """Raise `error` as the handler of a signal that comes here."""

    def handler(signum, frame):
        raise error

    handler(signal.SIGINT, sys._getframe())


def that_raises(error):
    """A function that, whatever it is called with, is interrupted by a handler that raises `error`."""
    return lambda *_, **__: raise_as_handler(error)
