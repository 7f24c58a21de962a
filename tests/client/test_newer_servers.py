"""What newer servers take and tell, over a scripted transport: teams, joined runs, the runs of a source."""

import pytest
from cases import each
from counting_tasks import KEY
from simulated_tasks import forever

from rocketride_sync import (
    ConfigurationError,
    DecodeError,
    MemoryTransport,
    PermissionDeniedError,
    ProtocolError,
    RocketRideClient,
    TaskRun,
    UnsupportedOperationError,
)

RUNNING = {"state": 3, "startTime": 5.0}


def client_of(*answers):
    transport = MemoryTransport(answers)
    return RocketRideClient("h", KEY, transport=transport), transport


@each(
    ("told", "use_existing", "joined"),
    [
        ({"reused": True}, True, True),
        ({"reused": False}, True, False),
        ({"reused": True}, None, True),
        ({"reused": None}, True, True),
        ({}, True, True),
        ({}, None, False),
        ({"reused": "perhaps"}, True, True),  # malformed: as if it had not been told
    ],
)
def test_whether_a_run_was_joined_is_what_the_server_tells(told, use_existing, joined):
    client, transport = client_of({"token": "tk_1", **told}, RUNNING, RUNNING, None)
    with client.use(pipeline=forever(), use_existing=use_existing) as task:
        assert task.joined is joined
        assert task.start.reused is (told.get("reused") if told.get("reused") != "perhaps" else None)
    assert ("terminate" in [call.name for call in transport.calls]) is not joined


def test_a_team_is_sent_where_it_is_given():
    client, transport = client_of(
        {"token": "tk_1"}, {"token": "tk_1"}, {"token": "tk_1"}, None, {"chapters": []}
    )
    client.get_task_token("p", "s")
    client.get_task_token("p", "s", team_id="ops")
    client.restart(project_id="p", source="s", pipeline=forever(), team_id="ops")
    client.get_task_runs("p", "s", team_id="ops")
    first, *others = [call.arguments for call in transport.calls]
    assert "teamId" not in first
    assert [arguments["teamId"] for arguments in others] == ["ops"] * 4
    assert transport.calls[3].name == "restart"
    for ask in (client.get_task_token, client.get_task_runs):
        with pytest.raises(ConfigurationError, match="team_id"):
            ask("p", "s", team_id="")
    with pytest.raises(ConfigurationError, match="team_id"):
        client.restart(project_id="p", source="s", pipeline=forever(), team_id=5)


def test_whose_run_a_listed_task_is():
    row = {"token": "tk_1", "teamId": "ops", "runKind": "deploy", "ownerKind": "team", "ownerId": "ops"}
    client, _ = client_of({"tasks": [row, {"token": "tk_2"}]})
    newer, older = client.get_tasks()
    assert (newer.team_id, newer.run_kind, newer.owner_kind, newer.owner_id) == (
        "ops",
        "deploy",
        "team",
        "ops",
    )
    assert (older.team_id, older.run_kind) == ("", "")


def test_the_runs_of_a_source_are_typed():
    chapters = [
        {"beginTime": 900, "beginSeq": 40, "endTime": None, "outcome": None, "traceLevel": None},
        {"beginTime": 100.5, "beginSeq": 1, "endTime": 200.0, "outcome": "ok", "reason": "ttl", "newer": 1},
    ]
    client, transport = client_of({"chapters": chapters, "segments": []})
    old, new = client.get_task_runs("p", "s")
    assert isinstance(old, TaskRun)
    assert (old.begin_time, old.end_time, old.outcome, old.reason) == (100.5, 200.0, "ok", "ttl")
    assert old.extra == {"newer": 1}
    assert (new.begin_time, new.end_time, new.outcome, new.reason) == (900.0, None, None, None)
    (call,) = transport.calls
    assert call.arguments == {"subcommand": "chapters", "projectId": "p", "source": "s"}
    assert call.repeatable


@each(
    ("answer", "error"),
    [
        (None, ProtocolError),
        ({"chapters": {}}, ProtocolError),
        ({"chapters": [{"endTime": "late"}]}, DecodeError),
        (PermissionDeniedError("no"), PermissionDeniedError),
    ],
)
def test_runs_that_cannot_be_had_are_an_error(answer, error):
    client, _ = client_of(answer)
    with pytest.raises(error):
        client.get_task_runs("p", "s")


def test_runs_take_websocket():
    with RocketRideClient("localhost:1", KEY, transport="http") as client:
        with pytest.raises(UnsupportedOperationError, match=r"get_task_runs.*websocket"):
            client.get_task_runs("p", "s")
    for project, source in (("", "s"), ("p", None)):
        with pytest.raises(ConfigurationError):
            client.get_task_runs(project, source)
