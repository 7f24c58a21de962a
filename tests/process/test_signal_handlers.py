"""What a signal handler raises comes out as it is, whatever it is and whatever the signal interrupted: TimeoutErrors and OSErrors
too, which Python's own sockets raise. Celery's soft time limit, and alarms, are such exceptions.
"""

import contextlib
import gc
import signal
import threading

import pytest
from transports.dap_peer import KEY, RUNNING, TOKEN, dap, serve
from transports.dap_peer import always as always_over_websocket
from transports.loopback import HOST, Server, after_request, answer, black_hole, refusing_address
from transports.loopback import always as always_over_http

from rocketride_sync import RetryPolicy, RocketRideClient, TaskNotFoundError, TransportError, WaitTimeoutError

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")

LONG = 50.0


class OutOfTime(Exception):
    """As `celery.exceptions.SoftTimeLimitExceeded`."""


RAISED = [
    OutOfTime("soft"),
    TimeoutError("alarm"),
    OSError("alarm"),
    ValueError("alarm"),
    RuntimeError("alarm"),
    TransportError("of another client"),
    TaskNotFoundError("of another client"),
    WaitTimeoutError("of another client"),
]
"""The last ones are of a handler that uses a client."""


def test_the_collector_calls_nothing_that_is_written_in_python():
    """Python loses what a handler raises there, in whatever test the signal comes."""
    assert gc.callbacks == []


@pytest.fixture(autouse=True)
def _nothing_is_collected():
    """Python loses what a handler raises in a destructor, or in a callback of the collector, as Hypothesis has one."""
    gc.disable()
    yield
    gc.enable()


@contextlib.contextmanager
def signals_that_raise(error, begun, *, drops=False):
    """From the moment when `begun` is set, signals come to the main thread, until the handler of one has raised `error`."""
    raised = threading.Event()

    def handler(signum, frame):
        if drops:
            del signum, frame
        if not raised.is_set():
            raised.set()
            raise error

    def send():
        begun.wait()
        while not raised.wait(0.02):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    sender = threading.Thread(target=send)
    sender.start()  # `begun` is not set yet: a signal here would not come out of what is tested
    try:
        yield
    finally:
        raised.set()
        begun.set()
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def stalled(begun):
    return lambda peer: (begun.set(), peer.stall())


def stalled_in_tls(begun):
    """From the handshake on: what wraps a socket before, in Python itself, loses ValueErrors."""
    return lambda peer: (peer.sock.recv(1), begun.set(), peer.stall())


def stalled_dap(begun):
    return dap(lambda it: (it.request(), begun.set(), it.request()))


def running(begun):
    def reply(peer, request):
        always_over_websocket(RUNNING)(peer, request)
        if request["command"] == "rrext_get_task_status":
            begun.set()

    return serve(reply)


def running_over_http(begun):
    def handler(peer):
        while peer.read_request() is not None:
            peer.send(answer(RUNNING))
            begun.set()

    return handler


def ask(client):
    client.get_task_status(TOKEN)


def load_modules(transport):
    """What a call loads is there then. Python itself loses an OSError that comes while it reads a module."""
    with refusing_address() as address, client_of(f"http://{address}", transport) as client:
        with pytest.raises(TransportError):
            ask(client)


def ask_and_tell(client, begun):
    """For where nobody sees that the client tries to connect."""
    begun.set()
    ask(client)


def wait(client):
    client.wait_until_complete(TOKEN, interval=LONG)


def wait_for_many(client):
    client.wait_all([TOKEN, "tk_other"], interval=LONG)


def send(client):
    client.send(TOKEN, bytes(2**26))


STEPS = {
    "an upgrade": ("websocket", stalled, ask),
    "a call over WebSocket": ("websocket", stalled_dap, ask),
    "a wait over WebSocket": ("websocket", running, wait),
    "a wait for many over WebSocket": ("websocket", running, wait_for_many),
    "a poll over WebSocket": ("websocket", stalled_dap, wait),
    "a call over HTTP": ("http", lambda begun: after_request(stalled(begun)), ask),
    "a wait over HTTP": ("http", running_over_http, wait),
    "a wait for many over HTTP": ("http", running_over_http, wait_for_many),
    "sending over HTTP": ("http", stalled, send),
}


def client_of(url, transport, **options):
    retry = RetryPolicy(initial_delay=LONG, max_delay=LONG, jitter=0)
    return RocketRideClient(
        url, KEY, transport=transport, retry=retry, timeout=LONG, connect_timeout=LONG, **options
    )


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", STEPS)
def test_what_a_handler_raises_comes_out_of(step, error):
    transport, handler, action = STEPS[step]
    begun = threading.Event()
    with Server(handler(begun)) as server, client_of(server.url, transport) as client:
        with signals_that_raise(error, begun), pytest.raises(type(error)) as caught:
            action(client)
    assert caught.value is error


@pytest.mark.parametrize("step", STEPS)
def test_so_does_what_a_handler_raises_that_has_dropped_the_frame(step):
    """As those do that delete their unused arguments."""

    class JobTimeout(TimeoutError):
        pass

    transport, handler, action = STEPS[step]
    begun, error = threading.Event(), JobTimeout("alarm")
    with Server(handler(begun)) as server, client_of(server.url, transport) as client:
        with signals_that_raise(error, begun, drops=True), pytest.raises(JobTimeout) as caught:
            action(client)
    assert caught.value is error


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("transport", ["websocket", "http"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_a_handler_raises_comes_out_of_connecting(scheme, transport, error):
    """And of a TLS handshake."""
    load_modules(transport)
    begun = threading.Event()
    with contextlib.ExitStack() as stack:
        if scheme == "http":
            port = stack.enter_context(black_hole()).getsockname()[1]
        else:
            port = stack.enter_context(Server(stalled_in_tls(begun))).port
        client = stack.enter_context(client_of(f"{scheme}://{HOST}:{port}", transport))
        with signals_that_raise(error, begun), pytest.raises(type(error)) as caught:
            ask_and_tell(client, begun if scheme == "http" else threading.Event())
    assert caught.value is error


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_fault_while_a_handlers_exception_is_handled_is_a_fault(transport):
    """As in the clean-up after a soft time limit."""
    begun = threading.Event()
    with refusing_address() as address, signals_that_raise(TimeoutError("alarm"), begun):
        try:
            begun.set()
            threading.Event().wait(LONG)
        except TimeoutError:
            with client_of(f"http://{address}", transport) as client, pytest.raises(TransportError):
                ask(client)
        else:
            pytest.fail("no signal came")


def test_a_client_works_on_after_it():
    begun = threading.Event()
    answers = [lambda peer: stalled(begun)(peer), always_over_http(answer(RUNNING))]

    def handler(peer):
        answers.pop(0)(peer)

    with Server(handler) as server, client_of(server.url, "http") as client:
        with signals_that_raise(TimeoutError("alarm"), begun), pytest.raises(TimeoutError):
            ask(client)
        assert client.get_task_status(TOKEN).state == RUNNING["state"]
