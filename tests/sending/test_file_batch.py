"""`send_files`: results in order, progress, each file's own error, wrong files, over each transport."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from counting_tasks import GENEROUS, KEY, counting, words
from needing import needs

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    RocketRideClient,
    TransportError,
    TransportTimeoutError,
)
from rocketride_sync.sending import upload_threads
from rocketride_sync.transports.result_queue import ResultQueue

needs("fastapi", reason="needs the extra `emulator`")

MIB = 1024 * 1024
ENDS = ("complete", "error")


@pytest.fixture
def folder(tmp_path):
    for number in range(12):
        (tmp_path / f"{number:02}.txt").write_text("word " * number)
    return tmp_path


def test_files_are_sent_and_their_results_come_in_order(task, folder):
    paths = sorted(folder.iterdir(), reverse=True)
    results = task.send_files(paths)
    assert [r["filepath"] for r in results] == [str(path) for path in paths]
    assert [words(r["result"]) for r in results] == list(range(11, -1, -1))
    for result, path in zip(results, paths):
        assert result["action"] == "complete"
        assert result["result"]["name"] == path.name
        assert result["bytes_sent"] == result["file_size"] == path.stat().st_size
        assert 0 < result["upload_time"] < GENEROUS
        assert "error" not in result
    assert task.get_status().completed_count == 12


def test_the_shapes_of_files(task, folder):
    path = str(folder / "03.txt")
    files = [path, folder / "03.txt", (path, {"name": "other"}), (path, None, "text/x"), (path, {}, None)]
    results = task.send_files(files)
    assert [r["result"]["name"] for r in results][:4] == ["03.txt", "03.txt", "other", "03.txt"]
    assert {words(r["result"]) for r in results} == {3}


def test_the_type_is_guessed_from_the_name(folder):
    for name in ("a.json", "b.unknown-type"):
        (folder / name).write_text("{}")
    transport = MemoryTransport([{}] * 3)
    client = RocketRideClient("localhost", KEY, transport=transport)
    client.send_files(
        [folder / "a.json", folder / "b.unknown-type", (folder / "a.json", None, "x/y")], "tk_1"
    )
    types = [call.arguments["mimeType"] for call in transport.calls]
    assert types == ["application/json", "application/octet-stream", "x/y"]
    assert [call.arguments["object"] for call in transport.calls[:1]] == [{"name": "a.json", "size": 2}]


def test_progress_is_told_step_by_step_in_the_callers_thread(task, folder):
    large = folder / "large.txt"
    large.write_bytes(b"12345678" * (5 * MIB // 16))
    events, threads = [], set()

    def on_progress(event):
        events.append(event)
        threads.add(threading.current_thread())

    results = task.send_files([folder / "05.txt", large], on_progress=on_progress)
    assert threads == {threading.current_thread()}
    of_large = [event for event in events if event["filepath"] == str(large)]
    assert [event["action"] for event in of_large] == ["open", "write", "write", "write", "close", "complete"]
    assert [event["bytes_sent"] for event in of_large] == [0, MIB, 2 * MIB, *[5 * MIB // 2] * 3]
    assert {event["file_size"] for event in of_large} == {5 * MIB // 2}
    assert of_large[-1] is results[1]
    assert len([event for event in events if event["action"] in ENDS]) == 2


def test_a_file_that_fails_does_not_lose_the_others(task, folder):
    files = [folder / "01.txt", (folder / "03.txt", {"objectId": 5}), folder / "02.txt"]
    results = task.send_files(files)
    assert [r["action"] for r in results] == ["complete", "error", "complete"]
    assert "objectId" in results[1]["error"]
    assert results[1]["result"] is None
    assert [words(r["result"]) for r in (results[0], results[2])] == [1, 2]
    assert task.send("still works")


def test_a_file_that_goes_meanwhile_fails_alone(folder):
    class Removing(MemoryTransport):
        def call(self, operation, deadline):
            (folder / "02.txt").unlink(missing_ok=True)
            return super().call(operation, deadline)

    client = RocketRideClient("localhost", KEY, transport=Removing([{"name": "a"}, {"name": "c"}]))
    results = client.send_files([folder / name for name in ("01.txt", "02.txt", "03.txt")], "tk_1")
    assert [r["action"] for r in results] == ["complete", "error", "complete"]
    assert "02.txt' is not there" in results[1]["error"]
    assert (results[1]["file_size"], results[1]["bytes_sent"]) == (0, 0)


def test_each_file_has_its_own_error(client, folder):
    results = client.send_files([folder / "01.txt", folder / "02.txt"], "tk_0")
    assert [r["action"] for r in results] == ["error", "error"]
    assert all("not running" in r["error"] for r in results)


def test_more_files_than_the_server_has_slots(task, folder):
    files = [(folder / "04.txt", {"name": str(number)}) for number in range(60)]
    results = task.send_files(files, max_workers=16)
    assert [r["result"]["name"] for r in results] == [str(number) for number in range(60)]
    assert {words(r["result"]) for r in results} == {4}


def test_a_callback_that_raises_ends_it(client, task, folder):
    paths = sorted(folder.iterdir()) * 20
    seen = []

    def on_progress(event):
        seen.append(event)
        if len(seen) == 4:
            raise KeyError("enough")

    before = set(threading.enumerate())
    with pytest.raises(KeyError, match="enough"):
        task.send_files(paths, on_progress=on_progress)
    assert len(seen) == 4
    assert set(threading.enumerate()) <= before
    assert task.get_status().total_count < len(paths)
    assert client.send(task.token, "still works")


class InBytes:
    def __fspath__(self):
        return b"a.txt"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="needs file names that are any bytes")
def test_a_name_that_is_not_utf_8_is_refused_and_may_be_replaced(folder):
    path = folder / os.fsdecode(b"caf\xe9.txt")
    path.write_text("x")
    client = RocketRideClient("localhost", KEY, transport=MemoryTransport([{}]))
    with pytest.raises(ConfigurationError, match=r"files\[0\]: the name .*caf\\udce9.txt' is not UTF-8"):
        client.send_files([path], "tk_1")
    (result,) = client.send_files([(path, {"name": "café.txt"})], "tk_1")
    assert result["action"] == "complete"


NAMES = """
import os, sys
from rocketride_sync.sending.file_upload import read_entries
print(sys.getfilesystemencoding(), ascii([entry.info["name"] for entry in read_entries(sorted(os.listdir()))]))
"""


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="needs file names that are any bytes")
def test_a_name_in_utf_8_is_read_so_where_the_locale_is_another(folder):
    """A process: Python chooses the encoding of file names when it starts."""
    names = folder / "names"
    names.mkdir()
    (names / "über.txt").write_text("x")
    without_utf_8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", NAMES],
        cwd=names,
        env={**os.environ, **without_utf_8},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == f"ascii {['über.txt']!a}\n", done.stderr


def test_wrong_files_are_refused_before_anything_is_sent(folder):
    client = RocketRideClient("localhost", KEY, transport=MemoryTransport([]))
    good = folder / "01.txt"
    for files, problem in (
        ([], "empty"),
        ("a.txt", "list of paths"),
        (None, "list of paths"),
        ({good}, "list of paths"),
        ([good, folder / "gone.txt"], r"files\[1\].*gone.txt' is not there"),
        ([folder], "is a directory"),
        ([()], r"files\[0\]: it must be"),
        ([(good, {}, "x/y", 1)], r"files\[0\]: it must be"),
        ([b"a.txt"], r"files\[0\]: it must be"),
        ([InBytes()], r"files\[0\]: it must be"),
        ([None], r"files\[0\]: it must be"),
        ([(good, "name")], r"files\[0\]: objinfo"),
        ([good, (good, {"name": 5})], r"files\[1\]: objinfo\['name'\] must be a string"),
        ([(good, None, "text")], r"files\[0\]: .*MIME"),
    ):
        with pytest.raises(ConfigurationError, match=problem):
            client.send_files(files, "tk_1")
    for workers in (0, -1, True, 1.5):
        with pytest.raises(ConfigurationError, match="max_workers"):
            client.send_files([good], "tk_1", max_workers=workers)
    with pytest.raises(ConfigurationError, match="timeout"):
        client.send_files([good], "tk_1", timeout=-1)


def test_a_bug_in_a_transport_comes_out(folder):
    class Broken(MemoryTransport):
        def call(self, operation, deadline):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        RocketRideClient("localhost", KEY, transport=Broken([])).send_files([folder / "01.txt"] * 3, "tk_1")


def test_each_file_has_a_timeout_of_its_own(folder):
    budgets = []

    class Budgets(MemoryTransport):
        def call(self, operation, deadline):
            budgets.append(deadline.remaining())
            return {}

    client = RocketRideClient("localhost", KEY, transport=Budgets([]))
    client.send_files([folder / "01.txt"] * 2, "tk_1", timeout=50)
    client.send_files([folder / "01.txt"], "tk_1")
    assert all(40 < budget <= 50 for budget in budgets[:2])
    assert budgets[2] == float("inf")


def test_sending_can_be_scripted(folder):
    transport = MemoryTransport(
        [{"name": "a"}, TransportError("broken"), {"name": "c"}, TransportTimeoutError("late")]
    )
    client = RocketRideClient("localhost", KEY, transport=transport)
    assert client.send("tk_1", "text") == {"name": "a"}
    results = client.send_files([folder / "02.txt", folder / "03.txt"], "tk_1")
    assert [r["action"] for r in results] == ["error", "complete"]
    with pytest.raises(TransportTimeoutError):
        client.send("tk_1", "late")
    assert transport.sent == [b"text", b"word word ", b"word word word ", b"late"]
    assert [call.name for call in transport.calls] == ["send", "send_files", "send_files", "send"]


MEASURE = """
import sys
from pathlib import Path
from rocketride_sync import RocketRideClient
_, uri, key, token, transport, small, large = sys.argv
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
with RocketRideClient(uri, key, transport=transport) as client:
    client.send_files([small], token)
    idle = peak()
    (result,) = client.send_files([large], token)
    assert result["bytes_sent"] == 96 << 20, result
    print(peak() - idle)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_large_file_takes_no_memory(server, folder, transport):
    with open(folder / "large.bin", "wb") as file:
        os.truncate(file.fileno(), 96 * MIB)
    with RocketRideClient(server.uri, KEY) as client, counting(client) as task:
        arguments = [
            server.uri,
            KEY,
            task.token,
            transport,
            str(folder / "01.txt"),
            str(folder / "large.bin"),
        ]
        run = subprocess.run(
            [sys.executable, "-c", MEASURE, *arguments], stdout=subprocess.PIPE, timeout=GENEROUS
        )
    assert run.returncode == 0
    assert int(run.stdout) < 30


NO_THREADS = {
    "none": range(1, 100),  # a container's limit, or the interpreter's end
    "one": range(2, 100),
}


@pytest.fixture(params=NO_THREADS)
def few_threads(request, monkeypatch):
    """Of the threads for uploads only the first starts, or none."""
    start, started = threading.Thread.start, []

    def limited(thread):
        started.append(thread.name)
        if thread.name == "rocketride-upload" and started.count(thread.name) in NO_THREADS[request.param]:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    return started


def scripted(results):
    return RocketRideClient("localhost", KEY, transport=MemoryTransport(results))


def test_with_too_few_threads_all_files_are_sent(few_threads, folder):
    events = []
    results = scripted([{"name": "x"}] * 12).send_files(
        sorted(folder.iterdir()), "tk_1", max_workers=4, on_progress=events.append
    )
    assert [r["action"] for r in results] == ["complete"] * 12
    assert [event for event in events if event["action"] in ENDS] == results
    assert "rocketride-upload" in few_threads


@pytest.mark.parametrize("listens", [True, False])
def test_threads_wake_the_caller_only_for_a_callback_and_for_the_end(monkeypatch, folder, listens):
    wakings = []

    class Counted(ResultQueue):
        def put(self, item):
            wakings.append(item)
            super().put(item)

    monkeypatch.setattr(upload_threads, "ResultQueue", Counted)
    files = sorted(folder.iterdir())
    options = {"on_progress": lambda event: None} if listens else {}
    results = scripted([{"name": "x"}] * 12).send_files(files, "tk_1", max_workers=4, **options)
    assert [r["action"] for r in results] == ["complete"] * 12
    # Each of four threads may see the end.
    assert len(wakings) >= 3 * 12 if listens else 1 <= len(wakings) <= 4


@pytest.mark.parametrize("mine", [StopIteration("mine"), ValueError("mine"), TransportError("mine")])
@pytest.mark.parametrize("at", ["open", "close", "complete"])
def test_an_exception_of_the_callback_comes_out_unchanged(task, folder, mine, at):
    def on_progress(event):
        if event["action"] == at:
            raise mine

    with pytest.raises(type(mine)) as caught:
        task.send_files([folder / "01.txt", folder / "02.txt"], on_progress=on_progress)
    assert caught.value is mine


@pytest.mark.parametrize("mine", [StopIteration("mine"), ValueError("mine"), TransportError("mine")])
def test_an_exception_of_the_callback_comes_out_unchanged_without_threads(few_threads, task, folder, mine):
    def on_progress(event):
        if event["action"] == "open":
            raise mine

    with pytest.raises(type(mine)) as caught:
        task.send_files([folder / "01.txt"], on_progress=on_progress)
    assert caught.value is mine
