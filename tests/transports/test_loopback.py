"""The servers of these tests: what one test does with them reaches no other."""

import errno
import socket

import pytest

from .loopback import HOST, Server, answer


def answering(peer):
    while peer.read_request() is not None:
        peer.send(answer({}))


def asked(server):
    with socket.create_connection((HOST, server.port), 10) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return client.recv(8)


def test_a_server_that_refuses_keeps_its_port():
    """Or else the server of another test takes it, and answers what nobody here expects."""
    with Server(answering) as server:
        server.refuse()
        with pytest.raises(ConnectionRefusedError):
            asked(server)
        with socket.socket() as other, pytest.raises(OSError) as raised:
            other.bind((HOST, server.port))
        assert raised.value.errno == errno.EADDRINUSE
        server.accept_again()
        assert asked(server) == b"HTTP/1.1"
