"""Exceptions as signal handlers raise them, at a moment of the test's choice."""

import contextlib
import signal
import sys

from rocketride_sync import MemoryTransport


def raise_as_handler(error):
    """Raise `error` as the handler of a signal that comes here."""

    def handler(signum, frame):
        raise error

    handler(signal.SIGINT, sys._getframe())


def raised_as_handler(error):
    """`error`, as the handler of a signal has raised it before."""
    with contextlib.suppress(type(error)):
        raise_as_handler(error)
    return error


def that_raises(error):
    """A function that, whatever it is called with, is interrupted by a handler that raises `error`."""
    return lambda *_, **__: raise_as_handler(error)


class Signalled(MemoryTransport):
    """Of the errors in its script, `of_handler` is raised by the handler of a signal that comes during the call."""

    def __init__(self, script, of_handler):
        super().__init__(script)
        self._of_handler = of_handler

    def call(self, operation, deadline):
        try:
            return super().call(operation, deadline)
        except BaseException as error:
            if error is not self._of_handler:
                raise
        return raise_as_handler(self._of_handler)


def of_auth(error):
    """As if the function for the key had raised it, and the transports marked it."""
    error._is_of_auth = True
    return error
