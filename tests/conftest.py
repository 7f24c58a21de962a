"""What every test shares."""

import contextlib
import faulthandler
import gc
import logging
import os
import signal
import sys
import time
import types
from pathlib import Path

import pytest
from compiling import compile_once
from leaping import LeapingTime
from ordering import is_lengthy, longest_first
from preloaded import Parent, emulators_are_forked, share

# Longer than pytest-timeout gives any test, by enough to clean up after it, and for a worker to wait for the others.
HANGS = 1200.0
# The watchdog is a thread, and to start one for each test costs the short ones more than they take.
_AGAIN = 20.0
STDERR = pytest.StashKey()
ARMED = pytest.StashKey()
PARENT = pytest.StashKey()
PRELOADED = "preloaded"
# A developer's own server, key, proxy or netrc must not take part in the tests.
FROM_OUTSIDE = (
    "ROCKETRIDE_URI",
    "ROCKETRIDE_APIKEY",
    "ROCKETRIDE_TOKEN",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NETRC",
    "NO_COLOR",
)

# Started in the background by a shell, this process ignores Ctrl-C, and SIGHUP under nohup: so would the processes that
# it starts, which tests send these to. What is caught here, they do not ignore.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


# How long an example takes on a machine that does other work is no property of the code. (The tests of the Airflow
# sensor do without Hypothesis.)
with contextlib.suppress(ImportError):
    import hypothesis

    hypothesis.settings.register_profile("suite", hypothesis.settings(deadline=None, max_examples=50))
    hypothesis.settings.load_profile("suite")


def _forget_settings():
    for name in FROM_OUTSIDE:
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)


def pytest_configure(config):
    """Keep the real stderr, which is another's while a test runs, and forget settings from outside."""
    _forget_settings()
    LeapingTime.install()
    config.stash[STDERR] = os.fdopen(os.dup(sys.__stderr__.fileno()), "w")
    config.stash[ARMED] = -_AGAIN
    emulators_are_forked()
    if hasattr(config, "workerinput") and PRELOADED in config.workerinput:
        share(config.workerinput[PRELOADED])
    config.add_cleanup(config.stash[STDERR].close)
    config.add_cleanup(faulthandler.cancel_dump_traceback_later)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config):
    """What the workers need is compiled before they start."""
    compile_once(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Start what processes are forked from, once for all workers: it takes a second to load."""
    stash = node.config.stash
    if hasattr(os, "fork") and PARENT not in stash:
        stack = contextlib.ExitStack()
        stash[PARENT] = stack.enter_context(Parent())
        node.config.add_cleanup(stack.close)
    if PARENT in stash:
        node.workerinput[PRELOADED] = stash[PARENT].path


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection():
    """Leave what is there once all tests are collected out of the collections of garbage to come.

    There are hundreds, and each would look at all tests.
    """
    gc.disable()
    yield
    _try_an_example()
    gc.freeze()
    gc.enable()


def _try_an_example():
    """Hypothesis looks once for what refers to its random numbers, and does not find what is frozen.

    It also has the collector call it from then on, to subtract that time from what it measures. Python loses what a signal
    handler raises there.
    """
    callbacks = list(gc.callbacks)
    with contextlib.suppress(ImportError):
        from hypothesis import given, strategies

        @given(strategies.just(None))
        def example(_):
            pass

        example()
    gc.callbacks[:] = callbacks


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    """End the process, with the stacks of its threads, if not even pytest-timeout ends a test.

    Its error is raised in the main thread: what waits in a `finally` holds it up, and Hypothesis takes it for an example that
    fails, and tries it again.
    """
    _forget_settings()  # those of fixtures that outlast their tests: the plugin excepts its server from proxies
    if time.monotonic() - item.config.stash[ARMED] > _AGAIN:
        item.config.stash[ARMED] = time.monotonic()
        faulthandler.dump_traceback_later(HANGS, exit=True, file=item.config.stash[STDERR])


@pytest.fixture(scope="session", autouse=True)
def _few_authorities(tmp_path_factory):
    """One is as good as all, of which no one vouches for a test's server: to load them takes each context 8 ms of work."""
    import certifi  # which requests brings

    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----\n")
    few = tmp_path_factory.mktemp("authorities") / "one.pem"
    few.write_text(first + end, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(few))
        yield


@pytest.fixture(scope="module", autouse=True)
def _packages_hold_the_modules_that_are_loaded():
    """Or else later tests replace something in another module than the one that the package imports.

    A module that was taken out of `sys.modules` and put back is such a one: see `forget_module` of `needing.py`.
    """
    before = _hidden()
    yield
    assert _hidden() == before


@pytest.fixture(scope="module", autouse=True)
def _modules_have_the_real_time():
    """Or else later tests wait for ever: a module that is loaded while `deadline.system_time` is replaced keeps that."""
    yield
    times = {name: vars(module).get("system_time", time) for name, module in list(sys.modules.items())}
    assert [
        name for name, held in times.items() if name.startswith("rocketride_sync") and held is not time
    ] == []


@pytest.fixture(scope="module", autouse=True)
def _the_log_goes_where_it_went():
    """Or else later tests find the lines of a command that ran in this process, and its level."""
    log = logging.getLogger("rocketride_sync")

    def state():
        # The package adds the one that does nothing when it is loaded.
        handlers = [handler for handler in log.handlers if type(handler) is not logging.NullHandler]
        return handlers, log.level, log.disabled, log.propagate

    before = state()
    yield
    assert state() == before


def _hidden():
    return [name for name, module in list(sys.modules.items()) if _is_hidden(name, module)]


def _is_hidden(name, module):
    package, _, last = name.rpartition(".")
    if not package.startswith("rocketride_sync") or package not in sys.modules:
        return False
    held = vars(sys.modules[package]).get(last)
    return isinstance(held, types.ModuleType) and held is not module


def pytest_collection_modifyitems(config, items):
    """Mark what takes long and depends little on the versions, and let each worker begin with some of the longest."""
    for item in items:
        if is_lengthy(item.path):
            item.add_marker(pytest.mark.lengthy)
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = longest_first(items, workers)
