"""What comes between any two lines: a KeyboardInterrupt at the moment with a certain number, or a step of another thread."""

import contextlib
import gc
import itertools
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from rocketride_sync.import_lock import import_lock

# The lock of logging is taken before Python 3.13 in a way that Ctrl-C can leave it held for ever, here for later tests.
NOT_HERE = {__file__, logging.__file__}


class Moments:
    """Interrupts at the moment with a certain number; `count` says how many there were until then.

    It passes over the moments in the files `not_in`, and all but those in functions with the names `only_in`, if given.
    """

    def __init__(self, number, not_in=(), only_in=()):
        self.number = number
        self.count = 0
        self._not_in = {*NOT_HERE, *not_in}
        self._only_in = only_in

    def trace(self, frame, event, argument):
        code = frame.f_code
        if code.co_filename in self._not_in or (self._only_in and code.co_name not in self._only_in):
            return None  # what it calls is traced nevertheless
        # Not in the line of the `def`, where a function's cells are made: no signal is handled there, and an exception
        # makes Python 3.11 crash.
        # No signal is handled between the end of the import lock's block and its release, but a tracer is called there.
        if import_lock._is_owned():
            return self.trace
        entered = event == "return" or (event == "line" and frame.f_lineno != code.co_firstlineno)
        if entered:
            self.count += 1
            if self.count == self.number:
                raise KeyboardInterrupt
        return self.trace

    def __enter__(self):
        self._outer = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exc_info):
        sys.settrace(self._outer)


@contextlib.contextmanager
def garbage_kept():
    """What other tests have left is not collected here: the moments in its destructors are none of the step's."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def interrupted(step, number, not_in=(), only_in=()):
    """Whether there was such a moment in `step`, and the arguments of the KeyboardInterrupt that came out of it, None if none did."""
    with mock.patch("sys.unraisablehook"), garbage_kept(), Moments(number, not_in, only_in) as moments:
        try:
            step()
        except KeyboardInterrupt as stop:
            return True, stop.args  # not it: its traceback holds connections
    # It may have come in a destructor: Python goes on after that.
    return moments.count >= number, None


def each_moment(survives, stride=1):
    """Call `survives(number)` with the number of one moment after the other, until it says that there is none.

    Returns how many there were.
    """
    for number in itertools.count(1, stride):
        # In a thread of its own, for Python 3.12 may take an exception of a tracer for one that is handled for
        # ever, in all that the thread does later.
        with ThreadPoolExecutor(1) as executor:
            if not executor.submit(survives, number).result():
                return number
    return None


def between_lines(step, other, *modules, opcodes=False):
    """The result of `step`. Before each line of these modules, or before each opcode, `other` is called.

    It is called as another thread may be scheduled there, but in this thread: what it waits for would never come. Without
    Python's lock threads meet anywhere; before Python 3.10, with it, between any two opcodes.
    """

    def trace(frame, event, argument):
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes = opcodes
        if event == ("opcode" if opcodes else "line"):
            other()  # is not traced itself
        return trace

    files = {module.__file__ for module in modules}
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return step()
    finally:
        sys.settrace(before)


def met_at_each_line(begin, *modules, opcodes=False):
    """What comes of two threads that meet, for each line of these modules, or opcode, to which the first has come by then.

    `begin()` prepares one meeting. It returns three functions: the step of the first thread, that of the other, and what
    tells the outcome after both.
    """
    found = []
    while True:
        step, other, outcome = begin()
        if not _met(step, other, len(found), modules, opcodes):
            return found
        found.append(outcome())


def _met(step, other, number, modules, opcodes):
    """Whether there was such a line in `step`, at which `other` was called."""
    lines, met = itertools.count(), []

    def other_at_its_line():
        if next(lines) == number:
            met.append(True)
            other()

    between_lines(step, other_at_its_line, *modules, opcodes=opcodes)
    return bool(met)
