"""Kept HTTP connections: which are used again, which are replaced, and what must not be repeated on them."""

import os
import select
import signal
import textwrap
import threading

import pytest
from process.peers import run_loaded

from rocketride_sync import errors
from rocketride_sync.transports.http import adapter as _adapter

from ..loopback import Server, after_request, always, answer
from .calls import START, STATUS, call, failing, make, talking, using


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
            ask = session._exchange

            def closed_before(*args):
                transport.close()
                return ask(*args)

            monkeypatch.setattr(session, "_exchange", closed_before)
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
                from rocketride_sync.address import Address
                from rocketride_sync.config import Settings
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
            run_loaded(textwrap.dedent(script))
        assert [request.split()[1][len("/task?token=") :] for request in server.requests] == [
            "parent",
            "child",
            "parent-again",
        ]
        assert server.connections == 2
