"""`run`, `send`, `stop` and `list`, against a server that does real work."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import impatient_command
import pytest
from command import KEY, PROGRAM, environment, run_into
from command_call import call_command
from command_process import start_command
from needing import needs
from transports.dap_peer import dap
from transports.loopback import Server as DapServer

from rocketride_sync import RocketRideClient
from rocketride_sync.cli import secret_input
from rocketride_sync.client import pipeline_run
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECONDS = 60
FAST = ("--interval", "0.1")
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

numbers = iter(range(10**6))


@pytest.fixture(scope="module")
def server():
    with Emulator(api_key=KEY, stop_seconds=0, early_end=0, scan_interval=0.1) as running:
        yield running


@pytest.fixture
def client(server):
    with RocketRideClient(server.uri, KEY) as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_is_left_running(client):
    yield
    left = client.get_tasks()
    for task in left:
        client.terminate(task.token)
    assert [task.name for task in left] == []


def command(server, *arguments, stdin="", **variables):
    variables = {"ROCKETRIDE_URI": server.uri, "ROCKETRIDE_APIKEY": KEY, **variables}
    return call_command(arguments, environment(**variables), stdin=stdin)


def started(server, *arguments, **how):
    return start_command(
        arguments,
        environment(ROCKETRIDE_URI=server.uri, ROCKETRIDE_APIKEY=KEY),
        **how,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def until(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def write_pipeline(folder, provider, **config):
    """A pipeline's file, of a project of its own, whose source counts words."""
    components = [
        {"id": "in", "provider": provider, "config": config},
        {"id": "count", "provider": "wordcount", "input": [{"lane": "data", "from": "in"}]},
    ]
    name = f"cli-{next(numbers)}-{os.getpid()}"
    path = folder / f"{name}.pipe"
    document = {"name": name, "project_id": name, "source": "in", "components": components}
    path.write_text(json.dumps({"pipeline": document}))
    return str(path)


@pytest.fixture
def dropper(tmp_path):
    return write_pipeline(tmp_path, "dropper")


@pytest.fixture
def simulation(tmp_path):
    def write(**config):
        return write_pipeline(tmp_path, "simulate", **{"seconds": 0.6, "total": 3, **config})

    return write


@pytest.fixture
def texts(tmp_path):
    paths = []
    for name, text in {"a.txt": "one two three\n", "b.txt": "four\nfive"}.items():
        (tmp_path / name).write_text(text)
        paths.append(str(tmp_path / name))
    return paths


def problems(completed):
    return [line for line in completed.stderr.splitlines() if line.startswith("rocketride-sync: ")]


def words_of(result):
    return result["result"]["wordcount"]["wordsCount"]


def words_in(path):
    """What `wc -w` counts in a UTF-8 locale. In others its versions differ about words without an ASCII letter, such as "…"."""
    with open(path, "rb") as file:
        return len(file.read().split())


# run, with a source that takes data


@posix
def test_run_over_our_own_docs_counts_what_wc_counts(server, dropper):
    files = [str(path) for path in sorted(DOCS.glob("*.md"))]
    assert files
    done = command(server, "run", dropper, *files, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    expected = [words_in(file) for file in files]
    assert [words_of(result) for result in document["results"]] == expected
    assert [result["filepath"] for result in document["results"]] == files
    assert document["status"]["wordsCount"] == sum(expected)
    assert document["status"]["completedCount"] == len(files)
    assert document["outcome"] == "succeeded"
    assert "token" not in document


def test_run_prints_what_the_pipeline_made_of_each_file(server, dropper, texts):
    done = command(server, "run", dropper, *texts)
    assert (done.returncode, done.stderr) == (0, "")
    first, counts, second, *_ = done.stdout.splitlines()
    assert first.startswith(f"{texts[0]}: 14 bytes in ")
    assert counts.startswith("  wordcount: {")
    assert '"wordsCount": 3' in counts
    assert second.startswith(f"{texts[1]}: 9 bytes in ")
    assert re.search(r"^Sent +2 of 2$", done.stdout, re.MULTILINE)


def test_run_is_quiet_on_request(server, dropper, texts):
    done = command(server, "run", dropper, *texts, "--quiet", "--progress")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("options", [[], ["--name", "The nightly run"]])
def test_a_quiet_failure_is_told_with_the_name_of_what_failed_and_why(server, simulation, options):
    pipeline = simulation(exit_code=1, exit_message="no more", errors=["bad input"])
    done = command(server, "run", pipeline, "--quiet", *FAST, *options)
    assert (done.returncode, done.stdout) == (1, "")
    name = options[-1] if options else os.path.basename(pipeline)
    assert done.stderr.splitlines() == [
        "task error: bad input (Failed, simulate:3)",
        f"rocketride-sync: {name}: the task failed with exit code 1: no more",
    ]


def test_a_quiet_failure_of_files_names_them(server, dropper, texts, client):
    token = client.use(filepath=dropper).token
    client.terminate(token)
    done = command(server, "send", token, *texts, "--quiet")
    assert (done.returncode, done.stdout) == (1, "")
    *files, problem = done.stderr.splitlines()
    assert problem.endswith(": 2 of 2 files failed")
    assert [line.partition(": sending the file failed: ")[0] for line in files] == [
        f"file error: {path}" for path in texts
    ]


def test_run_shows_how_far_the_files_are(server, dropper, texts):
    done = command(server, "run", dropper, *texts, "--progress")
    assert done.returncode == 0
    assert "sending, 23 of 23 bytes" in done.stderr


def test_options_may_stand_between_the_files(server, dropper, texts):
    done = command(server, "run", dropper, "--json", texts[0], "--source", "in", texts[1])
    assert done.returncode == 0, done.stderr
    assert [result["filepath"] for result in json.loads(done.stdout)["results"]] == texts


@pytest.mark.parametrize("options", [(), ("--source", "in")])
def test_what_comes_after_two_dashes_is_a_file(server, dropper, texts, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    odd = ["-dash.txt", "--quiet", "--"]
    for name in odd:
        Path(name).write_text("some words")
    done = command(server, "run", dropper, *options, texts[0], "--json", "--", *odd)
    assert done.returncode == 0, done.stderr
    assert [result["filepath"] for result in json.loads(done.stdout)["results"]] == [texts[0], *odd]


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_file_that_is_none_is_noticed_before_anything_starts(server, dropper, texts, tmp_path, what):
    (tmp_path / "folder").mkdir()
    done = command(server, "run", dropper, texts[0], str(tmp_path / what))
    assert done.returncode == 2
    assert what in problems(done)[0]


def test_a_source_that_takes_data_wants_files(server, dropper):
    done = command(server, "run", dropper)
    assert done.returncode == 2
    assert "FILEs" in problems(done)[0]


def test_a_source_that_takes_none_wants_none(server, simulation, texts):
    done = command(server, "run", simulation(), *texts)
    assert done.returncode == 2
    assert "takes no data" in problems(done)[0]


# run, with a source that ends by itself


@pytest.mark.parametrize(
    ("config", "options", "code"),
    [
        ({}, [], 0),
        ({"failed": 1}, [], 1),
        ({"failed": 1}, ["--allow-failures"], 0),
        ({"exit_code": 1, "exit_message": "no more"}, ["--allow-failures"], 1),
    ],
)
def test_run_waits_for_the_end(server, simulation, config, options, code):
    done = command(server, "run", simulation(**config), *FAST, *options, "--json")
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert document["status"]["completed"] is True
    assert document["outcome"] == ("failed" if "exit_code" in config else "succeeded")


def test_a_name_and_threads_are_passed_on(server, simulation, client):
    process = started(server, "run", simulation(forever=True), "--name", "Nightly words", "--threads", "2")
    until(client.get_tasks)
    (task,) = client.get_tasks()
    assert client.get_task_status(task.token).name.startswith("Nightly words")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=SECONDS)


def test_a_timeout_ends_the_task(server, simulation):
    done = command(server, "run", simulation(forever=True), *FAST, "--timeout", "3", "--json")
    assert done.returncode == 124, done.stderr
    assert "the task was ended" in problems(done)[0]
    assert "runs on" not in done.stderr
    document = json.loads(done.stdout)
    assert document["error"]["type"] == "WaitTimeoutError"
    assert document["status"]["state"] == 3


@posix
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, -signal.SIGINT),
        (signal.SIGTERM, -signal.SIGTERM),
        (getattr(signal, "SIGHUP", None), -getattr(signal, "SIGHUP", 0)),
    ],
)
def test_a_signal_ends_the_task(server, simulation, client, number, code):
    process = started(server, "run", simulation(forever=True), "--verbose")
    while "subscribed to events" not in process.stderr.readline():
        assert process.poll() is None  # until it waits: a task is there before its start is answered
    process.send_signal(number)
    trouble = process.stderr.read()
    process.communicate(timeout=SECONDS)
    assert process.returncode == code, trouble
    assert "Traceback" not in trouble
    assert trouble.endswith("; the task was ended\n")
    assert client.get_tasks() == []


@posix
def test_ctrl_c_while_a_file_is_sent_ends_the_task(server, dropper, client, tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(2**32)  # holds nothing but zeros, and takes no space
    process = started(server, "run", dropper, str(tmp_path / "large"))
    until(lambda: any(client.get_task_status(task.token).total_count for task in client.get_tasks()))
    process.send_signal(signal.SIGINT)
    _, trouble = process.communicate(timeout=SECONDS)
    assert process.returncode == -signal.SIGINT, trouble
    assert trouble.endswith(": interrupted; the task was ended\n")
    assert client.get_tasks() == []


@pytest.fixture
def slow():
    """A server where a start takes an hour."""
    with Emulator(api_key=KEY, init_seconds=3600, stop_seconds=0) as running:
        yield running


@posix
@pytest.mark.parametrize("options", [[], ["--keep"]])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_signal_during_the_start_leaves_no_task_behind(tmp_path, slow, number, code, options):
    pipeline = write_pipeline(tmp_path, "simulate", forever=True)
    with RocketRideClient(slow.uri, KEY) as client:
        process = started(slow, "run", pipeline, *options)
        until(client.get_tasks)
        process.send_signal(number)
        told = process.stderr.readline()
        assert told.startswith("rocketride-sync: interrupted while the task starts")
        # What readline() has read ahead too, which communicate() would pass over.
        trouble = process.stderr.read()
        process.communicate(timeout=SECONDS)
        assert process.returncode == code
        assert trouble.endswith("; the task was ended\n")
        assert client.get_tasks() == []


def test_the_timeout_counts_for_the_start_too(tmp_path, slow):
    pipeline = write_pipeline(tmp_path, "simulate", forever=True)
    # Not "auto": if the handshake took too much of this second, that would go over HTTP, and warn first.
    done = command(slow, "run", pipeline, "--timeout", "1", "--json", "--transport", "websocket")
    assert done.returncode == 124, done.stderr
    assert re.search(r"the task had not started after \d\.\d s; the task was ended", problems(done)[0])
    assert json.loads(done.stdout)["error"]["type"] == "WaitTimeoutError"
    with RocketRideClient(slow.uri, KEY) as client:
        assert client.get_tasks() == []


@posix
@pytest.mark.parametrize("how", ["timeout", "signal"])
def test_a_task_that_cannot_be_found_is_named(tmp_path, how):
    """The server takes the start and then answers nothing any more. The task is looked for to the end of that time."""
    assert pipeline_run.ENDING_SECONDS == 10.0, "as the documentation says: the command below has a second"
    asked = threading.Event()

    def action(connection):
        while True:
            request = connection.request()
            if request["command"] == "execute":
                asked.set()
            elif not asked.is_set():  # the look for the run before
                connection.refuse(request, "Your pipeline is not running")

    pipeline = write_pipeline(tmp_path, "simulate")
    with DapServer(dap(action)) as server:
        options = ["--timeout", "2"] if how == "timeout" else []
        words = ["run", pipeline, "--transport", "websocket", *options]
        process = started(SimpleNamespace(uri=server.url), *words, module=impatient_command.__name__)
        assert asked.wait(SECONDS)
        began = time.monotonic()
        if how == "signal":
            process.send_signal(signal.SIGINT)
        _, trouble = process.communicate(timeout=SECONDS)
        assert impatient_command.ENDING_SECONDS <= time.monotonic() - began < 10
    assert process.returncode == (124 if how == "timeout" else -signal.SIGINT), trouble
    name = os.path.basename(pipeline)[: -len(".pipe")]
    assert f"may run on (project '{name}', source 'in')" in trouble


def test_a_pipeline_that_cannot_start_is_a_failure(server, tmp_path):
    done = command(server, "run", write_pipeline(tmp_path, "no-such-provider"))
    assert done.returncode == 1
    assert "no-such-provider" in problems(done)[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is not there"),
        ("{", "JSON"),
        ('{"components": []}', "--source"),
        ('{"source": "x", "components": []}', "'x'"),
        ('{"source": "x", "components": [{"id": "x", "provider": "webhook"}]}', "takes data"),
    ],
)
def test_a_useless_pipeline(server, tmp_path, text, message):
    file = tmp_path / "useless.pipe"
    if text is not None:
        file.write_text(text)
    done = command(server, "run", str(file), "--json")
    assert done.returncode == 2
    assert message in problems(done)[0]
    assert "useless.pipe" in problems(done)[0]
    assert json.loads(done.stdout)["error"]["type"] == "ConfigurationError"


def test_run_over_http_warns_of_the_ttl_it_cannot_set(server, simulation):
    done = command(server, "run", simulation(), *FAST, "--transport", "http")
    assert done.returncode == 0, done.stderr
    assert "15 minutes" in problems(done)[0]


def test_a_name_takes_websocket(server, simulation):
    done = command(server, "run", simulation(), "--name", "mine", "--transport", "http")
    assert done.returncode == 2
    assert problems(done)[1] == (
        "rocketride-sync: mine: starting the pipeline with --name: the server does not offer this over HTTP; "
        "leave out --transport http"
    )


def test_placeholders_are_filled_from_the_env_file_and_the_key_is_not(server, tmp_path):
    settings = tmp_path / "job.env"
    settings.write_text(f"ROCKETRIDE_APIKEY={KEY}\nROCKETRIDE_REASON=from the file\n")
    pipeline = write_pipeline(
        tmp_path, "simulate", seconds=0.5, exit_code=1, exit_message="${ROCKETRIDE_REASON}"
    )
    done = command(server, "run", pipeline, *FAST, "--env-file", str(settings), ROCKETRIDE_APIKEY="")
    assert done.returncode == 1
    assert "from the file" in problems(done)[0]
    stolen = write_pipeline(tmp_path, "simulate", exit_message="${ROCKETRIDE_APIKEY}")
    variables = environment(ROCKETRIDE_URI=server.uri)
    done = subprocess.run(
        [*PROGRAM, "run", stolen, "--env-file", str(settings)],
        env=variables,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
    )
    assert done.returncode == 2
    assert KEY not in done.stdout + done.stderr


def test_a_variable_that_is_not_set_is_told(server, tmp_path):
    pipeline = write_pipeline(
        tmp_path, "simulate", seconds=0.5, exit_code=1, exit_message="${ROCKETRIDE_REASON}"
    )
    done = command(server, "run", pipeline, *FAST, "--quiet")
    assert problems(done)[0] == (
        "rocketride-sync: warning: the pipeline refers to variables that are not set, and stay as they are: "
        "${ROCKETRIDE_REASON}; set them, or give them with --env-file"
    )


# --keep, list, stop


def test_a_kept_task_is_listed_and_stopped(server, dropper, client):
    done = command(server, "run", dropper, "--keep", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    (task,) = client.get_tasks()
    assert done.stdout == f"{task.token}\n"
    listed = command(server, "list")
    header, row = listed.stdout.splitlines()
    assert header.split() == ["TOKEN", "NAME", "PROJECT", "SOURCE", "STARTED", "STATUS"]
    assert row.split()[:4] == [f"{task.token[:7]}…", task.name, task.name, "in"]
    refused = command(server, "stop", row.split()[0])
    assert (refused.returncode, "shortened" in problems(refused)[0]) == (2, True)
    assert task.token not in listed.stdout
    assert command(server, "list", "--show-tokens").stdout.splitlines()[1].split()[0] == task.token
    stopped = command(server, "stop", "-", stdin=task.token)
    assert stopped.returncode == 0
    assert re.search(r"^Outcome +cancelled$", stopped.stdout, re.MULTILINE)
    assert client.get_tasks() == []
    again = command(server, "stop", "--json", ROCKETRIDE_TOKEN=task.token)
    assert (again.returncode, json.loads(again.stdout)["outcome"]) == (0, "cancelled")


def test_a_task_that_ends_by_itself_is_kept_without_waiting(server, simulation, client):
    done = command(server, "run", simulation(forever=True), "--keep", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["outcome"]) == (0, "running")
    assert client.get_task_status(document["token"]).state == 3
    assert command(server, "stop", document["token"], "--quiet").stdout == ""


@posix
@pytest.mark.parametrize("kind", ["closed", "full", "gone"])
@pytest.mark.parametrize("options", [[], ["--json"], ["--quiet"]])
@pytest.mark.parametrize("files", [False, True])
def test_a_task_whose_token_reached_nobody_is_ended(server, dropper, texts, kind, options, files, client):
    words = ["run", dropper, *(texts if files else []), "--keep", *options]
    variables = environment(ROCKETRIDE_URI=server.uri, ROCKETRIDE_APIKEY=KEY)
    done = run_into(kind, words, variables, process=not options and not files)
    assert done.returncode in (74, 141), done.stderr
    assert "token" in problems(done)[-1] or "token" in problems(done)[0]
    assert "the task was ended" in done.stderr
    assert client.get_tasks() == []


def test_only_one_run_at_a_time(server, dropper, texts):
    token = command(server, "run", dropper, "--keep").stdout.strip()
    done = command(server, "run", dropper, *texts, "--json")
    assert done.returncode == 1
    assert "active already" in problems(done)[0]
    assert json.loads(done.stdout)["error"]["type"] == "TaskAlreadyRunningError"
    way = problems(done)[0].partition("stop --project ")[2].split()
    assert token not in done.stderr
    assert command(server, "stop", "--project", *way).returncode == 0
    assert command(server, "stop", "--project", *way).returncode == 6
    assert command(server, "list").stdout == ""


def test_a_run_may_have_a_ttl(server, simulation):
    done = command(server, "run", simulation(forever=True), "--ttl", "0.2", *FAST, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["outcome"]) == (3, "cancelled"), done.stderr
    assert command(server, "list").stdout == ""


def test_a_ttl_takes_websocket(server, simulation):
    done = command(server, "run", simulation(), "--ttl", "1h", "--transport", "http")
    assert done.returncode == 2
    assert "--ttl" in problems(done)[0]


def test_the_list_as_json_holds_no_pipeline(server, dropper):
    token = command(server, "run", dropper, "--keep").stdout.strip()
    for options, shown in ([], f"{token[:7]}…"), (["--show-tokens"], token):
        document = json.loads(command(server, "list", "--json", *options).stdout)
        assert document["error"] is None
        (task,) = document["tasks"]
        assert task["token"] == shown
        assert sorted(task) == ["description", "name", "project", "source", "startTime", "status", "token"]
    command(server, "stop", token)


def test_an_empty_list(server):
    done = command(server, "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(command(server, "list", "--json").stdout)["tasks"] == []


def test_the_list_takes_websocket(server):
    assert command(server, "list", "--transport", "http").returncode == 2


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_stopping_an_unknown_task(server, transport):
    done = command(server, "stop", "tk_unknown", "--transport", transport)
    assert done.returncode == 6
    assert done.stdout == ""


# send


@pytest.fixture
def token(server, dropper):
    given = command(server, "run", dropper, "--keep").stdout.strip()
    yield given
    command(server, "stop", given)


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_send(server, token, texts, transport, client):
    done = command(server, "send", token, *texts, "--json", "--transport", transport)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [words_of(result) for result in document["results"]] == [3, 2]
    assert document["outcome"] == "succeeded"
    assert document["status"]["wordsCount"] == 5
    assert client.get_task_status(token).state == 3


@pytest.mark.parametrize("way", ["stdin", "environment", "both"])
def test_where_send_takes_the_token_from(server, token, texts, way):
    arguments = {"stdin": ["-", *texts], "environment": texts, "both": [token, *texts]}[way]
    variables = {
        "stdin": {},
        "environment": {"ROCKETRIDE_TOKEN": token},
        "both": {"ROCKETRIDE_TOKEN": "tk_other"},
    }[way]
    done = command(server, "send", *arguments, stdin=token, **variables)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Sent +2 of 2$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("arguments", [["tk_1"], ["tk_1", "there is no such file"], ["-"]])
def test_send_without_files(server, arguments):
    done = command(server, "send", *arguments, stdin="tk_1")
    assert done.returncode == 2
    assert "file" in problems(done)[0].lower()


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_time_is_up_while_files_are_sent(server, token, tmp_path, transport):
    large = tmp_path / "large.bin"
    with open(large, "wb") as file:
        file.truncate(1 << 33)
    done = command(
        server, "send", token, str(large), str(large), "--json", "--timeout", "2", "--transport", transport
    )
    assert done.returncode == 124, done.stderr
    assert json.loads(done.stdout)["error"]["type"] == "WaitTimeoutError"
    assert "0 of 2 files were through after 2 s" in problems(done)[-1]
    assert done.stderr.count("were through") == 1, "it is no fault of a file"


def test_sending_to_an_unknown_task(server, texts):
    done = command(server, "send", "tk_unknown", *texts, "--json")
    assert done.returncode == 6
    assert json.loads(done.stdout)["error"]["type"] == "TaskNotFoundError"


def test_sending_to_a_task_that_takes_no_data(server, simulation, texts):
    token = command(server, "run", simulation(forever=True), "--keep").stdout.strip()
    done = command(server, "send", token, *texts)
    assert done.returncode == 1
    assert "2 of 2 files failed" in problems(done)[-1]
    assert done.stderr.count("file error: ") == 2
    assert re.search(r"^Sent +0 of 2, 2 failed$", done.stdout, re.MULTILINE)
    command(server, "stop", token)


@pytest.fixture(scope="module")
def narrow():
    """A server that refuses messages above 4 KB."""
    with Emulator(api_key=KEY, stop_seconds=0, max_message_bytes=4096) as running:
        yield running


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--allow-failures"], 0)])
def test_a_file_that_fails_does_not_lose_the_others(narrow, dropper, texts, tmp_path, options, code):
    (tmp_path / "large.txt").write_text("word " * 2000)
    done = command(narrow, "run", dropper, str(tmp_path / "large.txt"), *texts, "--json", *options)
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert [result["action"] for result in document["results"]] == ["error", "complete", "complete"]
    why = document["results"][0]["error"]
    assert why.endswith(
        "the counts of the task's status tell whether it took the file"
    )  # in words of the command line
    assert f"large.txt: {why}\n" in done.stderr
    assert document["outcome"] == "failed"
    assert len(problems(done)) == code
    assert done.stderr.count("file error: ") == 1


def test_a_timeout_that_leaves_no_time_for_the_status(server, token, texts):
    done = command(server, "send", token, *texts, "--timeout", "0.000001", "--json")
    assert done.returncode == 5, done.stderr
    assert "nothing was sent: " in problems(done)[0]
    assert json.loads(done.stdout)["exit_code"] == 5


@pytest.mark.parametrize("option", [("--timeout", "-1"), ("--timeout", "nan"), ("--interval", "0")])
def test_useless_times_are_noticed_before_anything_starts(server, simulation, option):
    done = command(server, "run", simulation(exit_code=1), *option)
    assert done.returncode == 2
    assert option[0] in problems(done)[0]


@pytest.fixture
def slow_input(monkeypatch):
    """Reading standard input or a file with secrets takes a minute and a half."""
    passed, monotonic, read = [0.0], time.monotonic, secret_input.read_up_to

    def read_slowly(*args):
        passed[0] += 90
        return read(*args)

    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed[0])
    monkeypatch.setattr(secret_input, "read_up_to", read_slowly)
    return passed


@pytest.mark.parametrize(
    "words", ["check", "run", "run FILE", "send FILE", "wait", "wait -", "wait --project"]
)
def test_no_timeout_counts_the_time_of_reading_a_key_or_token(
    server, dropper, simulation, texts, token, slow_input, client, words, tmp_path
):
    """A person types it, or a program that asks another one for it writes it."""
    name, *what = words.split()
    arguments = {
        "check": [],
        "run": [simulation()],
        "run FILE": [write_pipeline(tmp_path, "dropper"), texts[0]],
        "send FILE": [token, texts[0]],
        "wait": [token, *FAST],
        "wait -": ["-", *FAST],
        "wait --project": ["--project", Path(dropper).stem, "--source", "in", *FAST],
    }[words]
    stdin = token if what == ["-"] else KEY
    key = {"ROCKETRIDE_APIKEY": KEY} if what == ["-"] else {}
    options = [] if key else ["--apikey-file", "-"]
    variables = environment(ROCKETRIDE_URI=server.uri, **key)
    if name == "wait":
        client.terminate(token)
    done = call_command([name, *arguments, *options, "--timeout", "30"], variables, stdin=f"{stdin}\n")
    assert slow_input[0]
    assert done.returncode == (3 if name == "wait" else 0), done.stderr
