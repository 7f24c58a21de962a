"""Files outside an emulator's root directory cannot be read."""

import contextlib
import os
import socket
import sys

import pytest
from emulator_helpers import (
    KEY,
    execute,
    request,
    wait_for_end,
    word_count,
)

from rocketride_sync.emulator import Emulator

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


@pytest.fixture(scope="module")
def root_with_traps(tmp_path_factory):
    """A root directory with links that lead out of it, and special files."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_text("one two three four five")
    root = outside / "root"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "a.txt").write_text("one two")
    with contextlib.suppress(OSError, NotImplementedError):
        (root / "link.txt").symlink_to(outside / "secret.txt")
        (root / "linked").symlink_to(outside)
        (root / "inner" / "up").symlink_to("../..")
        (root / "loop").symlink_to("loop")
        os.mkfifo(root / "fifo")
    if hasattr(socket, "AF_UNIX"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as name:
            name.bind(str(root / "socket"))
    return root


@pytest.fixture(scope="module")
def sandboxed_server(root_with_traps):
    with Emulator(root=root_with_traps, api_key=KEY, early_end=0, init_seconds=0) as running:
        yield running


TRAPS = [
    "../secret.txt",
    "inner/../../secret.txt",
    "inner/..",
    "..",
    "/etc/passwd",
    "//etc/passwd",
    "/dev/zero",
    "/proc/self/environ",
    "link.txt",
    "linked/secret.txt",
    "linked",
    "inner/up/secret.txt",
    "loop",
    "loop/x",
    "nowhere",
    "inner/a.txt/x",
    "%2e%2e/secret.txt",
    "..%2fsecret.txt",
    "..\\secret.txt",
    "C:\\Windows\\win.ini",
    "\\\\host\\share",
    "inner/a.txt\0.png",
    "\0",
    "~/.ssh/id_rsa",
    "$HOME",
    "x" * 300,
    "x/" * 3000,
    "\u2025/secret.txt",
    "file:///etc/passwd",
]


@on_posix
@pytest.mark.parametrize("path", TRAPS, ids=lambda path: repr(path[:30]))
def test_a_path_that_leads_outside_is_refused(sandboxed_server, path):
    code, answer = execute(sandboxed_server, word_count(path))
    assert code == 400, answer
    message = answer["error"]["message"]
    assert message.startswith("files: "), message
    assert "Internal" not in message
    assert "secret.txt below" not in message or path in message


@on_posix
def test_reading_the_root_skips_links_and_special_files(sandboxed_server):
    code, answer = execute(sandboxed_server, word_count("."))
    assert code == 200, answer
    status = wait_for_end(sandboxed_server, answer["data"]["token"])
    assert (status["totalCount"], status["wordsCount"]) == (1, 2)
    skipped = {warning.rpartition("*")[2] for warning in status["warnings"]}
    assert {"link.txt", "linked", "inner/up", "loop", "fifo"} <= skipped


def test_http_paths_reach_no_files(sandboxed_server):
    for target in (
        "/task/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/task/%2e%2e/%2e%2e/etc/passwd",
        "/static/x",
        "//x",
    ):
        code, _, body = request(sandboxed_server, "GET", target)
        assert (code, "root:" in body) == (404, False)
