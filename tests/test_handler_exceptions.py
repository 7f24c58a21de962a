"""Exceptions of signal handlers are told from those of what they interrupt."""

import _signal
import contextlib
import functools
import signal
import sys
import traceback
import types
import weakref
from unittest import mock

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


ALARM = OSError("alarm")


def that_gets_more(signum, frame, error=ALARM, *_, note=""):
    del signum, frame
    raise error


DROPPING = [
    that_drops_it,
    that_walks,
    that_tells_the_stack,
    that_is_decorated,
    Dropping().method,
    Dropping(),
    functools.partial(that_drops_it),
    functools.partial(Dropping.method, Dropping()),
    functools.partial(Dropping().method),
    functools.partial(that_gets_more, error=OSError("another alarm")),
    that_gets_more,
]


@contextlib.contextmanager
def registered(handler):
    before = _signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        _signal.signal(
            signal.SIGINT, before
        )  # that of `signal` asks the handler for its class, since Python 3.13


needs_raise_signal = pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="new in Python 3.8")


@needs_raise_signal
@each("handler", DROPPING)
def test_a_handler_that_dropped_the_frame_is_known_by_its_code(handler):
    with registered(handler):
        error = raised(signal.raise_signal, signal.SIGINT)
        assert raised(pass_on, error) is error
        assert raised(as_it_was_raised, throw, error) is error


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **options):
        return function(*args, **options)

    return wrapper


def that_drops_arguments(function):
    @functools.wraps(function)
    def wrapper(*args):
        del args
        return function()

    return wrapper


def that_keeps_it_in_a_default(function):
    def wrapper(signum=None, frame=None, function=function, *, again=function):
        del signum, frame
        return again()

    return wrapper


@contextlib.contextmanager
def span():
    yield


def do_nothing(*_):
    """A handler may end in nothing."""


def as_a_mock(step):
    return mock.Mock(side_effect=step)


DECORATORS = [
    logged,
    that_drops_arguments,
    decorated,
    that_keeps_it_in_a_default,
    span(),
    as_a_mock,
]


@each("decorate", DECORATORS)
@each("arguments", [(), (signal.SIGINT, None), ("status", "deadline")])
def test_what_shares_its_code_with_a_handler_is_none(decorate, arguments):
    """All functions that one decorator makes do, and all objects of one class."""

    def fails(*_):
        raise OSError("reset by peer")

    with registered(decorate(do_nothing)):
        error = raised(lambda: decorate(fails)(*arguments))
        pass_on(error)


@each("handler", [Dropping(), Dropping().method, functools.partial(Dropping.method, Dropping())])
@each("other", [Dropping(), Dropping().method])
def test_another_object_of_the_class_of_a_handler_is_none(handler, other):
    with registered(handler):
        pass_on(raised(other, signal.SIGINT, None))


def that_takes_a_default(signum=None, frame=None):
    raise OSError("late")


namespace = types.SimpleNamespace(that_drops_it=that_drops_it)


class Transport:
    dropping = Dropping()

    def by_name(self):
        that_drops_it(signal.SIGINT, None)

    def by_name_of_an_attribute(self):
        namespace.that_drops_it(signal.SIGINT, None)

    def by_name_of_a_variable(self):
        step = that_drops_it
        step(signal.SIGINT, None)

    def by_name_of_a_method(self):
        self.dropping.method(signal.SIGINT, None)

    def with_none(self):
        that_walks(signal.SIGINT, None)

    def without_arguments(self):
        step = functools.partial(that_takes_a_default)
        step()


@each(
    "handler, step",
    [
        (that_drops_it, Transport().by_name),
        (that_drops_it, Transport().by_name_of_an_attribute),
        (that_drops_it, Transport().by_name_of_a_variable),
        (Transport.dropping.method, Transport().by_name_of_a_method),
        (that_walks, Transport().with_none),
        (that_takes_a_default, Transport().without_arguments),
        (that_drops_it, logged(functools.partial(logged(that_drops_it), signal.SIGINT, None))),
        (that_takes_a_default, functools.partial(that_takes_a_default, 1, None)),
        (with_any_arguments, functools.partial(with_any_arguments, signal.SIGINT, None)),
    ],
)
def test_a_call_of_the_users_of_what_is_a_handler_too_raises_a_fault(handler, step):
    with registered(handler):
        error = raised(step)
        pass_on(error)


@needs_raise_signal
def test_a_name_that_means_something_else_is_no_call():
    """Such as `timeout`, which code of sockets names."""

    def handler(signum, frame):
        del signum, frame
        raise OSError("alarm")

    handler.__name__ = "with_names"
    with registered(handler):

        def step():
            signal.raise_signal(signal.SIGINT)
            with_names(None, None)

        assert raised(pass_on, raised(step))


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
