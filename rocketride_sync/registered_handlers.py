"""The signal handlers that are registered, and whether a frame is that of one which a signal has called.

In doubt it is not: to take a fault of a connection for what a handler raised would end a wait that should go on. All
functions that one decorator makes share their code, as do the methods of all objects of a class; and a handler may be
called by name as well.
"""

from __future__ import annotations

import functools
import sys
from types import CellType, CodeType, FrameType, FunctionType, MethodType
from typing import Any, Dict, Iterable, List, Optional, Tuple

_MOST_WRAPPERS = 5
_HAS_ANY_ARGUMENTS = 0x04  # `inspect.CO_VARARGS`
_MISSING: Any = object()
_EMPTY = CellType()  # no other one is equal to it, and to compare them asks nothing of what is in them


class RegisteredHandler:
    """A handler that is written in Python: a function, or what ends up in one when it is called.

    Attributes:
        number: the signal's.
        handler: as it was registered.
        function: the function.
        first: the arguments that the function gets before those that Python gives to a handler: `self`, and those of a partial.
        keywords: those that a partial gives it by name.
    """

    __slots__ = ("first", "function", "handler", "keywords", "number")

    def __init__(
        self,
        number: int,
        handler: Any,
        function: FunctionType,
        first: Tuple[Any, ...],
        keywords: Dict[str, Any],
    ) -> None:
        self.number = number
        self.handler = handler
        self.function = function
        self.first = first
        self.keywords = keywords

    def was_interrupting(self, frame: FrameType, callers: Iterable[FrameType]) -> bool:
        """Whether `frame`, which has the function's code, is a call by Python for the signal, in the midst of `callers`."""
        values = dict(frame.f_locals)
        return (
            frame.f_globals is self.function.__globals__
            and self._is_of_the_function(values)
            and self._may_have_got_a_signal(values)
            and not any(self._is_named_in(caller) for caller in callers)
        )

    def _parameters(self) -> Tuple[str, ...]:
        """The names of the parameters that get what Python gives to a handler, as far as they have names."""
        code: CodeType = self.function.__code__
        return code.co_varnames[len(self.first) : code.co_argcount]

    def _is_of_the_function(self, values: Dict[str, Any]) -> bool:
        """Whether it is a call of this function as a handler, by what that has of its own: others may have its code."""
        function, code = self.function, self.function.__code__
        names = code.co_varnames[: code.co_argcount]
        own = dict(zip(reversed(names), reversed(function.__defaults__ or ())))
        own.update(function.__kwdefaults__ or {})
        own.update((name, value) for name, value in self.keywords.items() if name in code.co_varnames)
        own.update(zip(names, self.first))
        for name in self._parameters()[:2]:
            own.pop(name, None)
        cells = zip(code.co_freevars, function.__closure__ or ())
        own.update((name, cell.cell_contents) for name, cell in cells if cell != _EMPTY)
        return all(values.get(name, _MISSING) is value for name, value in own.items())

    def _may_have_got_a_signal(self, values: Dict[str, Any]) -> bool:
        """Whether the parameters that are still there may have had the number of the signal, and a frame."""
        code, names = self.function.__code__, self._parameters()
        if names and not self._is_the_number(values.get(names[0], _MISSING)):
            return False
        if len(names) >= 2:
            return True  # the second one has what the handler has put in the place of the frame
        if len(self.first) > code.co_argcount or not code.co_flags & _HAS_ANY_ARGUMENTS:
            return False
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        return not isinstance(values.get(rest), tuple)  # one without the frame: nobody can take that out

    def _is_the_number(self, value: Any) -> bool:
        if value is _MISSING:
            return True
        kind = type(value)
        return issubclass(kind, int) and kind is not bool and int.__eq__(value, self.number)

    def _is_named_in(self, caller: FrameType) -> bool:
        """Whether the code of `caller` names the function, and so may have called it without any signal."""
        names, known = caller.f_code.co_names, caller.f_globals
        values = [*list(caller.f_locals.values()), *(known.get(name) for name in names)]
        if any(value is self.handler or _function_of(value) is self.function for value in values):
            return True
        name = self.function.__name__
        return name in names and name not in known  # not if it means something else, such as `socket.timeout`


def registered_handlers() -> Dict[CodeType, List[RegisteredHandler]]:
    """Each signal handler that is registered now, and is written in Python, by its code."""
    # Of `signal`, and in a thirtieth of its time, because it makes no enums. It is always loaded, and not always the same.
    handler_of = getattr(sys.modules.get("_signal"), "getsignal", None)
    found: Dict[CodeType, List[RegisteredHandler]] = {}
    if handler_of is None:
        return found
    for number in range(1, sys.modules["_signal"].NSIG):
        handler = handler_of(number)
        registered = _registered(number, handler) if callable(handler) else None
        if registered is not None:
            found.setdefault(registered.function.__code__, []).append(registered)
    return found


def _registered(number: int, handler: Any) -> Optional[RegisteredHandler]:
    """What a handler ends up in when it is called; None if that is no function.

    Nothing of a handler is asked by name, which may run code of the user's, as of a proxy.
    """
    called = handler
    first: Tuple[Any, ...] = ()
    keywords: Dict[str, Any] = {}
    for _ in range(_MOST_WRAPPERS):
        kind = type(called)
        if kind is FunctionType:
            return RegisteredHandler(number, handler, called, first, keywords)
        if kind is MethodType:
            called, first = called.__func__, (called.__self__, *first)
        elif kind is functools.partial:
            called, first, keywords = (
                called.func,
                (*called.args, *first),
                {**called.keywords, **keywords},
            )
        elif issubclass(kind, type):
            return None  # all objects of the class begin with its code
        else:
            called, first = kind.__call__, (called, *first)
    return None


def _function_of(value: Any) -> Any:
    """The function that a method or a partial calls, or `value` itself."""
    for _ in range(_MOST_WRAPPERS):
        if type(value) is MethodType:
            value = value.__func__
        elif type(value) is functools.partial:
            value = value.func
        else:
            break
    return value
