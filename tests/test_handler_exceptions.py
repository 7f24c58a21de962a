"""Exceptions of signal handlers are told from those of what they interrupt."""

import contextlib
import functools
import signal
import sys
import traceback
import weakref

import pytest
from cases import each
from handlers import raise_as_handler

from rocketride_sync import TransientError
from rocketride_sync.handler_exceptions import as_it_was_raised, is_fault, pass_on


def raised(step, *args):
    with pytest.raises(Exception) as caught:
        step(*args)
    return caught.value


def interrupted(handler):
    handler(signal.SIGINT, sys._getframe())


def with_names(signum, frame):
    raise OSError("alarm")


def with_any_arguments(*_):
    raise OSError("alarm")


def that_calls(signum, frame):
    int("x")


class Handler:
    def method(self, signum, frame):
        raise OSError("alarm")

    def __call__(self, signum, frame):
        raise OSError("alarm")


@pytest.mark.parametrize(
    "handler",
    [
        with_names,
        with_any_arguments,
        that_calls,
        Handler().method,
        Handler(),
        functools.partial(Handler.method, Handler()),
    ],
    ids=["function", "any arguments", "calls another", "method", "object", "partial"],
)
def test_what_a_handler_raises_is_passed_on(handler):
    error = raised(interrupted, handler)
    with pytest.raises(type(error)) as caught:
        pass_on(error)
    assert caught.value is error


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="new in Python 3.8")
def test_python_calls_handlers_as_these_tests_do():
    before = signal.signal(signal.SIGINT, with_names)
    try:
        error = raised(signal.raise_signal, signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert raised(pass_on, error) is error


def that_drops_it(signum, frame):
    del signum, frame
    raise OSError("alarm")


def that_walks(signum, frame):
    while frame is not None:
        frame = frame.f_back
    raise OSError("alarm")


def that_tells_the_stack(signum, frame):
    frame = "".join(traceback.format_stack(frame))
    raise OSError("alarm")


def decorated(function):
    @functools.wraps(function)
    def wrapper(signum, frame):
        del frame
        function()

    return wrapper


@decorated
def that_is_decorated():
    raise OSError("alarm")


class Dropping:
    def method(self, *_):
        for _ in "ab":
            pass
        raise OSError("alarm")

    __call__ = method


class DroppingClass:
    def __init__(self, *_):
        Dropping().method()


DROPPING = [
    that_drops_it,
    that_walks,
    that_tells_the_stack,
    that_is_decorated,
    Dropping().method,
    Dropping(),
    functools.partial(that_drops_it),
    functools.partial(functools.partial(Dropping.method, Dropping()), None),
    DroppingClass,
]


@contextlib.contextmanager
def registered(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


needs_raise_signal = pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="new in Python 3.8")


@needs_raise_signal
@each("handler", DROPPING)
def test_a_handler_that_dropped_the_frame_is_known_by_its_code(handler):
    with registered(handler):
        error = raised(signal.raise_signal, signal.SIGINT)
        assert raised(pass_on, error) is error
        assert raised(as_it_was_raised, throw, error) is error


@needs_raise_signal
def test_a_handler_that_unregistered_itself_is_known_by_the_frame():
    def handler(signum, frame):
        signal.signal(signum, signal.SIG_IGN)
        raise OSError("alarm")

    with registered(handler):
        error = raised(signal.raise_signal, signal.SIGINT)
        assert raised(pass_on, error) is error


@each("handler", [int, signal.SIG_IGN, signal.SIG_DFL, None.__class__, [].append])
def test_what_is_interrupted_by_no_handler_is_a_fault_whatever_is_registered(handler):
    error = raised(int, "x")
    with registered(handler):
        pass_on(error)


def test_a_handler_is_asked_nothing():
    """It may be a proxy, whose attributes are code of the user's."""

    class Proxy:
        def __getattribute__(self, name):
            raise RuntimeError(name)

        def __call__(self, *_):
            raise OSError("alarm")

    with registered(Proxy()):
        pass_on(raised(int, "x"))


def test_an_error_of_ours_is_a_fault_unless_a_handler_raised_it():
    class OfATransport(TransientError):
        """Of a transport of the user's."""

    error = OfATransport("x")
    assert is_fault(raised(throw, error))
    pass_on(error)
    assert not is_fault(raised(raise_as_handler, error))
    assert raised(pass_on, error) is error
    assert not is_fault(ValueError("x"))


@pytest.mark.parametrize(
    "step", [lambda: int("x"), lambda: (lambda *_: int("x"))(1, sys)], ids=["one", "two"]
)
def test_what_anything_else_raises_is_not(step):
    error = raised(step)
    pass_on(error)
    pass_on(ValueError("never raised"))


class SoftTimeLimitExceeded(Exception):
    """As Celery's."""


def test_what_no_connection_raises_is_passed_on_unless_foreign_code_ran():
    error = SoftTimeLimitExceeded()
    pass_on(error, foreign_code=True)
    assert raised(pass_on, error) is error


def wrapped(error, *, with_cause=False, with_traceback=False):
    """As libraries do."""
    try:
        raise_as_handler(error)
    except Exception as caught:
        new = ConnectionError("aborted")
        if with_traceback:
            raise new.with_traceback(caught.__traceback__)  # noqa: B904
        if with_cause:
            raise new from caught
        raise new  # noqa: B904


@pytest.mark.parametrize("options", [{}, {"with_cause": True}, {"with_traceback": True}], ids=repr)
def test_it_is_found_in_what_a_library_made_of_it(options):
    error = OSError("alarm")
    make = functools.partial(wrapped, error, **options)
    assert raised(make) is not error
    assert raised(as_it_was_raised, make) is error


def throw(error):
    raise error


def test_what_was_handled_before_is_not_looked_at():
    """A fault in the clean-up after a soft time limit is a fault."""
    fault = ValueError("x")
    try:
        interrupted(with_names)
    except OSError:
        assert raised(as_it_was_raised, throw, fault) is fault
    assert isinstance(fault.__context__, OSError)


class Alarm(OSError):
    pass


def test_what_is_passed_on_is_in_no_reference_cycle():
    """What its frames hold, such as a connection, is dropped at once."""

    def handler(signum, frame):
        raise Alarm

    def interrupt():
        interrupted(handler)

    def step():
        try:
            interrupt()
        except OSError as error:
            pass_on(error)

    seen = []
    for run in (step, functools.partial(as_it_was_raised, interrupt)):
        try:
            run()
        except Alarm as error:
            seen.append(weakref.ref(error))
    assert [reference() for reference in seen] == [None, None]


def test_a_chain_that_goes_round_has_an_end():
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert raised(as_it_was_raised, throw, one) is one
