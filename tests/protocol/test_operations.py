"""Operations as values."""

import pytest

from rocketride_sync.protocol import (
    catalogue_operations,
    object_operations,
    operations,
    run_log_operations,
    start_operations,
)
from rocketride_sync.transports.chunks import Bytes


def test_no_repr_shows_a_token_or_what_is_sent():
    secret = "tk_0123456789abcdef"
    for operation in (
        operations.get_task_status(secret),
        operations.auth(secret, "client", "1"),
        start_operations.execute({"source": secret}, token=secret),
        object_operations.send("send", secret, {"name": secret}, "text/plain"),
    ):
        assert secret not in repr(operation)
        assert operation.name in repr(operation)


def test_an_operation_tells_the_task_that_it_is_about():
    token = "tk_0123456789abcdef"
    status = operations.get_task_status(token)
    assert (status.command, status.token) == ("rrext_get_task_status", token)
    assert operations.get_task_status(token) is status
    assert "token='tk_0123…'" in repr(status)
    assert object_operations.send("send", token, {}, "text/plain").token == token
    assert operations.ping().token is None
    assert operations.call("any", {"token": 5}).token is None
    assert "token" not in repr(operations.ping())


def each():
    return {
        "get_task_status": operations.get_task_status("t"),
        "auth": operations.auth("k", "c", "1"),
        "monitor": operations.monitor("t", ["TASK"]),
        "use": start_operations.execute({}),
        "terminate": operations.terminate("t"),
        "restart": start_operations.restart("t", "p", "s", {}),
        "get_tasks": operations.get_tasks(),
        "get_task_token": operations.get_task_token("p", "s"),
        "ping": operations.ping(),
        "any": operations.call("any", {}),
        "send": object_operations.send("send", "t", {}, "text/plain"),
        "validate": catalogue_operations.validate({}),
        "get_services": catalogue_operations.get_services(),
        "get_service": catalogue_operations.get_service("s"),
        "get_task_pipeline": catalogue_operations.get_task_pipeline("t"),
        "get_server_info": catalogue_operations.get_server_info(),
        "get_task_runs": run_log_operations.get_task_runs("p", "s"),
        "read_run_log": run_log_operations.read_run_log("p", "s", ["x"], {}),
    }


def named(condition):
    return {name for name, operation in each().items() if condition(operation)}


def test_what_may_be_sent_twice():
    """What starts something, or adds to it, may not."""
    assert named(lambda operation: not operation.repeatable) == {"use", "restart", "terminate", "any", "send"}


def test_what_needs_no_credential():
    assert named(lambda operation: operation.public) == {"get_server_info"}


def test_what_leaves_a_connection_that_no_other_call_may_use():
    """An object that is sent whole closes its pipe again."""
    changing = {"auth", "monitor", "any", "send"}
    assert named(lambda operation: operation.changes_connection) == changing
    assert not object_operations.send("send", "t", {}, "text/plain", data=Bytes(b"")).changes_connection
    opened = object_operations.send("pipe", "t", {}, "text/plain")
    assert not object_operations.through_pipe(opened, "close", 7).changes_connection


@pytest.mark.parametrize(
    ("command", "arguments", "changes"),
    [
        ("auth", {"auth": "tk_other"}, True),
        ("AUTH", {}, True),
        ("deauth", {}, True),
        ("rrext_monitor", {"types": ["SUMMARY"]}, True),
        ("rrext_monitor", {"types": []}, True),
        ("rrext_process", {"subcommand": "open"}, True),
        ("initialize", {}, True),
        ("launch", {}, True),
        ("attach", {}, True),
        ("setBreakpoints", {}, True),
        ("disconnect", {}, True),
        ("something", {}, True),
        ("execute", {}, False),
        ("terminate", {}, False),
        ("restart", {}, False),
        ("rrext_ping", {}, False),
        ("rrext_get_tasks", {}, False),
        ("rrext_get_pipeline", {}, False),
        ("rrext_process", {"subcommand": "tool"}, False),
        ("rrext_process", {}, False),
        ("rrext_store", {"subcommand": "fs_open"}, False),
        ("rrext_store", {"subcommand": "open"}, False),
        ("rrext_cprofile_start", {}, False),
    ],
)
def test_which_commands_change_a_connection(command, arguments, changes):
    """Authentication, subscriptions, what a debugger does, and pipes; nothing that must be there for the next call."""
    assert operations.call(command, arguments).changes_connection is changes


def test_what_http_can_carry():
    over_http = {"get_task_status", "use", "terminate", "send", "get_server_info"}
    assert named(lambda operation: operation.over_http) == over_http
    assert named(lambda operation: operation.asks_status) == {"get_task_status"}


def test_what_cannot_be_sent_twice_tells_how_to_find_out():
    assert named(lambda operation: operation.recovery) == {"use", "restart", "terminate", "send"}
    assert all(operation.recovery.startswith("; ") for operation in each().values() if operation.recovery)


def test_what_of_a_start_http_cannot_carry():
    """Only what was given, by the name that the caller gave."""
    started = start_operations.execute(
        {"a": 1}, token="t", threads=2, args=["x"], use_existing=False, ttl=0, name="n", env={"A": "b"}
    )
    assert started.http_lacks == ("use_existing", "ttl", "name", "env", "args")
    assert started.unsupported_by_http == "use with use_existing, ttl, name, env, args"
    assert not started.over_http
    assert started.arguments == {
        "pipeline": {"a": 1},
        "token": "t",
        "threads": 2,
        "args": ["x"],
        "useExisting": False,
        "ttl": 0,
        "name": "n",
        "env": {"A": "b"},
    }
    plain = start_operations.execute({"a": 1}, token="t", threads=2, trace_level="full", env={}, args=())
    assert plain.over_http
    assert plain.unsupported_by_http == "use"
    assert plain.query == (("token", "t"), ("threads", "2"), ("trace", "full"))
    assert plain.json == {"a": 1}
    assert plain.arguments == {
        "pipeline": {"a": 1},
        "args": [],
        "token": "t",
        "threads": 2,
        "pipelineTraceLevel": "full",
    }


def test_what_was_not_given_is_not_sent():
    assert start_operations.restart("t", "p", "s", {}).arguments == {
        "token": "t",
        "projectId": "p",
        "source": "s",
        "pipeline": {},
    }
    assert start_operations.restart("t", "p", "s", {}, "team").arguments["teamId"] == "team"
    assert operations.get_task_token("p", "s").arguments == {"projectId": "p", "source": "s"}
    assert operations.get_task_token("p", "s", "team").arguments["teamId"] == "team"
    assert run_log_operations.get_task_runs("p", "s").arguments == {
        "subcommand": "chapters",
        "projectId": "p",
        "source": "s",
    }
    assert catalogue_operations.validate({}, "s").arguments == {"pipeline": {}, "source": "s"}
    assert catalogue_operations.validate({}).arguments == {"pipeline": {}}


def test_a_page_of_the_run_log_is_as_large_as_a_server_allows():
    page = run_log_operations.read_run_log("p", "s", ("a", "b"), {"fromSeq": 1}, "next")
    assert page.arguments == {
        "subcommand": "read",
        "projectId": "p",
        "source": "s",
        "types": ["a", "b"],
        "fromSeq": 1,
        "maxEvents": 2000,
        "maxBytes": 4_000_000,
        "cursor": "next",
    }
    assert "cursor" not in run_log_operations.read_run_log("p", "s", (), {}).arguments


def test_what_of_an_object_http_cannot_carry():
    """It takes a body of several parts apart."""
    sent = object_operations.send(
        "send", "t", {"name": "a", "size": 1, "tag": 2}, "Multipart/Form-Data; boundary=x", provider="p"
    )
    assert sent.http_lacks == ("objinfo['tag']", "provider", "the type Multipart/Form-Data; boundary=x")
    plain = object_operations.send("send", "t", {"name": "a"}, "text/plain")
    assert plain.http_lacks == ()
    assert plain.query == (("token", "t"),)
    assert "provider" not in plain.arguments
    written = object_operations.through_pipe(plain, "write", 7)
    assert written.arguments == {"subcommand": "write", "token": "t", "pipe_id": 7}
    assert (written.name, written.recovery, written.repeatable) == ("send", plain.recovery, False)


def test_what_starts_a_run():
    assert named(lambda operation: operation.starts_run) == {"use", "restart"}
    assert operations.call("execute", {}).starts_run


def test_what_to_leave_out_for_http():
    """``env`` is not for the caller to leave out: the client fills it in."""
    execute = start_operations.execute
    assert execute({}).advice_for_http == ""
    assert execute({}, ttl=5, name="n").advice_for_http == "; leave out ttl, name"
    assert execute({}, ttl=5, env={"A": "b"}).advice_for_http == ""


def test_what_http_may_take_the_place_of():
    """What it can carry, and what is made by who goes on without it."""
    with_ttl = {"ttl": 5}
    assert start_operations.execute({}).replaceable
    assert not start_operations.execute({}, **with_ttl).replaceable
    with operations.going_on_over_http():
        assert start_operations.execute({}, **with_ttl).replaceable
        assert start_operations.execute({}).replaceable
    with pytest.raises(ZeroDivisionError), operations.going_on_over_http():
        raise ZeroDivisionError
    assert not start_operations.execute({}, **with_ttl).replaceable
