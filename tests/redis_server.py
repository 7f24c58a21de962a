"""Debian's redis-server on a free port of loopback, for the tests that need a broker."""

import contextlib
import shutil
from pathlib import Path

import pytest
from serving import serving

QUIET = "ignore:Python 3.8 is no longer supported"
"""PYTHONWARNINGS for the programs that load redis: on Python 3.8 it loads a cryptography that says so."""


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

    def command(port):
        # The append-only file remembers every write there has been.
        options = f"--bind 127.0.0.1 --port {port} --appendonly yes --appendfsync no".split()
        return [program, *options, "--dir", str(folder), "--save", ""]

    with serving(command, folder / "log") as port:
        yield Redis(port, folder)
