"""The life cycle and the status of tasks, observed over HTTP."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from cases import each
from emulator_helpers import (
    execute,
    pipeline,
    read_status,
    request_json,
    wait_for_end,
    wait_until,
    word_count,
)

from rocketride_sync.errors import ServerError


def begin(server, document):
    code, answer = execute(server, document)
    assert code == 200, answer
    return answer["data"]["token"]


def test_counts_sizes_and_words_of_files(server, texts):
    """They match the file system and the texts."""
    files = sorted(path for path in texts.rglob("*") if path.is_file())
    token = begin(server, word_count(".", delay=0.1))
    status = wait_for_end(server, token)
    size = sum(path.stat().st_size for path in files)
    words = [word for path in files for word in path.read_bytes().split()]
    assert (status["totalCount"], status["completedCount"], status["failedCount"]) == (
        len(files),
        len(files),
        0,
    )
    assert (status["totalSize"], status["completedSize"]) == (size, size)
    assert (status["wordsCount"], status["wordsSize"]) == (len(words), sum(map(len, words)))
    assert (status["state"], status["exitCode"], status["status"]) == (5, 0, "Completed")
    assert status["startTime"] < status["endTime"]


@pytest.mark.skipif(not os.path.exists("/usr/bin/wc"), reason="needs wc")
def test_word_count_equals_wc(fast_server, texts):
    token = begin(fast_server, word_count("a.txt", "deep", "long.txt"))
    names = [texts / "a.txt", texts / "deep" / "b.txt", texts / "long.txt"]
    output = subprocess.run(
        ["/usr/bin/wc", "-w", *names], capture_output=True, text=True, check=True, env={"LC_ALL": "C.UTF-8"}
    ).stdout
    assert wait_for_end(fast_server, token)["wordsCount"] == int(output.split()[-2])


def test_without_a_wordcount_component_no_words_are_counted(fast_server):
    status = wait_for_end(fast_server, begin(fast_server, pipeline("files", paths=["a.txt"])))
    assert (status["completedCount"], status["wordsCount"]) == (1, 0)


def test_progress_is_visible_while_files_are_read(server):
    """The current item, its pipe, and the rates in hundredths per second."""
    token = begin(server, word_count("a.txt", "deep/b.txt", delay=0.8))
    first = read_status(server, token)
    assert first["currentObject"] == "filesys://a.txt"
    assert first["pipeflow"] == {"totalPipes": 1, "byPipe": {"0": ["a.txt", "src_1", "count_1"]}}
    assert first["serviceUp"] is True
    second = wait_until(
        lambda: next((s for s in [read_status(server, token)] if s["completedCount"] == 1), None)
    )
    assert second["currentObject"] == "filesys://deep/b.txt"
    assert 0 < second["rateCount"] <= 125
    assert second["rateSize"] > second["rateCount"]


@pytest.fixture
def broken(texts):
    """A folder among the texts, for one test alone: others count what is there."""
    folder = texts / "broken"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def link_out(texts):
    """A link that leads out of the root, for one test alone."""
    link = texts / "out"
    link.symlink_to("/etc")
    yield link
    link.unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")
def test_unreadable_files_fail_and_links_are_skipped(fast_server, broken):
    (broken / "good.txt").write_text("two words")
    (broken / "link.txt").symlink_to("/etc/hostname")
    (broken / "secret.txt").write_text("unreadable")
    document = word_count("broken", delay=1.5)
    code, answer = execute(fast_server, document)
    (broken / "secret.txt").unlink()
    assert code == 200, answer
    status = wait_for_end(fast_server, answer["data"]["token"])
    assert (status["completedCount"], status["failedCount"], status["totalCount"]) == (1, 1, 2)
    assert status["failedSize"] == len("unreadable")
    assert status["errors"] == ["Failed*cannot be read: No such file or directory*broken/secret.txt"]
    assert status["warnings"] == ["Warning*passed over: a symbolic link*broken/link.txt"]
    assert status["wordsCount"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX links")
@pytest.mark.parametrize(
    "path", ["../outside", "/etc/passwd", "deep/../../x", "out", "out/hostname", "nul\0"]
)
@pytest.mark.usefixtures("link_out")
def test_no_path_leads_out_of_the_root(fast_server, path):
    code, answer = execute(fast_server, word_count(path))
    assert code == 400
    assert "below the server's root" in answer["error"]["message"] or "link" in answer["error"]["message"]


def test_simulated_failures_show_in_counts_and_errors(server):
    config = {"seconds": 0.6, "total": 5, "failed": 2, "errors": ["bad input"], "warnings": ["careful"]}
    status = wait_for_end(server, begin(server, pipeline("simulate", **config)))
    assert (status["state"], status["exitCode"]) == (5, 0)
    assert (status["totalCount"], status["completedCount"], status["failedCount"]) == (5, 3, 2)
    assert status["warnings"] == ["Warning*careful*simulate:5"]
    assert "Failed*bad input*simulate:5" in status["errors"]


def test_only_the_newest_messages_are_kept(server):
    texts = [f"e{number}" for number in range(1070)]
    status = wait_for_end(server, begin(server, pipeline("simulate", seconds=0.5, total=7, errors=texts)))
    assert [error.split("*")[1] for error in status["errors"]] == texts[-1000:]


def test_a_fatal_exit_is_state_6_with_its_reason(server):
    document = pipeline("simulate", seconds=0.5, exit_code=1, exit_message="it crashed")
    status = wait_for_end(server, begin(server, document))
    assert (status["state"], status["exitCode"], status["exitMessage"]) == (6, 1, "it crashed")
    assert status["status"] == "Stopped"


def test_completed_is_true_while_the_task_is_still_stopping(server):
    token = begin(server, pipeline("simulate", seconds=0.4, stopping_seconds=1.0))
    lingering = wait_until(lambda: next((s for s in [read_status(server, token)] if s["completed"]), None))
    assert (lingering["state"], lingering["status"], lingering["serviceUp"]) == (4, "Stopping", False)
    assert wait_for_end(server, token)["state"] == 5


def test_terminate_cancels_and_may_be_repeated(server):
    token = begin(server, pipeline("simulate", seconds=60, total=600))
    for _ in range(2):
        assert request_json(server, "DELETE", f"/task?token={token}") == (200, {"status": "OK"})
    status = read_status(server, token)
    assert (status["state"], status["completed"], status["exitCode"]) == (6, True, 0)
    assert (status["status"], status["exitMessage"], status["serviceUp"]) == ("Stopped", "", False)
    assert status["completedCount"] < 600


@pytest.mark.parametrize("provider", ["webhook", "dropper"])
def test_a_receiving_source_runs_until_it_is_terminated(server, provider):
    token = begin(server, pipeline(provider))
    assert read_status(server, token)["state"] == 3
    request_json(server, "DELETE", f"/task?token={token}")
    assert read_status(server, token)["state"] == 6


def test_metrics_are_of_the_server_process_and_its_present_use_is_zero_at_the_end(server):
    token = begin(server, pipeline("simulate", forever=True))
    wait_until(lambda: read_status(server, token)["tokens"]["total"] > 0)
    metrics = read_status(server, token)["metrics"]
    assert 10 < metrics["cpu_memory_mb"] <= metrics["peak_cpu_memory_mb"] < 1000
    assert 0 < metrics["avg_cpu_memory_mb"] <= metrics["peak_cpu_memory_mb"]
    request_json(server, "DELETE", f"/task?token={token}")
    status = read_status(server, token)
    gauges = ("cpu_percent", "cpu_memory_mb", "gpu_memory_mb")
    assert {status["metrics"][name] for name in gauges} == {0.0}
    assert status["tokens"]["total"] > 0


def test_the_next_run_has_the_same_token_and_replaces_the_finished_one(server):
    document = pipeline("simulate", forever=True)
    token = begin(server, document)
    code, answer = execute(server, document)
    assert (code, answer["error"]["message"]) == (400, "Pipeline is already running.")
    request_json(server, "DELETE", f"/task?token={token}")
    first = wait_for_end(server, token)
    assert begin(server, document) == token
    second = read_status(server, token)
    request_json(server, "DELETE", f"/task?token={token}")
    assert second["state"] == 3
    assert second["startTime"] > first["startTime"]


def test_without_a_project_each_run_has_another_token(server):
    document = pipeline("simulate", forever=True)
    del document["project_id"]
    tokens = {begin(server, document) for _ in range(2)}
    assert len(tokens) == 2
    for token in tokens:
        request_json(server, "DELETE", f"/task?token={token}")


def test_the_caller_may_choose_the_token(server):
    code, answer = request_json(
        server, "POST", "/task?token=tk_mine_0001", body=pipeline("simulate", seconds=0.4)
    )
    assert (code, answer["data"]["token"]) == (200, "tk_mine_0001")
    assert read_status(server, "tk_mine_0001")["name"] == "mine_000.src_1.A source"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"seconds": 0, "exit_code": 1, "exit_message": "cannot load"}, "cannot load"),
        ({"seconds": 0}, "Task has already completed"),
    ],
)
def test_a_task_that_ends_at_once_fails_to_start_and_is_removed(default_server, config, message):
    document = pipeline("simulate", **config)
    code, answer = request_json(default_server, "POST", "/task?token=tk_early", body=document)
    assert (code, answer["error"]["message"]) == (400, message)
    code, answer = request_json(default_server, "GET", "/task?token=tk_early")
    assert (code, answer["error"]["message"]) == (400, "Your pipeline is not running")


def test_a_finished_task_is_removed_after_the_retention_time(fast_server):
    token = begin(fast_server, pipeline("simulate", seconds=0))
    wait_for_end(fast_server, token)
    wait_until(lambda: request_json(fast_server, "GET", f"/task?token={token}")[0] == 400)
    _, answer = request_json(fast_server, "GET", f"/task?token={token}")
    assert answer["error"]["message"] == "Your pipeline is not running"


def test_a_task_is_cancelled_when_its_ttl_expires_although_its_status_is_polled(texts):
    from emulator_helpers import KEY

    from rocketride_sync.emulator import Emulator

    with Emulator(api_key=KEY, ttl=0.5, scan_interval=0.05) as server:
        started = time.monotonic()
        status = wait_for_end(server, begin(server, pipeline("simulate", seconds=60)))
        assert time.monotonic() - started > 0.4
        assert (status["state"], status["exitCode"], status["completed"]) == (6, 0, True)


@each(
    ("change", "message"),
    [
        ({"components": []}, "'components' must be a list"),
        ({"components": [5]}, "components[0] must be an object"),
        ({"components": [{"id": "src_1"}]}, "components[0]: 'provider' must be"),
        ({"components": [{"id": "src_1", "provider": "magic"}]}, "unknown provider 'magic'"),
        ({"components": [{"id": "src_1", "provider": "webhook"}] * 2}, "the id 'src_1' is taken"),
        ({"source": None}, "Pipeline does not have a source component defined"),
        ({"source": ""}, "Pipeline does not have a source component defined"),
        ({"source": "nowhere"}, "'source' names no component: 'nowhere'"),
        ({"project_id": 5}, "'project_id' must be a string"),
        ({"project_id": "\ud800"}, "not a valid JSON document"),
        (
            {"components": [{"id": "src_1", "provider": "simulate", "config": {"second": 1}}]},
            "config: unknown 'second'",
        ),
        (
            {"components": [{"id": "src_1", "provider": "simulate", "config": {"seconds": "1"}}]},
            "config: 'seconds' must",
        ),
        (
            {"components": [{"id": "src_1", "provider": "simulate", "config": {"total": -1}}]},
            "config: 'total' must",
        ),
        ({"components": [{"id": "src_1", "provider": "files"}]}, "config: 'paths' must be a list of strings"),
        (
            {"components": [{"id": "src_1", "provider": "webhook", "input": [{"from": "x"}]}]},
            "no component 'x'",
        ),
        (
            {"components": [{"id": "src_1", "provider": "webhook"}, {"id": "c", "provider": "wordcount"}]},
            "component 'c' has no 'input'",
        ),
    ],
)
def test_an_invalid_pipeline_is_refused_with_the_reason(server, change, message):
    code, answer = execute(server, {**pipeline("simulate"), **change})
    assert code == 400
    assert message in answer["error"]["message"]


def test_a_pipeline_may_be_wrapped_in_an_object(server):
    token = begin(server, {"pipeline": pipeline("simulate", forever=True)})
    assert read_status(server, token)["state"] == 3
    request_json(server, "DELETE", f"/task?token={token}")


def test_work_is_activity_on_newer_servers_only():
    from emulator_helpers import KEY

    from rocketride_sync.emulator import Emulator

    document = pipeline("simulate", seconds=2.0, total=40)
    for generation, state in (("newer", 5), ("older", 6)):
        settings = {"generation": generation, "ttl": 0.9, "scan_interval": 0.05}
        with Emulator(api_key=KEY, **settings) as server:
            status = wait_for_end(server, begin(server, document))
            assert (status["state"], status["exitCode"]) == (state, 0)


def test_start_raises_the_servers_message(server):
    with pytest.raises(ServerError, match="unknown provider"):
        server.start(pipeline("magic"))
