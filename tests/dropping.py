"""What Python runs when something is dropped: a signal that comes in it is lost, for Python prints and forgets what is raised in
a destructor."""

import sys
from unittest import mock

from moments import garbage_kept


def run_in_dropping(make):
    """Drop what `make` returns. The names of the functions that ran in that, in lines of Python, and what was raised and lost."""
    run, lost = [], []

    def trace(frame, *_):
        run.append(frame.f_code.co_name)

    held = make()
    with garbage_kept(), mock.patch("sys.unraisablehook", lost.append):
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            del held
        finally:
            sys.settrace(before)
    return run + lost
