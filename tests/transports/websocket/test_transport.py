"""The WebSocket transport over real sockets: what it sends, how it shares and replaces connections."""

import contextlib
import copy
import json
import os
import socket
import threading
import time

import pytest

from rocketride_sync import (
    ServerError,
    TransportError,
    TransportTimeoutError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations

from ..dap_peer import KEY, RUNNING, TOKEN, Gone, always, dap, frame, serve
from ..loopback import Server
from .calls import PATIENCE, SHORT, STATUS, ask, wait_until


def test_a_status_is_asked_for_after_authentication(connect):
    seen = []

    def action(peer):
        while True:
            request = peer.request()
            seen.append(request)
            peer.answer(request, RUNNING)

    with Server(dap(action)) as server:
        assert ask(connect(server)) == RUNNING
    assert seen == [
        {"type": "request", "seq": 2, "command": "rrext_get_task_status", "arguments": {"token": TOKEN}}
    ]
    assert server.requests[0].startswith("GET /task/service HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}" in server.requests[0]
    assert KEY not in server.requests[0]


def test_one_connection_serves_many_calls(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        for _ in range(5):
            assert ask(transport) == RUNNING
        assert server.connections == 1


def test_threads_share_a_transport(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        results = []

        def work():
            results.extend(ask(transport) for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [RUNNING] * 80
        assert server.connections <= 8


@pytest.mark.parametrize("refused", [False, True], ids=["accepted", "refused"])
def test_a_connection_that_a_command_has_changed_is_closed_and_no_other_call_gets_it(connect, refused):
    changed = []

    def action(peer):
        try:
            while True:
                request = peer.request()
                if request["command"] == "rrext_get_task_status":
                    peer.answer(request, RUNNING)
                elif refused:
                    peer.refuse(request, "no")
                else:
                    peer.answer(request)
        except Gone:
            changed.append(peer.commands[1:])
            raise

    with Server(dap(action)) as server:
        transport = connect(server)
        assert ask(transport) == RUNNING
        with pytest.raises(ServerError) if refused else contextlib.nullcontext():
            ask(transport, operation=operations.call("deauth", {}))
        assert not transport.is_open
        assert wait_until(lambda: changed == [["rrext_get_task_status", "deauth"]])
        assert ask(transport) == RUNNING
        with pytest.raises(ServerError) if refused else contextlib.nullcontext():
            ask(transport, operation=operations.call("rrext_anything", {}))
        assert ask(transport) == RUNNING
        assert server.connections == 2


def test_a_connection_closed_while_idle_is_replaced_unnoticed(connect):
    def action(peer):
        peer.answer(peer.request(), RUNNING)
        peer.close()

    with Server(dap(action)) as server:
        transport = connect(server)
        assert [ask(transport) for _ in range(3)] == [RUNNING] * 3
        assert server.connections == 3


def test_a_request_that_must_not_be_repeated_is_not(connect):
    def action(peer):
        peer.answer(peer.request(), RUNNING)
        peer.request()
        peer.peer.sock.shutdown(socket.SHUT_RDWR)

    once = copy.copy(STATUS)
    once.repeatable = False
    with Server(dap(action)) as server:
        transport = connect(server)
        assert ask(transport, operation=once) == RUNNING
        with pytest.raises(TransportError):
            ask(transport, operation=once)
        assert server.connections == 1


def test_closing_says_goodbye_and_is_not_final(connect):
    goodbyes = []

    def action(peer):
        try:
            while True:
                peer.answer(peer.request(), RUNNING)
        except Gone:
            goodbyes.append(True)

    with Server(dap(action)) as server:
        transport = connect(server)
        ask(transport)
        transport.close()
        transport.close()
        assert ask(transport) == RUNNING
        transport.close()
    assert len(goodbyes) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_leaves_its_parents_connection_alone(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        ask(transport)
        child = os.fork()
        if child == 0:
            try:
                fine = ask(transport) == RUNNING
                transport.close()
                os._exit(0 if fine else 1)
            except BaseException:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        assert os.WEXITSTATUS(status) == 0
        assert ask(transport) == RUNNING
        assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_in_mid_wait_leaves_the_connection_to_its_parent(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        watch = transport.watch(STATUS)
        watch.call(STATUS, Deadline(PATIENCE))
        child = os.fork()
        if child == 0:
            try:
                watch.close()
                fine = ask(transport) == RUNNING
                transport.close()
                os._exit(0 if fine else 1)
            except BaseException:
                os._exit(2)
        assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0
        assert watch.call(STATUS, Deadline(PATIENCE)) == RUNNING
        watch.close()
        assert server.connections == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_closes_a_connection_does_not_say_goodbye_for_its_parent(connect):
    with Server(serve(always(RUNNING))) as server:
        connection = connect(server).pool.connect(Deadline(PATIENCE))
        child = os.fork()
        if child == 0:
            connection.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert connection.ask(STATUS, Deadline(PATIENCE)) == RUNNING
        connection.close()


def test_of_many_idle_connections_a_few_are_kept(connect):
    with Server(serve(always(RUNNING))) as server:
        transport = connect(server)
        watches = [transport.watch(STATUS) for _ in range(20)]
        for watch in watches:
            watch.call(STATUS, Deadline(PATIENCE))
        for watch in watches:
            watch.close()
        assert server.connections == 20
        assert wait_until(lambda: server.open <= 8)


def test_a_flooded_idle_connection_does_not_stretch_a_call(connect):
    event = frame(json.dumps({"type": "event", "event": "e", "body": {}})) * 100

    def action(peer):
        peer.answer(peer.request(), RUNNING)
        while not peer.peer._server.stopped.is_set():
            peer.raw(event)

    with Server(dap(action)) as server:
        transport = connect(server)
        ask(transport)
        began = time.monotonic()
        with pytest.raises(TransportTimeoutError):
            ask(transport, SHORT)
        assert time.monotonic() - began < SHORT + 3
