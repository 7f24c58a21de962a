"""Debian's redis-server on a free port of loopback, for the tests that need a broker."""

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

SECONDS = 30.0


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _answers(port):
    with contextlib.suppress(OSError), socket.create_connection(
        ("127.0.0.1", port), timeout=SECONDS
    ) as asking:
        asking.sendall(b"PING\r\n")
        return asking.recv(16) == b"+PONG\r\n"
    return False


def _start(program, folder):
    """A server that answers, and its port. Another process may take the port first: then it is tried again."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        port = _free_port()
        # The append-only file remembers every write there has been.
        options = f"--bind 127.0.0.1 --port {port} --appendonly yes --appendfsync no --dir".split()
        command = [program, *options, str(folder), "--save", ""]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and time.monotonic() < deadline:
            if _answers(port):
                return process, port
            time.sleep(0.01)
        process.kill()
        process.wait()
    pytest.fail("redis-server did not start")


class Redis:
    """Attributes: `url`; `folder`, where it writes."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self.folder = folder

    def written(self):
        """Every write there has been, as text."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return "".join(path.read_text("utf-8", "replace") for path in files)


@contextlib.contextmanager
def redis_server(folder):
    """A server that keeps its files in `folder`. The test is skipped where none is installed."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("there is no redis-server here: apt-get install redis-server")
    process, port = _start(program, folder)
    try:
        yield Redis(port, folder)
    finally:
        process.kill()
        process.wait()
