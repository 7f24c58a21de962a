"""Sockets without an owner are closed when they are collected: without a warning, and without losing a signal."""

import os
import socket
import ssl

import pytest
from dropping import run_in_dropping

from rocketride_sync.transports import tcp


def plain():
    return tcp.system_network.make_socket(socket.AF_INET, socket.SOCK_STREAM, 0)


def encrypted():
    context = ssl.create_default_context()
    tcp.use_tls_class(context)
    with plain() as inner:
        return context.wrap_socket(inner, server_hostname="localhost", do_handshake_on_connect=False)


@pytest.mark.parametrize("make", [plain, encrypted])
def test_it_is_closed(make):
    sock = make()
    descriptor = sock.fileno()
    os.fstat(descriptor)
    del sock
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("make", [plain, encrypted])
def test_no_line_of_python_runs_in_which_a_signal_would_be_lost(make):
    assert run_in_dropping(make) == []
