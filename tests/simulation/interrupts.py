"""Ctrl-C at a chosen line of ours, or of what we call."""

from __future__ import annotations

import inspect
import logging
import sys
from pathlib import Path

from rocketride_sync.import_lock import import_lock

_HERE = str(Path(__file__).parent)
# The lock of logging is taken before Python 3.13 in a way that Ctrl-C can leave it held for ever.
_NOT_IN = (logging.__file__, "<string>")
_PATHS = ("rocketride_sync", "requests", "urllib3", "websocket", "http/client.py", "contextlib.py")


def _is_moment(frame, event):
    """Whether a signal may be handled there: not in the line of the `def`, where an exception makes Python 3.11 crash, nor
    at the end of a generator, which is also that of one that is dropped.
    """
    if event == "return":
        return not frame.f_code.co_flags & inspect.CO_GENERATOR
    return event == "line" and frame.f_lineno != frame.f_code.co_firstlineno


class Interrupt:
    """Raises KeyboardInterrupt at the line with a certain number, in the code that is run within it; at 0, never.

    Attributes:
        visits: at each line so far, how often it had been reached before.
        count: the lines so far.
        happened: whether it was raised.
        place: where.
    """

    def __init__(self, number):
        self.number = number
        self.count = 0
        self.happened = False
        self.place = ""
        self.visits = []
        self._reached = {}
        self._wanted = {}

    def _wants(self, name):
        wanted = self._wanted.get(name)
        if wanted is None:
            inside = not name.startswith(_HERE) and name not in _NOT_IN
            wanted = self._wanted[name] = inside and any(path in name for path in _PATHS)
        return wanted

    def trace(self, frame, event, argument):
        """What happens in it is traced, if it is wanted."""
        return self._trace_inside if self._wants(frame.f_code.co_filename) else None

    def _trace_inside(self, frame, event, argument):
        # No signal is handled between the end of its block and its release, but a tracer is called there.
        if import_lock._is_owned():
            return self._trace_inside
        code = frame.f_code
        if _is_moment(frame, event) and not self.happened:
            self.count += 1
            if not self.number:
                place = (code, frame.f_lineno, event)
                self._reached[place] = self._reached.get(place, -1) + 1
                self.visits.append(self._reached[place])
            if self.count == self.number:
                self.happened = True
                self.place = f"{Path(code.co_filename).name}:{frame.f_lineno} in {code.co_name}, {event}"
                raise KeyboardInterrupt
        return self._trace_inside

    def __enter__(self):
        self._hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exc_info):
        sys.settrace(None)
        sys.unraisablehook = self._hook
