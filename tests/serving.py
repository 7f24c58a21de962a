"""Server processes on free ports of loopback, for programs that want to be told a port."""

import contextlib
import random
import socket
import subprocess
import time

import pytest

SECONDS = 60.0


def free_port():
    """Below those that the system gives to whoever asks for any: another test would get one of these meanwhile."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=SECONDS):
        return True
    return False


@contextlib.contextmanager
def serving(command, log, **options):
    """Run ``command(port)`` until the block ends, and give the port once connections are accepted.

    `options` are those of `subprocess.Popen`; what it says is in the file `log`. Another process may take the port
    first, so a program that ends at once is started again.
    """
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        port = free_port()
        with log.open("ab") as output:
            process = subprocess.Popen(
                command(port), stdout=output, stderr=output, start_new_session=True, **options
            )
        try:
            while process.poll() is None and time.monotonic() < deadline:
                if _accepts(port):
                    yield port
                    return
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
    pytest.fail(f"it did not start: {log.read_text('utf-8', 'replace')}")
