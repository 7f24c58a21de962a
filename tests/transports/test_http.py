"""The HTTP transport against real sockets, each server as unhelpful as its test needs it."""

import contextlib
import errno
import gzip
import http.client
import inspect
import json
import logging
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import warnings
from pathlib import Path

import pytest
import requests
import responses
import urllib3.exceptions

from rocketride_sync import errors
from rocketride_sync.config import Address, Settings
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol.operations import Operation, get_task_status
from rocketride_sync.transports import tcp as _tcp
from rocketride_sync.transports.http import HttpTransport
from rocketride_sync.transports.http import adapter as _adapter
from rocketride_sync.transports.http.error_translation import FOREIGN, translate
from rocketride_sync.transports.http.sockets import Exchange

from .loopback import HOST, Server, after_request, always, answer

ROOT = Path(__file__).resolve().parents[2]
KEY = "key-0123456789abcdef"
TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"
STATUS = get_task_status(TOKEN)
START = Operation(name="use", command="execute", arguments={}, method="POST", path="/task")


def make(url, auth=KEY, **options):
    options = {"max_response_bytes": 1_000_000, **options}
    return HttpTransport(Settings(address=Address.parse(url), auth=auth, **options))


@contextlib.contextmanager
def using(url, **options):
    transport = make(url, **options)
    try:
        yield transport
    finally:
        transport.close()


@contextlib.contextmanager
def talking(handler, tls=None, **options):
    """A server and a transport to it."""
    with Server(handler, tls) as server, using(server.url, **options) as transport:
        yield server, transport


def through(proxy, **options):
    """A transport to an HTTPS server behind a proxy."""
    return using("https://server.test", proxies={"https": proxy.url}, **options)


def call(transport, operation=STATUS, seconds=20.0):
    return transport.call(operation, Deadline(seconds))


def failing(transport, expected, operation=STATUS, seconds=20.0):
    """The error of a call that must fail with just this type, and show no secret."""
    with pytest.raises(errors.RocketRideError) as caught:
        call(transport, operation, seconds)
    error = caught.value
    assert type(error) is expected, repr(error)
    shown = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert KEY not in shown
    assert TOKEN not in shown
    assert error.__context__ is None
    return error


class TestTheRequest:
    def test_is_what_the_protocol_says(self):
        with Server(always(answer({"state": 3}))) as server, using(server.url + "/base/") as transport:
            assert call(transport) == {"state": 3}
        first, *rest = server.requests[0].split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        assert first == f"GET /base/task?token={TOKEN} HTTP/1.1"
        assert headers["Authorization"] == f"Bearer {KEY}"
        assert headers["Accept"] == "application/json"
        assert headers["Accept-Encoding"] == "identity"
        assert headers["User-Agent"].startswith("rocketride-sync/")
        assert headers["Host"] == f"{HOST}:{server.port}"

    def test_quotes_the_token(self):
        with Server(always(answer({}))) as server, using(server.url) as transport:
            call(transport, get_task_status("a&b=c d/é"))
        assert server.requests[0].startswith("GET /task?token=a%26b%3Dc+d%2F%C3%A9 HTTP/1.1")

    def test_keeps_its_credential_whatever_a_netrc_says(self, tmp_path, monkeypatch):
        (tmp_path / ".netrc").write_text(f"machine {HOST} login somebody password else\n")
        (tmp_path / ".netrc").chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        assert requests.utils.get_netrc_auth(f"http://{HOST}/") == ("somebody", "else")
        with Server(always(answer({}))) as server, using(server.url) as transport:
            call(transport)
        assert f"Authorization: Bearer {KEY}" in server.requests[0]

    def test_does_not_follow_a_redirect(self):
        with Server(always(answer({}))) as elsewhere:
            location = f"{elsewhere.url}/task?token={TOKEN}"
            redirect = answer(b"", "307 Temporary Redirect", Location=location)
            with Server(always(redirect)) as server, using(server.url) as transport:
                error = failing(transport, errors.ProtocolError)
        assert f"a redirect to {elsewhere.url}/task." in str(error)
        assert elsewhere.connections == 0


class TestTheAnswer:
    def test_may_have_no_data(self):
        with Server(always(answer(b'{"status":"OK"}'))) as server, using(server.url) as transport:
            assert call(transport) is None

    def test_may_come_in_chunks(self):
        def chunked(peer):
            peer.send(answer(length=False, Transfer_Encoding="chunked"))
            for piece in (b'{"status":"OK",', b'"data":{"state"', b":5}}", b""):
                peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            peer.stall()

        with Server(after_request(chunked)) as server, using(server.url) as transport:
            assert call(transport) == {"state": 5}

    def test_may_end_with_the_connection(self):
        def unannounced(peer):
            peer.send(answer({"state": 5}, length=False))

        with Server(after_request(unannounced)) as server, using(server.url) as transport:
            assert call(transport) == {"state": 5}

    def test_may_be_compressed_unasked(self):
        body = gzip.compress(json.dumps({"status": "OK", "data": [1] * 10_000}).encode())
        with Server(always(answer(body, Content_Encoding="gzip"))) as server, using(server.url) as transport:
            assert call(transport) == [1] * 10_000

    def test_may_be_an_error(self):
        body = b'{"status":"Error","error":{"message":"Your pipeline is not running"}}'
        with Server(always(answer(body, "400 Bad Request"))) as server, using(server.url) as transport:
            assert failing(transport, errors.TaskNotFoundError).http_status == 400

    @pytest.mark.parametrize("first", [b"SSH-2.0-OpenSSH_9.0\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00\xff" * 99])
    def test_must_be_http(self, first):
        with Server(after_request(lambda peer: peer.send(first))) as server, using(server.url) as transport:
            failing(transport, errors.ProtocolError)

    def test_must_not_have_endless_headers(self):
        many = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(1000))
        with Server(after_request(lambda peer: peer.send(many))) as server, using(server.url) as transport:
            failing(transport, errors.ProtocolError)

    def test_that_breaks_off_between_chunks_is_a_transport_error(self):
        def broken(peer):
            peer.send(answer(length=False, Transfer_Encoding="chunked") + b'f\r\n{"status":"OK"}\r\n')

        with Server(after_request(broken)) as server, using(server.url) as transport:
            failing(transport, errors.TransportError)


class TestTheSizeLimit:
    def oversized(self, handler):
        with Server(handler) as server, using(server.url, max_response_bytes=1000) as transport:
            error = failing(transport, errors.ProtocolError)
            assert "larger than max_response_bytes (1000 bytes)" in str(error)

    def test_is_checked_before_anything_is_read(self):
        def announces(peer):
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")
            peer.stall()

        self.oversized(after_request(announces))

    @pytest.mark.parametrize("chunked", [True, False])
    def test_holds_for_an_endless_answer(self, chunked):
        def endless(peer):
            peer.send(answer(length=False, **({"Transfer_Encoding": "chunked"} if chunked else {})))
            while True:
                peer.send(b"400\r\n" + b" " * 1024 + b"\r\n")

        self.oversized(after_request(endless))

    def test_holds_for_what_is_unpacked(self):
        bomb = gzip.compress(bytes(900_000))
        assert len(bomb) < 1000
        self.oversized(always(answer(bomb, Content_Encoding="gzip")))

    def test_lets_an_answer_of_just_that_size_pass(self):
        body = json.dumps({"status": "OK", "data": "x" * 500}).encode()
        with Server(always(answer(body))) as server:
            with using(server.url, max_response_bytes=len(body)) as transport:
                assert call(transport) == "x" * 500
            with using(server.url, max_response_bytes=len(body) - 1) as transport:
                failing(transport, errors.ProtocolError)


def drip_headers(peer):
    peer.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000)


def drip_body(peer):
    peer.send(answer(length=False, Content_Length=1000))
    peer.drip(b" " * 1000)


def drip_chunks(peer):
    peer.send(answer(length=False, Transfer_Encoding="chunked"))
    peer.drip(b"1\r\nx\r\n" * 200)


def stall(peer):
    peer.stall()


def stall_in_body(peer):
    peer.send(answer(length=False, Content_Length=1000) + b'{"status"')
    peer.stall()


class TestTheDeadline:
    def kept(self, server, **options):
        with server, using(options.pop("url", server.url), **options) as transport:
            began = time.monotonic()
            error = failing(transport, errors.TransportTimeoutError, seconds=0.5)
            assert time.monotonic() - began < 3.0
        return error

    def test_bounds_an_answer_in_chunks(self):
        assert "no complete answer" in str(self.kept(Server(after_request(drip_chunks))))

    def test_bounds_a_proxys_tunnel(self):
        server = Server(after_request(lambda peer: peer.drip(b"HTTP/1.1 200 " + b"x" * 500)))
        self.kept(server, url="https://server.test", proxies={"https": server.url})

    def test_bounds_a_tunnel_and_the_handshake_behind_it_together(self):
        def tunnel(peer):
            time.sleep(2.8)
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
            peer.stall()

        with Server(after_request(tunnel)) as proxy, through(proxy) as transport:
            began = time.monotonic()
            failing(transport, errors.TransportTimeoutError, seconds=3.0)
            assert time.monotonic() - began < 5.0

    def test_bounds_the_retry_too(self):
        def second_is_late(peer):
            if server.connections == 1:
                peer.read_request()
                peer.send(answer({}))
                peer.read_request()
            else:
                peer.read_request()
                peer.stall()

        server = Server(second_is_late)
        with server, using(server.url) as transport:
            call(transport)
            began = time.monotonic()
            failing(transport, errors.TransportTimeoutError, seconds=0.5)
            assert time.monotonic() - began < 3.0
        assert server.connections == 2

    def test_that_has_passed_sends_nothing(self):
        with Server(always(answer({}))) as server, using(server.url) as transport:
            error = failing(transport, errors.TransportTimeoutError, START, seconds=0.0)
        assert not error.request_sent
        assert server.connections == 0

    def test_may_be_unlimited(self):
        with Server(always(answer({"state": 1}))) as server:
            for connect_timeout in (None, 5.0):
                with using(server.url, connect_timeout=connect_timeout) as transport:
                    assert call(transport, seconds=None) == {"state": 1}

    def test_is_not_cut_by_the_connect_timeout(self):
        def late(peer):
            time.sleep(0.6)
            peer.send(answer({"state": 1}))

        with Server(after_request(late)) as server, using(server.url, connect_timeout=0.3) as transport:
            assert call(transport) == {"state": 1}

    def test_connect_timeout_does_not_bound_sending(self):
        def late(peer):
            time.sleep(0.6)
            peer.read_request()
            peer.send(answer({"state": 1}))

        with talking(late, connect_timeout=0.3) as (_, transport):
            assert call(transport, get_task_status("x" * 8_000_000)) == {"state": 1}

    def test_connect_timeout_bounds_connecting_alone(self):
        with Server(stall) as server, using(
            f"https://{HOST}:{server.port}", connect_timeout=0.3
        ) as transport:
            began = time.monotonic()
            error = failing(transport, errors.TransportTimeoutError, seconds=30.0)
            assert time.monotonic() - began < 5.0
        assert "within the connect timeout" in str(error)


@contextlib.contextmanager
def black_hole():
    """An address whose connections are neither accepted nor refused: a listener with a full queue."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HOST, 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


def resolving_to(monkeypatch, *addresses, family=socket.AF_INET):
    """Every name has these addresses; those of another family come first, and the usual ones after them."""
    families = dict.fromkeys([family, socket.AF_INET])
    found = [(each, socket.SOCK_STREAM, 6, "", address) for each in families for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)


class TestConnecting:
    def test_tries_every_address(self, monkeypatch):
        with Server(always(answer({}))) as gone:
            closed = (HOST, gone.port)
        with Server(always(answer({"state": 1}))) as server, using("http://server.test") as transport:
            resolving_to(monkeypatch, closed, (HOST, server.port))
            assert call(transport) == {"state": 1}

    def test_an_address_of_an_unsupported_kind_is_passed_over(self, monkeypatch):
        with Server(always(answer({"state": 1}))) as server, using("http://server.test") as transport:
            resolving_to(monkeypatch, (HOST, server.port), family=9999)
            assert call(transport) == {"state": 1}

    @pytest.mark.skipif(sys.platform != "linux", reason="fills a listener's queue the Linux way")
    def test_a_silent_address_leaves_time_for_the_next(self, monkeypatch):
        with black_hole() as hole, Server(always(answer({"state": 1}))) as server:
            resolving_to(monkeypatch, hole, (HOST, server.port))
            with using("http://server.test", connect_timeout=None) as transport:
                assert call(transport, seconds=4.0) == {"state": 1}

    @pytest.mark.skipif(sys.platform != "linux", reason="fills a listener's queue the Linux way")
    def test_silent_addresses_together_keep_the_deadline(self, monkeypatch):
        with black_hole() as hole, using("http://server.test") as transport:
            resolving_to(monkeypatch, hole, hole, hole)
            began = time.monotonic()
            failing(transport, errors.TransportTimeoutError, seconds=0.5)
            assert time.monotonic() - began < 3.0

    @pytest.mark.parametrize(
        "fault", [ConnectionResetError(errno.ECONNRESET, "reset"), BrokenPipeError(errno.EPIPE, "")]
    )
    def test_reset_while_connecting_is_a_transport_error(self, fault, monkeypatch):
        def fail(sock, *args):
            sock.close()
            raise fault

        monkeypatch.setattr(_tcp, "_connected", fail)
        with using(f"http://{HOST}") as transport:
            failing(transport, errors.TransportError)


def closes_the_second_time(farewell):
    """A handler whose first connection answers once, and meets the next request with `farewell`."""
    seen = []

    def handler(peer):
        seen.append(peer)
        first = len(seen) == 1
        while peer.read_request() is not None:
            if first and len(seen[0]._server.requests) == 2:
                farewell(peer)
                return
            peer.send(answer({"state": 1}))

    return handler


class TestKeptConnections:
    def test_are_used_again(self):
        with Server(always(answer({}))) as server, using(server.url) as transport:
            for _ in range(5):
                call(transport)
        assert (server.connections, len(server.requests)) == (1, 5)

    @pytest.mark.parametrize("farewell", [lambda peer: None, lambda peer: peer.reset()])
    def test_that_prove_dead_are_replaced_unnoticed(self, farewell):
        with Server(closes_the_second_time(farewell)) as server, using(server.url) as transport:
            assert [call(transport), call(transport)] == [{"state": 1}] * 2
        assert (server.connections, len(server.requests)) == (2, 3)

    def test_that_prove_dead_are_not_replaced_for_what_must_not_be_repeated(self):
        with Server(closes_the_second_time(lambda peer: None)) as server, using(server.url) as transport:
            call(transport, START)
            failing(transport, errors.TransportError, START)
        assert len(server.requests) == 2

    def test_are_not_left_to_a_second_dead_one(self):
        both = threading.Barrier(2, timeout=20)

        def dies_after_one_answer(peer):
            peer.read_request()
            if server.connections <= 2:
                both.wait()
                peer.send(answer({}))
                peer.read_request()
            else:
                peer.send(answer({"state": 1}))

        with Server(dies_after_one_answer) as server, using(server.url) as transport:
            threads = [threading.Thread(target=call, args=(transport,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert call(transport) == {"state": 1}
        assert server.connections == 3

    @pytest.mark.parametrize("answered", [1, -3])
    def test_that_break_in_an_answer_are_not_replaced(self, answered):
        begun = answer({"state": 2})[:answered]
        with talking(closes_the_second_time(lambda peer: peer.send(begun))) as (server, transport):
            call(transport)
            with pytest.raises((errors.TransportError, errors.ProtocolError)):
                call(transport)
        assert len(server.requests) == 2

    def test_a_fresh_connection_that_breaks_is_not_retried(self):
        with Server(after_request(lambda peer: None)) as server, using(server.url) as transport:
            failing(transport, errors.TransportError)
        assert len(server.requests) == 1

    def test_closed_by_the_server_meanwhile_are_noticed_before_use(self):
        with talking(after_request(lambda peer: peer.send(answer({})))) as (server, transport):
            call(transport, START)
            pool = transport._sessions[os.getpid()]._adapter._pool
            kept = next(connection for connection in pool.pool.queue if connection)
            assert select.select([kept.sock], [], [], 10)[0]
            call(transport, START)
        assert (server.connections, len(server.requests)) == (2, 2)

    def test_idle_for_long_are_not_used_again(self, monkeypatch):
        with Server(always(answer({}))) as server, using(server.url) as transport:
            call(transport)
            monkeypatch.setattr(_adapter, "_LONGEST_IDLE", -1.0)
            call(transport)
        assert server.connections == 2

    def test_are_not_kept_when_an_answer_was_not_read_to_its_end(self):
        big = answer(b" " * 5000)
        with talking(always(big, answer({"state": 1})), max_response_bytes=1000) as (server, transport):
            failing(transport, errors.ProtocolError)
            assert call(transport) == {"state": 1}
        assert server.connections == 2

    def test_close_closes_them_at_once(self):
        with talking(always(answer({}))) as (_, transport):
            call(transport)
            pool = transport._sessions[os.getpid()]._adapter._pool
            kept = next(connection for connection in pool.pool.queue if connection)
            assert kept.sock is not None
            transport.close()
            assert kept.sock is None

    def test_close_closes_them_and_a_later_call_opens_new_ones(self):
        with Server(always(answer({}))) as server:
            transport = make(server.url)
            transport.close()
            for _ in range(2):
                call(transport)
                transport.close()
                transport.close()
        assert server.connections == 2

    @pytest.mark.parametrize("operation", [STATUS, START])
    def test_closed_as_another_thread_is_about_to_ask_are_made_anew(self, operation, monkeypatch):
        """The transport may be closed while others use it: nothing of theirs was sent yet, whatever it is."""
        with Server(always(answer({"state": 1}))) as server, using(server.url) as transport:
            call(transport, operation)
            session = transport._sessions[os.getpid()]
            ask = session._ask

            def closed_before(*args):
                transport.close()
                return ask(*args)

            monkeypatch.setattr(session, "_ask", closed_before)
            assert call(transport, operation) == {"state": 1}
            assert not session.is_open
            assert call(transport, operation) == {"state": 1}
        assert server.connections == 3

    def test_that_broke_are_not_among_them(self):
        with Server(after_request(lambda peer: peer.reset())) as server, using(server.url) as transport:
            failing(transport, errors.TransportError, START)
            assert not transport.is_open

    def test_are_not_kept_when_they_come_back_after_close(self):
        def slow(peer):
            peer.read_request()
            transport.close()
            peer.send(answer({"state": 1}))
            peer.stall()

        with Server(slow) as server, using(server.url) as transport:
            session = transport._session()
            assert call(transport) == {"state": 1}
            assert not session.is_open

    def test_serve_many_threads(self):
        faults = []

        def work():
            try:
                for _ in range(20):
                    assert call(transport) == {"state": 1}
            except BaseException as fault:
                faults.append(fault)

        with Server(always(answer({"state": 1}))) as server, using(server.url) as transport:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
        assert faults == []
        assert len(server.requests) == 160
        assert server.connections <= 8

    @pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
    def test_are_dropped_after_ctrl_c_in_an_answer(self):
        main = threading.main_thread().ident

        def interrupted(peer):
            if server.connections == 1:
                peer.read_request()
                peer.send(answer({"state": 1})[:-3])
                signal.pthread_kill(main, signal.SIGINT)
                peer.stall()
            else:
                peer.read_request()
                peer.send(answer({"state": 2}))

        server = Server(interrupted)
        with server, using(server.url) as transport:
            with pytest.raises(KeyboardInterrupt):
                call(transport)
            assert call(transport) == {"state": 2}

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_are_left_alone_by_a_forked_child(self):
        with Server(always(answer({"state": 1}))) as server:
            script = f"""
                import os, sys
                from rocketride_sync.config import Address, Settings
                from rocketride_sync.deadline import Deadline
                from rocketride_sync.protocol.operations import get_task_status
                from rocketride_sync.transports.http import HttpTransport
                transport = HttpTransport(Settings(address=Address.parse({server.url!r}), auth="k"))
                ask = lambda who: transport.call(get_task_status(who), Deadline(10.0))
                ask("parent")
                child = os.fork()
                if child == 0:
                    ask("child")
                    transport.close()
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
                ask("parent-again")
            """
            subprocess.run(
                [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
                check=True,
                cwd=ROOT,
                timeout=60,
            )
        assert [request.split()[1][len("/task?token=") :] for request in server.requests] == [
            "parent",
            "child",
            "parent-again",
        ]
        assert server.connections == 2


class TestProxies:
    def test_from_the_environment(self, monkeypatch):
        with Server(always(answer({"state": 1}))) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("http_proxy", proxy.url)
            with using("http://server.test:5565") as transport:
                assert call(transport) == {"state": 1}
        assert proxy.requests[0].startswith(f"GET http://server.test:5565/task?token={TOKEN} HTTP/1.1")

    def test_as_given_beat_the_environment(self, monkeypatch):
        with Server(always(answer({}))) as wrong, Server(always(answer({"state": 1}))) as proxy:
            monkeypatch.setenv("http_proxy", wrong.url)
            with using("http://server.test", proxies={"http": proxy.url}) as transport:
                assert call(transport) == {"state": 1}
        assert wrong.connections == 0

    @pytest.mark.parametrize("proxies", [None, {}])
    def test_can_be_avoided(self, proxies, monkeypatch):
        with Server(always(answer({}))) as proxy, Server(always(answer({"state": 1}))) as server:
            monkeypatch.setenv("http_proxy", proxy.url)
            if proxies is None:
                monkeypatch.setenv("no_proxy", HOST)
            with using(server.url, proxies=proxies) as transport:
                assert call(transport) == {"state": 1}
        assert proxy.connections == 0

    def test_that_refuse_a_tunnel_are_a_transport_error(self):
        refusal = answer(b"", "407 Proxy Authentication Required")
        with Server(always(refusal)) as proxy, through(proxy) as transport:
            assert "407" in str(failing(transport, errors.TransportError))
        assert proxy.requests[0].startswith("CONNECT server.test:5565 ")
        assert KEY not in proxy.requests[0]

    def test_that_are_down_are_a_transport_error(self):
        with Server(always(answer({}))) as proxy:
            pass
        for scheme in ("http", "https"):
            with using(f"{scheme}://server.test", proxies={scheme: proxy.url}) as transport:
                failing(transport, errors.TransportError)

    def test_with_an_unusable_address_are_a_configuration_error(self):
        for proxy in ("http://", "http://:1", "gopher://x:1"):
            with using("http://server.test", proxies={"http": proxy}) as transport:
                failing(transport, errors.ConfigurationError)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority: itself, and the path of its certificate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cryptography package complains about Python 3.8
        import trustme
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(path))
    return authority, str(path)


def tls_of(certificate, client_authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if client_authority is not None:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class TestTls:
    def server(self, authority, host=HOST, handler=None, **options):
        certificate = authority[0].issue_cert(host)
        return Server(handler or always(answer({"state": 1})), tls_of(certificate, **options))

    def test_with_a_given_authority(self, authority):
        with self.server(authority) as server, using(server.url, verify=authority[1]) as transport:
            assert [call(transport) for _ in range(3)] == [{"state": 1}] * 3
        assert server.connections == 1

    def test_with_an_authority_from_the_environment(self, authority, monkeypatch):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority[1])
        with self.server(authority) as server, using(server.url) as transport:
            assert call(transport) == {"state": 1}

    def test_unverified_works_and_leaves_the_warning_to_the_client(self, authority):
        """urllib3 would warn at each request; warnings are errors here."""
        with self.server(authority) as server, using(server.url, verify=False) as transport:
            assert call(transport) == {"state": 1}

    def test_a_client_certificate(self, authority, tmp_path):
        client = authority[0].issue_cert("client@test")
        both = str(tmp_path / "both.pem")
        client.private_key_and_cert_chain_pem.write_to_path(both)
        with self.server(authority, client_authority=authority[0]) as server:
            with using(server.url, verify=authority[1], cert=both) as transport:
                assert call(transport) == {"state": 1}
            refused = pytest.raises((errors.CertificateError, errors.TransportError))
            with using(server.url, verify=authority[1]) as transport, refused:
                call(transport)

    def test_through_a_tunnel(self, authority):
        context = tls_of(authority[0].issue_cert("server.test"))

        def tunnel(peer):
            peer.read_request()
            peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            peer.sock = context.wrap_socket(peer.sock, server_side=True)
            while peer.read_request() is not None:
                peer.send(answer({"state": 1}))
            peer.sock.close()

        with Server(tunnel) as proxy, through(proxy, verify=authority[1]) as transport:
            assert [call(transport), call(transport)] == [{"state": 1}] * 2
        assert proxy.connections == 1
        assert KEY not in proxy.requests[0]

    @pytest.mark.parametrize("slow", [drip_headers, drip_body, stall_in_body])
    def test_keeps_the_deadline(self, authority, slow):
        server = self.server(authority, handler=after_request(slow))
        with server, using(server.url, verify=authority[1]) as transport:
            began = time.monotonic()
            failing(transport, errors.TransportTimeoutError, seconds=0.5)
            assert time.monotonic() - began < 3.0

    def test_spoken_to_a_server_without_it_is_a_transport_error(self):
        def plain(peer):
            peer.sock.recv(1000)
            peer.send(answer(b"", "400 Bad Request"))

        with Server(plain) as server, using(f"https://{HOST}:{server.port}") as transport:
            failing(transport, errors.TransportError)

    @pytest.mark.parametrize("option", ["verify", "cert"])
    def test_files_without_certificates_are_a_configuration_error(self, authority, tmp_path, option):
        empty = tmp_path / "empty.pem"
        empty.write_text("nothing\n")
        options = {"verify": authority[1], option: str(empty)}
        with self.server(authority) as server, using(server.url, **options) as transport:
            failing(transport, errors.ConfigurationError)

    @pytest.mark.parametrize("option", ["verify", "cert"])
    def test_files_that_have_gone_since_are_a_configuration_error(self, authority, tmp_path, option):
        file = tmp_path / "short-lived.pem"
        file.write_bytes(Path(authority[1]).read_bytes())
        options = {"verify": authority[1], option: str(file)}
        with self.server(authority) as server, using(server.url, **options) as transport:
            file.unlink()
            failing(transport, errors.ConfigurationError)


class TestMockedWithResponses:
    """The users' own tests may use `responses`, which replaces requests' adapter."""

    URL = "http://server.test:5565/task"

    @responses.activate
    def test_an_answer(self):
        responses.get(self.URL, json={"status": "OK", "data": {"state": 5}})
        with using("http://server.test") as transport:
            assert call(transport) == {"state": 5}
        assert responses.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"

    @responses.activate
    def test_an_error(self):
        responses.get(self.URL, status=429, headers={"Retry-After": "3"})
        with using("http://server.test") as transport:
            error = failing(transport, errors.TransientError)
        assert (error.http_status, error.retry_after) == (429, 3.0)

    @responses.activate
    def test_an_exception_is_not_retried(self):
        responses.get(self.URL, body=requests.ConnectionError(f"no {TOKEN}"))
        with using("http://server.test") as transport:
            failing(transport, errors.TransportError)
        assert len(responses.calls) == 1

    @responses.activate
    def test_an_address_without_a_mock(self):
        with using("http://server.test") as transport:
            failing(transport, errors.TransportError)


def foreign_exceptions():
    """One of every exception class of requests, urllib3, http.client and ssl, telling a URL where it can."""
    pool, url = urllib3.HTTPConnectionPool("server.test"), f"http://server.test/task?token={TOKEN}"
    refused = OSError(111, "refused")
    special = {
        "HeaderParsingError": ([], b""),
        "IncompleteRead": (3, 5),
        "InvalidChunkLength": (urllib3.HTTPResponse(b""), b"zz"),
        "JSONDecodeError": (url, url, 0),
        "MaxRetryError": (pool, url, refused),
        "NameResolutionError": ("server.test", pool, socket.gaierror(-2, "unknown")),
        "ReadTimeoutError": (pool, url, "timed out"),
        "RequestError": (pool, url, "failed"),
    }
    for module in (requests.exceptions, urllib3.exceptions, http.client, ssl):
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if (
                not issubclass(kind, Exception)
                or issubclass(kind, Warning)
                or kind.__module__ != module.__name__
            ):
                continue
            for args in (
                [special[name]]
                if name in special and module is not http.client
                else [(url,), (pool, url), (url, refused)]
            ):
                with contextlib.suppress(TypeError):
                    yield kind(*args)
                    break
            else:
                raise AssertionError(f"cannot make a {name}")


class TestForeignExceptions:
    @pytest.mark.parametrize("foreign", list(foreign_exceptions()), ids=lambda error: type(error).__name__)
    def test_none_escapes(self, foreign, monkeypatch):
        def fail(*args, **kwargs):
            raise foreign

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", fail)
        with using("http://server.test") as transport, pytest.raises(errors.RocketRideError) as caught:
            call(transport)
        assert caught.value.__context__ is None
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize(
        ("foreign", "expected"),
        [
            (requests.ConnectTimeout(), errors.TransportTimeoutError),
            (requests.ReadTimeout(), errors.TransportTimeoutError),
            (socket.timeout(), errors.TransportTimeoutError),
            (TimeoutError(), errors.TransportTimeoutError),
            (
                requests.ConnectionError(urllib3.exceptions.ReadTimeoutError(None, "u", "m")),
                errors.TransportTimeoutError,
            ),
            (urllib3.exceptions.NewConnectionError(None, "refused"), errors.TransportError),
            (requests.ConnectionError(), errors.TransportError),
            (requests.exceptions.ProxyError(), errors.TransportError),
            (requests.exceptions.ChunkedEncodingError(), errors.TransportError),
            (requests.exceptions.SSLError(), errors.TransportError),
            (http.client.RemoteDisconnected("gone"), errors.TransportError),
            (http.client.BadStatusLine("x"), errors.ProtocolError),
            (requests.exceptions.ContentDecodingError(), errors.ProtocolError),
            (requests.exceptions.InvalidURL(), errors.ConfigurationError),
            (requests.exceptions.InvalidHeader(), errors.ConfigurationError),
            (requests.exceptions.MissingSchema(), errors.ConfigurationError),
            (UnicodeError("label too long"), errors.ConfigurationError),
            (requests.exceptions.SSLError(ssl.SSLCertVerificationError(1, "bad")), errors.CertificateError),
        ],
        ids=repr,
    )
    def test_become_the_right_error(self, foreign, expected):
        assert isinstance(foreign, FOREIGN)
        assert (
            type(translate(foreign, "get_task_status", "h:1", (), Exchange(Deadline(1.0), None))) is expected
        )

    def test_the_callers_own_exception_is_not_taken_for_a_cause(self):
        reset = Server(lambda peer: peer.reset())
        fails = pytest.raises(errors.RocketRideError)
        try:
            Path("/nonexistent/file").stat()
        except FileNotFoundError:
            with reset as server, using(server.url) as transport, fails as caught:
                call(transport)
        assert type(caught.value) is errors.TransportError


class TestSecrets:
    def test_do_not_reach_the_log(self, caplog):
        caplog.set_level(logging.DEBUG)
        with Server(always(answer({}))) as server, using(server.url) as transport:
            call(transport)
            call(transport, get_task_status("nightly-import"))
        with using(server.url) as transport:
            failing(transport, errors.TransportError)
        logged = "\n".join(record.getMessage() for record in caplog.records)
        assert "GET /task?token=tk_560d… HTTP/1" in logged
        assert TOKEN not in logged
        assert "nightly-import" not in logged
        assert KEY not in logged

    def test_the_log_filter_is_installed_once(self):
        with Server(always(answer({}))) as server:
            for _ in range(3):
                with using(server.url) as transport:
                    call(transport)
        filters = logging.getLogger("urllib3.connectionpool").filters
        assert len([one for one in filters if type(one).__name__ == "_Redact"]) == 1

    def test_are_not_in_the_repr(self):
        assert KEY not in repr(make("http://server.test"))


def test_making_a_transport_does_no_io_and_imports_no_requests():
    script = """
        import sys
        from rocketride_sync.config import Address, Settings
        from rocketride_sync.transports.http import HttpTransport
        transport = HttpTransport(Settings(address=Address.parse("http://nowhere.invalid"), auth="k"))
        transport.watch(None)
        transport.close()
        assert not {"requests", "urllib3", "ssl", "certifi"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, cwd=ROOT, timeout=60)
