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
