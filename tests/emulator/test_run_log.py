"""`rrext_log`: what a newer server knows of runs, also of forgotten ones. docs/protocol.md, "The run log"."""

import json
import os

import pytest
from emulator_helpers import KEY, pipeline, read_status, wait_for_end, wait_until
from websocket_client import connect, start_task

from rocketride_sync.emulator import Emulator
from rocketride_sync.errors import ConfigurationError

SETTINGS = {"early_end": 0, "init_seconds": 0, "stop_seconds": 0, "retention": 2.0, "scan_interval": 0.05}
FINAL = ["apaevt_status_update", "apaevt_log_lifecycle"]


@pytest.fixture(scope="module")
def server():
    """A server that forgets finished tasks at once, but not their runs."""
    with Emulator(api_key=KEY, **SETTINGS) as running:
        yield running


@pytest.fixture
def client(server):
    with connect(server) as client:
        yield client


def log(client, subcommand, document, **arguments):
    key = {"projectId": document["project_id"], "source": "src_1"}
    return client.call("rrext_log", subcommand=subcommand, **{**key, **arguments})


def chapters(client, document, **arguments):
    return log(client, "chapters", document, **arguments)["body"]["chapters"]


def closed_chapters(client, document, number):
    """The chapters, once that many are closed."""

    def closed():
        found = chapters(client, document)
        return found if len([c for c in found if c["endTime"] is not None]) == number else None

    return wait_until(closed, "the end of the chapter")


def run(client, server, document, **arguments):
    token = start_task(client, document, **arguments)["token"]
    return wait_for_end(server, token)


def final_status(client, document, chapter, **arguments):
    events = log(client, "read", document, fromSeq=chapter["beginSeq"], types=FINAL, **arguments)["body"][
        "events"
    ]
    return [e["body"] for e in events if e["body"].get("final")][-1]


def test_the_final_status_of_a_forgotten_run(server, client):
    document = pipeline("simulate", seconds=0.05, failed=1)
    token = start_task(client, document)["token"]
    status = wait_for_end(server, token)
    wait_until(lambda: not client.call("rrext_get_task_status", token=token)["success"])
    (chapter,) = closed_chapters(client, document, 1)
    assert (chapter["outcome"], "reason" in chapter) == ("ok", False)
    assert 0 <= chapter["beginTime"] - status["startTime"] < 5
    assert chapter["endTime"] >= status["endTime"]
    logged = final_status(client, document, chapter)
    assert {key: logged[key] for key in status} == status
    stamps = {key: logged[key] for key in ("project_id", "source", "runKind", "teamId", "userId")}
    assert stamps == {
        "project_id": document["project_id"],
        "source": "src_1",
        "runKind": "dev",
        "teamId": "",
        "userId": "local",
    }


@pytest.mark.parametrize(
    ("config", "stopped_by", "outcome"),
    [
        ({}, None, "ok"),
        ({"exit_code": 1, "exit_message": "bad"}, None, "cancelled"),
        ({"forever": True}, "user", "cancelled"),
        ({"forever": True, "stop_line": "out"}, "user", "cancelled"),
        ({"forever": True}, "ttl", "ok"),
    ],
)
def test_outcomes_and_reasons(server, client, config, stopped_by, outcome):
    document = pipeline("simulate", seconds=0.05, **config)
    token = start_task(client, document, ttl=0.1 if stopped_by == "ttl" else 0)["token"]
    if stopped_by == "user":
        client.call("terminate", token=token)
    (chapter,) = closed_chapters(client, document, 1)
    assert (chapter["outcome"], chapter.get("reason")) == (outcome, stopped_by)
    events = log(client, "read", document, types=["apaevt_log_lifecycle"])["body"]["events"]
    assert [event["body"]["action"] for event in events] == ["run-begin", "run-end"]
    end = events[-1]["body"]
    assert (end["outcome"], end.get("reason")) == (outcome, stopped_by)
    assert end["detail"] == config.get("exit_message", config.get("stop_line", ""))


def test_a_chapter_is_open_while_the_run_goes_on(client):
    document = pipeline("simulate", forever=True)
    token = start_task(client, document)["token"]
    (chapter,) = chapters(client, document)
    assert (chapter["endTime"], chapter["outcome"]) == (None, None)
    client.call("terminate", token=token)


def test_the_runs_of_a_source_are_chapters_in_their_order(server, client):
    document = pipeline("simulate", seconds=0.05)
    client.call("rrext_monitor", projectId=document["project_id"], source="src_1", types=["TASK"])
    starts = [run(client, server, document)["startTime"] for _ in range(3)]
    found = closed_chapters(client, document, 3)
    begins = [client.wait_for_event("apaevt_task", action="begin")["body"]["beginSeq"]]
    assert begins == [found[0]["beginSeq"]]
    assert [final_status(client, document, c, toSeq=n["beginSeq"] - 1)["startTime"]
            for c, n in zip(found, [*found[1:], {"beginSeq": 10**6}])] == starts  # fmt: skip


def test_a_restart_stays_in_its_chapter():
    settings = {**SETTINGS, "retention": 300}
    with Emulator(api_key=KEY, **settings) as server, connect(server) as client:
        document = pipeline("simulate", seconds=0.05)
        token = start_task(client, document)["token"]
        wait_for_end(server, token)
        (before,) = closed_chapters(client, document, 1)
        assert client.call("restart", token=token, pipeline=document)["success"]
        wait_for_end(server, token)
        (after,) = closed_chapters(client, document, 1)
        assert (after["beginTime"], after["beginSeq"]) == (before["beginTime"], before["beginSeq"])
        events = log(client, "read", document, types=["log_lifecycle"])["body"]["events"]
        actions = [event["body"]["action"] for event in events]
        assert actions[:3] == ["run-begin", "run-end", "run-restart"]


def test_pages(server, client):
    document = pipeline("simulate", seconds=0.05)
    run(client, server, document)
    closed_chapters(client, document, 1)
    whole = log(client, "read", document)["body"]
    assert "nextSeq" not in whole
    sequence = [event["body"]["logSeq"] for event in whole["events"]]
    assert sequence == sorted(sequence)
    times = [event["body"]["eventTime"] for event in whole["events"]]
    assert times == sorted(times)
    for limit in ({"maxEvents": 2}, {"maxBytes": 1}):
        paged, cursor = [], {}
        while True:
            page = log(client, "read", document, **limit, **cursor)["body"]
            assert 1 <= len(page["events"]) <= 2
            paged += page["events"]
            if "nextSeq" not in page:
                break
            cursor = {"cursor": page["nextSeq"]}
        assert paged == whole["events"]
    part = log(client, "read", document, fromTime=times[2], toTime=times[3])["body"]["events"]
    assert [event["body"]["logSeq"] for event in part] == [
        seq for seq, moment in zip(sequence, times) if times[2] <= moment <= times[3]
    ]


def test_what_was_never_logged_and_what_never_ran(server, client):
    document = pipeline("simulate", seconds=0.05, logged=False)
    run(client, server, document)
    for unknown in (document, pipeline("simulate")):
        assert chapters(client, unknown) == []
        assert log(client, "read", unknown)["body"]["events"] == []


def test_who_may_read_it(server, client):
    document = pipeline("simulate", forever=True)
    body = start_task(client, document)
    with connect(server, key=body["token"]) as guest, connect(server, key=body["publicToken"]) as public:
        assert len(chapters(guest, document)) == 1
        assert "Permission 'task.monitor' denied" in log(guest, "chapters", pipeline("simulate"))["message"]
        assert "Permission 'task.monitor' denied" in log(public, "chapters", document)["message"]
    client.call("terminate", token=body["token"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subcommand": "erase"}, "Invalid subcommand erase"),
        ({"source": None}, "needs 'projectId' and 'source'"),
        ({"subcommand": "read", "fromSeq": "1"}, "'fromSeq' must be"),
        ({"subcommand": "read", "types": "all"}, "'types' must be"),
    ],
)
def test_wrong_arguments_are_refused(server, client, arguments, message):
    document = pipeline("simulate", seconds=0.05)
    run(client, server, document)
    answer = log(client, **{"subcommand": "chapters", "document": document, **arguments})
    assert message in answer["message"]


def test_older_servers_have_no_run_log():
    with Emulator(api_key=KEY, generation="older") as server, connect(server) as client:
        assert log(client, "chapters", pipeline("simulate"))["message"] == "Invalid command: rrext_log"


def test_old_runs_are_forgotten():
    with Emulator(api_key=KEY, log_retention=2.0, **SETTINGS) as server, connect(server) as client:
        document = pipeline("simulate", seconds=0.05)
        run(client, server, document)
        closed_chapters(client, document, 1)
        wait_until(lambda: not chapters(client, document))


def test_old_events_go_when_there_are_too_many_bytes():
    settings = {**SETTINGS, "max_log_bytes": 20_000}
    with Emulator(api_key=KEY, **settings) as server, connect(server) as client:
        document = pipeline("simulate", seconds=0.05)
        for _ in range(4):
            run(client, server, document)

        def truncated():
            page = log(client, "read", document, fromSeq=1)["body"]
            return page if "truncatedAtSeq" in page else None

        page = wait_until(truncated)
        assert page["events"][0]["body"]["logSeq"] == page["truncatedAtSeq"] > 1
        assert sum(len(json.dumps(event)) for event in page["events"]) < 40_000
        assert len(chapters(client, document)) == 4


def test_a_server_that_dies_and_comes_back_with_its_log(tmp_path):
    path = tmp_path / "runs.jsonl"
    with Emulator(api_key=KEY, run_log_file=str(path), **SETTINGS) as server:
        ended, interrupted = pipeline("simulate", seconds=0.05), pipeline("simulate", forever=True)
        with connect(server) as client:
            status = run(client, server, ended)
            start_task(client, interrupted)
            before = closed_chapters(client, ended, 1)
        server.kill()
        with open(path, "a", encoding="utf-8") as file:
            file.write('{"team_id":"","ki')
        server.restart()
        assert os.stat(path).st_mode & 0o077 == 0
        with connect(server) as client:
            assert chapters(client, ended) == before
            assert final_status(client, ended, before[0])["startTime"] == status["startTime"]
            assert [c["outcome"] for c in chapters(client, interrupted)] == [None]
            token = start_task(client, interrupted)["token"]
            assert [c["outcome"] for c in chapters(client, interrupted)] == ["interrupted", None]
            assert read_status(server, token)["state"] == 3
            run(client, server, ended)
            assert closed_chapters(client, ended, 2)[0] == before[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [("[1]\n", "no run log"), ("{}\n", "no run log"), ("text\n", "no run log"), (None, "directory")],
)
def test_a_file_that_is_no_run_log_is_refused_and_kept(tmp_path, content, reason):
    path = tmp_path / "notes.txt"
    if content is None:
        path.mkdir()
    else:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=reason):
        Emulator(run_log_file=path).__enter__()
    assert content is None or path.read_text() == content


def test_without_a_file_the_log_dies_with_the_server():
    with Emulator(api_key=KEY, **SETTINGS) as server:
        document = pipeline("simulate", seconds=0.05)
        with connect(server) as client:
            run(client, server, document)
        server.restart()
        with connect(server) as client:
            assert chapters(client, document) == []


def test_a_team_has_a_log_of_its_own(server, client):
    document = pipeline("simulate", seconds=0.05)
    status = run(client, server, document, teamId="local")
    assert chapters(client, document) == []
    (chapter,) = chapters(client, document, teamId="local")
    logged = final_status(client, document, chapter, teamId="local")
    assert (logged["startTime"], logged["teamId"], logged["runKind"]) == (
        status["startTime"],
        "local",
        "deploy",
    )
