"""What an emulator does not let happen: files outside its root, strangers, and a machine that is eaten up."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time

import psutil
import pytest
import websocket
from emulation import KEY, ask, ask_json, execute, pipeline, read_status, wait_for_end, wait_until, word_count
from socketing import Client, connect

from rocketride_sync.emulator import Emulator

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


@pytest.fixture(scope="module")
def small():
    """A server whose limits are near."""
    limits = {
        "max_tasks": 4,
        "max_connections": 12,
        "max_requests": 20,
        "pipe_idle": 0.5,
        "max_pipeline_bytes": 20_000,
    }
    with Emulator(api_key=KEY, early_end=0, init_seconds=0, stop_seconds=0, **limits) as running:
        yield running


def served_addresses(pid):
    process = psutil.Process(pid)
    connections = getattr(process, "net_connections", None) or process.connections  # its name before psutil 6
    return {one.laddr.ip for one in connections("tcp") if one.status == psutil.CONN_LISTEN}


def test_it_listens_on_loopback_unless_told_otherwise():
    with Emulator(api_key=KEY) as server:
        assert served_addresses(server.pid) == {"127.0.0.1"}


def test_the_command_does_so_too():
    command = [sys.executable, "-m", "rocketride_sync", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            assert server.stdout.readline().startswith("Serving on http://127.0.0.1:")
            assert served_addresses(server.pid) == {"127.0.0.1"}
        finally:
            server.terminate()


# Files


@pytest.fixture(scope="module")
def den(tmp_path_factory):
    """A root with traps in it, and what lies outside."""
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
def guarded(den):
    with Emulator(root=den, api_key=KEY, early_end=0, init_seconds=0) as running:
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
def test_a_path_that_leads_outside_is_refused(guarded, path):
    code, answer = execute(guarded, word_count(path))
    assert code == 400, answer
    message = answer["error"]["message"]
    assert message.startswith("files: "), message
    assert "Internal" not in message
    assert "secret.txt below" not in message or path in message


@on_posix
def test_of_the_root_itself_only_what_is_in_it_is_read(guarded):
    code, answer = execute(guarded, word_count("."))
    assert code == 200, answer
    status = wait_for_end(guarded, answer["data"]["token"])
    assert (status["totalCount"], status["wordsCount"]) == (1, 2)
    skipped = {warning.rpartition("*")[2] for warning in status["warnings"]}
    assert {"link.txt", "linked", "inner/up", "loop", "fifo"} <= skipped


def test_other_requests_name_no_files(guarded):
    for target in (
        "/task/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/task/%2e%2e/%2e%2e/etc/passwd",
        "/static/x",
        "//x",
    ):
        code, _, body = ask(guarded, "GET", target)
        assert (code, "root:" in body) == (404, False)


# Credentials


@pytest.mark.parametrize(
    "key", ["caf\u00e9", "\u2603", "\ud800", "", " ", "\0", "tk_", "pk_\u00e9", "x" * 1000]
)
def test_odd_keys_are_refused_and_no_trouble(small, key):
    with Client(small) as client:
        answer = client.ask("auth", auth=key)
    assert not answer["success"]
    assert "Internal" not in answer["message"]


@pytest.mark.parametrize("raw", [b"caf\xc3\xa9", b"\xff\xfe", b"tk_\xff", b"\x80" * 100])
def test_odd_keys_are_refused_over_http_too(small, raw):
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as sock:
        sock.sendall(
            b"GET /task?token=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "
            + raw
            + b"\r\n\r\n"
        )
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
    assert answer.split(b" ")[1] in (b"400", b"401")


def test_a_key_may_have_any_characters():
    with Emulator(api_key="clé-secrète") as server:
        with Client(server) as client:
            assert client.ask("auth", auth="clé-secrète")["success"]
        with Client(server) as client:
            assert not client.ask("auth", auth="cl?-secr?te")["success"]


# Limits


def test_a_large_pipeline_is_refused(small):
    code, answer = execute(small, pipeline("simulate", errors=["x" * 30_000]))
    assert (code, "exceeds" in answer["detail"]) == (413, True)


def test_endless_headers_are_refused(small):
    with socket.create_connection(("127.0.0.1", small.port), timeout=30) as sock, contextlib.suppress(
        OSError
    ):
        sock.sendall(b"GET /version HTTP/1.1\r\n")
        for number in range(100_000):
            sock.sendall(b"X-%d: %s\r\n" % (number, b"y" * 100))
        pytest.fail("they were all taken")


def test_the_first_task_that_has_ended_makes_room_for_the_next(small):
    def start(**config):
        code, answer = execute(small, pipeline("simulate", total=0, **config))
        assert code == 200, answer
        return answer["data"]["token"]

    ended = [start(seconds=0), start(seconds=0)]
    for token in ended:
        wait_for_end(small, token)
    running = [start(seconds=60), start(seconds=60), start(seconds=60)]
    assert ask(small, "GET", f"/task?token={ended[0]}")[0] == 400
    assert read_status(small, ended[1])["completed"]
    running.append(start(seconds=60))
    code, answer = execute(small, pipeline("simulate", seconds=60))
    assert (code, "may run no more" in answer["error"]["message"]) == (400, True)
    for token in running:
        assert ask(small, "DELETE", f"/task?token={token}")[0] == 200
    start(seconds=0)


def test_more_connections_than_there_may_be_are_refused(small):
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(connect(small))
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            connect(small)
        assert ask(small, "GET", "/version")[0] == 503
    wait_until(lambda: answers_again(small))


def answers_again(server):
    try:
        return ask(server, "GET", "/version")[0] == 200
    except (http.client.HTTPException, OSError):
        return False


def test_a_connection_with_too_many_open_requests_is_closed(small):
    """Here they wait for one of the task's pipes."""
    document = pipeline("dropper")
    with connect(small) as client, connect(small) as other:
        token = other.ask("execute", pipeline=document, threads=1)["body"]["token"]
        for _ in range(40):
            with contextlib.suppress(OSError, websocket.WebSocketException):
                client.request(
                    "rrext_process", subcommand="open", token=token, object={}, mimeType="text/plain"
                )
        assert client.close_code() == 1008
        assert other.ask("rrext_ping")["success"]
        assert other.ask("terminate", token=token)["success"]


def test_a_pipe_that_gets_no_data_is_dropped(small):
    with connect(small) as client:
        token = client.ask("execute", pipeline=pipeline("dropper"), threads=1)["body"]["token"]
        arguments = {"token": token, "object": {"name": "a"}, "mimeType": "text/plain"}
        pipe = client.ask("rrext_process", subcommand="open", **arguments)["body"]["pipe_id"]
        began = time.monotonic()
        while time.monotonic() - began < 1.2:  # longer than it may be idle
            assert client.answer_to(client.write(b"some text ", token=token, pipe_id=pipe))["success"]
        after = client.ask("rrext_process", subcommand="open", **arguments)  # waits for its turn
        assert after["success"]
        answer = client.answer_to(client.write(b"more", token=token, pipe_id=pipe))
        assert (answer["success"], "not found" in answer["message"]) == (False, True)
        status = read_status(small, token)
        assert status["failedCount"] == 1
        assert "no data came for 0.5 s" in status["errors"][0]
        client.ask("terminate", token=token)


def test_a_stalled_upload_gives_its_pipe_to_the_next(small):
    with connect(small) as client:
        token = client.ask("execute", pipeline=pipeline("dropper"), threads=1)["body"]["token"]
        with socket.create_connection(("127.0.0.1", small.port), timeout=30) as stalled:
            head = f"POST /task/data?token={token} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
            stalled.sendall(head.encode() + b"Content-Length: 100\r\n\r\nsome text")
            wait_until(lambda: read_status(small, token)["currentObject"])
            code, answer = ask_json(small, "POST", f"/task/data?token={token}", body=b"all of it")
        assert (code, answer["data"]["objectsCompleted"]) == (200, 1)
        client.ask("terminate", token=token)


def test_settings_may_lift_the_limit_of_idle_pipes():
    with Emulator(api_key=KEY, pipe_idle=0) as server, connect(server) as client:
        token = client.ask("execute", pipeline=pipeline("dropper"))["body"]["token"]
        arguments = {"token": token, "object": {"name": "a"}, "mimeType": "text/plain"}
        pipe = client.ask("rrext_process", subcommand="open", **arguments)["body"]["pipe_id"]
        assert client.ask("rrext_process", subcommand="close", token=token, pipe_id=pipe)["success"]
