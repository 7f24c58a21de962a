"""Which connections are kept, and used again, step by step; over sockets of the test's making."""

import contextlib
import logging
import queue
import socket
import warnings

import pytest
import requests
from dropping import run_in_dropping
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError as BrokenError

from rocketride_sync.address import Address
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.http import adapter as adapter_module
from rocketride_sync.transports.http import sockets
from rocketride_sync.transports.http.adapter import SLICES, DeadlineAdapter
from rocketride_sync.transports.http.exchange import Exchange

from ..loopback import answer
from .fake_sockets import PolledSocket

PLAIN, SECURE = "http://server.test:5565", "https://server.test:5565"
BODY = b"the body"


class Network:
    """Makes connections whose peer gives each request the next of `answers`."""

    def __init__(self, clock):
        self._clock = clock
        self.answers = []
        self.made = []

    def dial(self, deadline=None):
        network = self

        class Answering(PolledSocket):
            def send(self, data):
                self.comes.append(network.answers.pop(0) if network.answers else answer(BODY))
                return super().send(data)

        self.made.append(Answering(self._clock))
        return self.made[-1]


@pytest.fixture
def network(clock):
    network = Network(clock)
    yield network
    for sock in network.made:
        sock.close()


@pytest.fixture
def make(network):
    with contextlib.ExitStack() as stack:

        def make(url=PLAIN):
            made = DeadlineAdapter(Address.parse(url), network)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def adapter(make):
    return make()


def ask(adapter, path="/task", url=PLAIN, proxies=None):
    """An exchange that was made, and its response."""
    request = requests.Request("GET", url + path).prepare()
    with Exchange(Deadline(10.0), None) as exchange:
        response = adapter.send(
            request, stream=True, timeout=SLICES, verify=False, cert=None, proxies=proxies or {}
        )
        assert response.raw.read(decode_content=False) == BODY
    return exchange, response


# --- the stack of connections


class Kept:
    closed = False

    def close(self):
        self.closed = True


def test_the_connection_that_came_last_is_handed_out_first():
    stack = adapter_module._ConnectionStack()
    with pytest.raises(queue.Empty):
        stack.get()
    for number in range(3):
        stack.put(number)
    assert stack.qsize() == 3
    assert [stack.get(block=True) for _ in range(3)] == [2, 1, 0]
    with pytest.raises(queue.Empty):
        stack.get()


def test_only_so_many_are_kept():
    stack = adapter_module._ConnectionStack()
    for number in range(adapter_module._MAX_IDLE):
        stack.put(number)
    with pytest.raises(queue.Full):
        stack.put("one more")
    assert stack.get() == number


def test_closing_closes_all_also_those_that_are_put_there_later():
    stack = adapter_module._ConnectionStack()
    first, second, later = Kept(), Kept(), Kept()
    for connection in (first, None, second):
        stack.put(connection)
    stack.close()
    assert (first.closed, second.closed, stack.qsize()) == (True, True, 0)
    stack.put(later)
    assert (later.closed, stack.qsize()) == (True, 0)


# --- which are used again


@pytest.mark.parametrize("url", [PLAIN, SECURE])
def test_a_connection_is_used_again(make, network, caplog, url):
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    adapter = make(url)
    kept = "a kept HTTP connection is used again"
    first, _ = ask(adapter, url=url)
    assert (first.reused, kept in caplog.messages) == (False, False)
    second, _ = ask(adapter, url=url)
    assert (second.reused, kept in caplog.messages) == (True, True)
    assert len(network.made) == 1
    assert isinstance(
        adapter._pool.pool.queue[-1], sockets.TlsConnection if url is SECURE else sockets.Connection
    )


@pytest.mark.parametrize(("idle", "kept"), [(30.0, True), (30.001, False)])
def test_a_connection_that_was_idle_for_long_is_replaced(adapter, network, clock, idle, kept):
    for _ in range(2):  # how long it was open does not matter
        ask(adapter)
        clock.now += 20.0
    clock.now += idle - 20.0
    exchange, _ = ask(adapter)
    assert (exchange.reused, network.made[0].closed) == (kept, not kept)
    assert len(network.made) == (1 if kept else 2)


def test_a_connection_is_replaced_when_the_application_has_replaced_sockets(adapter, network, monkeypatch):
    ask(adapter)
    monkeypatch.setattr(socket, "socket", type("Other", (socket.socket,), {}))
    exchange, _ = ask(adapter)
    assert (exchange.reused, network.made[0].closed) == (False, True)
    assert ask(adapter)[0].reused


def test_a_connection_that_the_server_has_closed_is_replaced(adapter, network):
    ask(adapter)
    network.made[0].ended()
    assert not ask(adapter)[0].reused
    assert len(network.made) == 2


def test_a_connection_is_not_kept_if_its_answer_did_not_end_exactly(adapter, network):
    network.answers = [answer(BODY) + b"more"]
    ask(adapter)
    assert network.made[0].closed
    assert not adapter.is_open
    assert not ask(adapter)[0].reused


def test_a_connection_that_broke_is_replaced(adapter, network):
    network.answers = [b""]
    with pytest.raises(requests.ConnectionError) as caught:
        ask(adapter)
    assert isinstance(caught.value.args[0], BrokenError)
    assert network.made[0].closed
    assert not adapter.is_open
    assert not ask(adapter)[0].reused


# --- the adapter


def test_a_response_has_what_is_used_of_one(adapter, network):
    network.answers = [answer(BODY, "404 Nowhere", X_Mine="1", Set_Cookie="a=b")]
    _, response = ask(adapter)
    assert (response.status_code, response.reason) == (404, "Nowhere")
    assert (response.headers["x-mine"], response.url) == ("1", f"{PLAIN}/task")
    assert response.request.method == "GET"


def test_targets_are_computed_once(adapter, network, monkeypatch):
    computed = []
    compute = HTTPAdapter.request_url

    def counted(self, request, proxies):
        computed.append(request.url)
        return compute(self, request, proxies)

    monkeypatch.setattr(HTTPAdapter, "request_url", counted)
    for path in ["/task?token=a", "/task?token=b", "/task?token=a"]:
        ask(adapter, path)
        assert network.made[0].sent[-1].startswith(f"GET {path} HTTP/1.1\r\n".encode())
    assert computed == [f"{PLAIN}/task?token=a", f"{PLAIN}/task?token=b"]


def test_few_targets_are_remembered(adapter):
    for number in range(3 * adapter_module._MAX_TARGETS):
        request = requests.Request("GET", f"{PLAIN}/{number}").prepare()
        assert adapter.request_url(request, {}) == f"/{number}"
        assert len(adapter._targets) <= adapter_module._MAX_TARGETS


def test_it_is_open_while_a_connection_is_kept(adapter, network):
    assert not adapter.is_open
    ask(adapter)
    assert adapter.is_open
    adapter.close()
    assert network.made[0].closed
    assert not adapter.is_open


def test_it_is_open_if_any_of_several_is_kept(adapter, network):
    one, other = adapter._pool._get_conn(), adapter._pool._get_conn()
    ask(adapter)
    kept = adapter._pool.pool.get()
    for connection in (one, None, kept, other):
        adapter._pool.pool.put(connection)
    assert adapter.is_open


def test_what_is_asked_after_it_was_closed_keeps_no_connection(adapter, network):
    adapter.close()
    ask(adapter)
    assert network.made[0].closed
    assert not adapter.is_open


# --- through a proxy that gets whole URLs


@pytest.fixture
def proxied(monkeypatch, network, make):
    monkeypatch.setattr(sockets, "connect", lambda *args: network.dial())
    adapter = DeadlineAdapter(Address.parse(PLAIN), None)
    yield adapter
    adapter.close()


PROXIES = {"http": "http://user:word@proxy.test:3128"}


def test_a_proxy_gets_whole_urls_over_connections_that_are_kept(proxied, network):
    assert not proxied.is_open
    assert not ask(proxied, proxies=PROXIES)[0].reused
    assert proxied.is_open
    assert ask(proxied, proxies=PROXIES)[0].reused
    assert network.made[0].sent[0].startswith(f"GET {PLAIN}/task HTTP/1.1\r\n".encode())
    proxied.close()
    assert network.made[0].closed


def test_a_proxy_that_is_first_asked_after_the_adapter_was_closed_keeps_no_connection(proxied, network):
    proxied.close()
    ask(proxied, proxies=PROXIES)
    assert network.made[0].closed
    assert not proxied.is_open


@pytest.mark.parametrize("proxies", [{}, PROXIES])
@pytest.mark.parametrize("lookup", ["get_connection", "get_connection_with_tls_context"])
def test_the_pool_is_looked_up_once_with_any_version_of_requests(proxied, lookup, proxies):
    if not hasattr(HTTPAdapter, lookup):
        pytest.skip("an older version of requests")
    request = requests.Request("GET", PLAIN).prepare()
    arguments = (PLAIN, proxies) if lookup == "get_connection" else (request, False, proxies, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pool = getattr(proxied, lookup)(*arguments)
        assert getattr(proxied, lookup)(None) is pool
    assert isinstance(pool, adapter_module._FreshConnections)


@pytest.mark.parametrize("kind", [adapter_module._Pool, adapter_module._TlsPool])
def test_in_dropping_a_pool_no_line_of_python_runs_in_which_a_signal_would_be_lost(kind):
    assert run_in_dropping(lambda: kind("127.0.0.1", 1)) == []
