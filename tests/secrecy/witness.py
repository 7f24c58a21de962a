"""All that can be seen from outside while something goes wrong, and all that can be got out of an error."""

import contextlib
import http.client
import io
import logging
import pickle
import traceback
import warnings

import websocket


class Witness(logging.Handler):
    """Sees what is logged, printed and warned of while it is entered, with every library told to say all.

    Args:
        traced: whether websocket-client's trace is checked.
    """

    def __init__(self, traced=True):
        super().__init__(logging.DEBUG)
        self._traced = traced
        self._printed = io.StringIO()
        self._records = []
        self._kept = contextlib.ExitStack()

    def emit(self, record):
        if record.name == "websocket" and not self._traced:
            return
        self._records.append(f"{record.name} {self.format(record)} {vars(record)!r}")

    def __enter__(self):
        root, traced = logging.getLogger(), logging.getLogger("websocket")
        level, handlers, before = root.level, root.handlers[:], (traced.level, traced.handlers[:])
        self._kept.callback(root.setLevel, level)
        self._kept.callback(lambda: setattr(root, "handlers", handlers))
        # Alone: pytest keeps all that it is told, of hundreds of cases, until the test is over.
        root.handlers = [self]
        root.setLevel(logging.DEBUG)
        self._kept.enter_context(contextlib.redirect_stdout(self._printed))
        self._kept.enter_context(contextlib.redirect_stderr(self._printed))
        self._warned = self._kept.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        websocket.enableTrace(True, handler=logging.StreamHandler(io.StringIO()))
        self._kept.callback(websocket.enableTrace, False)
        self._kept.callback(lambda: setattr(traced, "handlers", before[1]))
        self._kept.callback(setattr, http.client.HTTPConnection, "debuglevel", 0)
        http.client.HTTPConnection.debuglevel = 1
        return self

    def __exit__(self, *exc_info):
        self._kept.close()

    @property
    def saw(self):
        """Everything, as one text."""
        warned = [f"{warning.message!r} {warning!s}" for warning in self._warned]
        return "\n".join([self._printed.getvalue(), *self._records, *warned])

    @property
    def heard(self):
        """The names of the loggers that said something."""
        return {record.split(" ", 1)[0] for record in self._records}


def held_by(error):
    """Everything that an error shows or holds, through attributes, causes and contexts, as one text."""
    texts = ["".join(traceback.format_exception(type(error), error, error.__traceback__))]
    texts.append(pickle.dumps(error).decode("latin-1"))
    seen, pending = [], [error]
    while pending:
        thing = pending.pop()
        if any(thing is known for known in seen):
            continue
        seen.append(thing)
        texts += [repr(thing), str(thing)]
        pending += _inside(thing)
    return "\n".join(texts)


def _inside(thing):
    if isinstance(thing, BaseException):
        return [thing.args, vars(thing), thing.__cause__, thing.__context__]
    if hasattr(thing, "to_dict"):
        return [thing.to_dict()]
    if isinstance(thing, dict):
        return [*thing, *thing.values()]
    if isinstance(thing, (list, tuple, set, frozenset)):
        return list(thing)
    return [vars(thing)] if hasattr(thing, "__dict__") and not isinstance(thing, type) else []
