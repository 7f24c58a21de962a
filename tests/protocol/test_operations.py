"""Operations as values."""

from rocketride_sync.protocol import object_operations, operations


def test_no_repr_shows_a_token_or_what_is_sent():
    secret = "tk_0123456789abcdef"
    for operation in (
        operations.get_task_status(secret),
        operations.auth(secret, "client", "1"),
        operations.execute({"source": secret}, token=secret),
        object_operations.send("send", secret, {"name": secret}, "text/plain"),
    ):
        assert secret not in repr(operation)
        assert operation.name in repr(operation)


def test_an_operation_tells_the_task_that_it_is_about():
    token = "tk_0123456789abcdef"
    status = operations.get_task_status(token)
    assert (status.command, status.token) == ("rrext_get_task_status", token)
    assert "token='tk_0123…'" in repr(status)
    assert object_operations.send("send", token, {}, "text/plain").token == token
    assert operations.ping().token is None
    assert operations.call("any", {"token": 5}).token is None
    assert "token" not in repr(operations.ping())
