"""Tells an exception that a signal handler raised, or something else threw into a call, from one of what that interrupted.

A handler may raise anything, also a `TimeoutError` or an `OSError`, in the middle of a read of a socket. What is caught
there is about the peer, and becomes an error of this library, or no error at all. A handler's exception must reach its
caller as it is. So must one that gevent, eventlet or another thread throws in. Nothing tells where it comes from, but
its class may.

An error of this library may be a handler's too: of a handler that uses a client. It says nothing of what the signal
interrupted.

A handler's exception has come through the frame of the handler. Python gives a handler the frame that it interrupted,
by which it is known while it keeps that. One that has dropped it (`del signum, frame`) is known while it is registered
(`registered_handlers`).
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from .errors import RocketRideError
from .registered_handlers import registered_handlers

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

T = TypeVar("T")

_LONGEST_CHAIN = 20
_OF_CONNECTIONS = (OSError, ValueError, RocketRideError)
_PACKAGES_OF_CONNECTIONS = ("builtins", "rocketride_sync", "struct", "websocket")


def pass_on(error: BaseException, *, foreign_code: bool = False, of_auth: bool = False) -> None:
    """Raise `error`, which was caught just now, again if it is a signal handler's, or of a class that no connection raises.

    Args:
        error: what was caught.
        foreign_code: whether code of the user's or of a library ran, which may raise classes of its own: so the class of
            `error` tells nothing.
        of_auth: whether to raise also what the caller's function for the key raised. It says nothing of the request.
    """
    of_auth = of_auth and isinstance(error, RocketRideError) and error._is_of_auth
    if of_auth or is_of_handler(error) or not (foreign_code or _is_of_connections(error)):
        try:
            raise error
        finally:
            del error  # its traceback refers to this frame: a reference cycle would keep what the frames hold


def as_it_was_raised(step: Callable[..., T], *args: Any) -> T:
    """The result of `step`. What a signal handler raised in it comes out as it is.

    `step` makes exceptions of its own of those that come to it. So does Python itself with what comes to a codec that is
    written in Python, such as that of names of hosts.
    """
    handled = sys.exc_info()[1]
    try:
        return step(*args)
    except Exception as error:
        of_handler = _found_in(error, handled)
        if of_handler is None:
            raise
    try:
        raise of_handler
    finally:
        del of_handler  # as above


def is_fault(error: BaseException) -> TypeGuard[RocketRideError]:
    """Whether `error`, which was caught just now, is one of ours that tells what failed: none that a signal handler raised."""
    return isinstance(error, RocketRideError) and not is_of_handler(error)


def _is_of_connections(error: BaseException) -> bool:
    package = type(error).__module__.partition(".")[0]
    return isinstance(error, _OF_CONNECTIONS) or package in _PACKAGES_OF_CONNECTIONS


def _found_in(error: BaseException, handled: Optional[BaseException]) -> Optional[BaseException]:
    """The exception of a signal handler that `error` is, or that a library made it of; None if no handler raised it.

    Args:
        error: what was caught.
        handled: what was being handled before, as `sys.exc_info` told it: that has nothing to do with `error`.
    """
    found = None
    link: Optional[BaseException] = error
    for _ in range(_LONGEST_CHAIN):
        if link is None or link is handled:
            break
        if is_of_handler(link):
            found = link  # the last one: urllib3 gives what it makes of an exception the traceback of that
        link = link.__context__ if link.__cause__ is None else link.__cause__
    return found


def is_of_handler(error: BaseException) -> bool:
    """Whether a signal handler raised `error`, which was caught just now."""
    step = error.__traceback__
    handlers = registered_handlers() if step is not None and step.tb_next is not None else {}
    while step is not None and step.tb_next is not None:
        interrupted, step = step.tb_frame, step.tb_next
        frame = step.tb_frame
        # Jinja2 puts frames of its own in the place of those of a template.
        callers = [caller for caller in (interrupted, frame.f_back) if caller is not None]
        if any(_has_got(frame, caller) for caller in callers):
            return True
        if any(handler.was_interrupting(frame, callers) for handler in handlers.get(frame.f_code, ())):
            return True
    return False


def _has_got(frame: FrameType, caller: FrameType) -> bool:
    """Whether a function has got the frame that it was called from, as Python passes it to a signal handler."""
    values = frame.f_locals.values()
    return any(
        value is caller or (isinstance(value, tuple) and any(part is caller for part in value))
        for value in list(values)
    )
