"""Files outside an emulator's root directory cannot be read."""

import contextlib
import os
import socket
import sys

import pytest
from cases import each
from command_call import call_command
from emulator_helpers import (
    KEY,
    execute,
    request,
    wait_for_end,
    word_count,
)

from rocketride_sync.emulator import Emulator, sandboxed_files
from rocketride_sync.emulator.sandboxed_files import list_files, read_chunks

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
@each("path", TRAPS, ids=lambda path: repr(path[:30]))
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


def swapped(folder, outside):
    """Replace a directory by a symbolic link."""
    folder.rename(folder.with_name("old"))
    folder.symlink_to(outside)


@pytest.fixture
def root_and_outside(tmp_path):
    outside, root = tmp_path / "outside", tmp_path / "root"
    for folder, text in ((outside, "secret words"), (root / "sub" / "deep", "our")):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text(text)
    (outside / "deep").mkdir()
    (outside / "deep" / "a.txt").write_text("secret words")
    return root, outside


@on_posix
@pytest.mark.parametrize("which", ["sub", "sub/deep"])
def test_a_directory_that_becomes_a_link_after_the_listing_is_not_followed(root_and_outside, which):
    root, outside = root_and_outside
    (file,) = list_files(root, ["sub"]).files
    assert b"".join(read_chunks(file)) == b"our"
    swapped(root / which, outside)
    with pytest.raises(OSError):
        next(read_chunks(file))


@on_posix
@pytest.mark.parametrize("moment", ["checked", "stat", "listed"])
def test_a_directory_that_becomes_a_link_during_the_listing_is_not_followed(
    root_and_outside, monkeypatch, moment
):
    root, outside = root_and_outside
    function = {
        "checked": "_checked_path",
        "stat": "_stat_below",
        "listed": "_names_below",
    }[moment]
    original, swaps = getattr(sandboxed_files, function), []

    def swap_after(*arguments):
        result = original(*arguments)
        if not swaps:
            swaps.append(swapped(root / "sub", outside))
        return result

    monkeypatch.setattr(sandboxed_files, function, swap_after)
    listing = list_files(root, ["sub"])
    assert swaps
    assert listing.files == []
    assert [name for name, _ in listing.skipped] in (["sub"], ["sub/deep"])


@on_posix
def test_a_file_name_that_is_not_utf_8_spoils_nothing(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("one two")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    (tmp_path / "other.txt").write_text("three")
    (tmp_path / os.fsdecode(b"link\xff")).symlink_to("nowhere")
    with Emulator(root=tmp_path, api_key=KEY, early_end=0) as server:
        code, answer = execute(server, word_count(".", delay=0.3))
        assert code == 200, answer
        status = wait_for_end(server, answer["data"]["token"])
    assert (status["completedCount"], status["wordsCount"], status["failedCount"]) == (2, 3, 0)
    assert any("link\\xff" in warning for warning in status["warnings"])


@on_posix
def test_the_demo_passes_over_a_file_whose_name_is_not_utf_8(tmp_path, monkeypatch):
    monkeypatch.setattr("rocketride_sync.cli.demo_command._SECONDS", 1.0)
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("one two")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    (tmp_path / "other.txt").write_text("three")
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:1")
    done = call_command(["demo", str(tmp_path)], {**os.environ, **proxies})
    assert done.returncode == 0, done.stderr
    assert "1 of 1" in done.stdout
    assert "not UTF-8" in done.stderr
