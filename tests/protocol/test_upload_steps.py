"""The requests that send an object: which follows which answer, and that a pipe which failed is closed."""

import pytest
from cases import each
from handlers import raised_as_handler

from rocketride_sync import ServerError
from rocketride_sync.protocol.failures import NotReadyError
from rocketride_sync.protocol.object_operations import send, upload_steps


class Chunks(list):
    size = 2


OPENING = send("send", "tk_1", {}, "text/plain", data=Chunks([b"a", b"b"]))
REFUSED = ServerError("refused")
FAILED = ServerError("failed")


def walk(*answers):
    """The subcommands and data that are sent with these answers, and the result; an answer may be an error."""
    steps, sent = upload_steps(OPENING), []
    operation, data = next(steps)
    for answer in answers:
        sent.append((operation.arguments["subcommand"], operation.arguments.get("pipe_id"), data))
        resume = steps.throw if isinstance(answer, Exception) else steps.send
        try:
            operation, data = resume(answer)
        except StopIteration as end:
            return sent, end.value
        except ServerError as error:
            return sent, error
    raise AssertionError("it is not over")


OPENED = {"pipe_id": 0}
OPEN, A, B, CLOSE = ("open", None, None), ("write", 0, b"a"), ("write", 0, b"b"), ("close", 0, None)


def test_an_object_is_opened_written_and_closed():
    assert walk(OPENED, None, None, {"name": "x"}) == ([OPEN, A, B, CLOSE], {"name": "x"})


@pytest.mark.parametrize("error", [REFUSED, NotReadyError("not bound")])
def test_without_a_pipe_nothing_is_closed(error):
    steps = upload_steps(OPENING)
    next(steps)
    with pytest.raises(type(error)) as caught:
        steps.throw(error)
    assert caught.value is error


@each("body", [{}, None, "x", {"pipe_id": None}])
def test_an_answer_without_a_pipe_is_a_refusal(body):
    sent, error = walk(body)
    assert sent == [OPEN]
    assert type(error) is ServerError
    assert "send" in str(error)


@pytest.mark.parametrize("closing", [{"name": "x"}, REFUSED], ids=["closed", "not closed"])
def test_a_pipe_that_fails_is_closed_and_its_error_comes_out(closing):
    assert walk(OPENED, FAILED, closing) == ([OPEN, A, CLOSE], FAILED)


def test_the_error_of_closing_comes_out_if_there_was_none():
    assert walk(OPENED, None, None, REFUSED) == ([OPEN, A, B, CLOSE], REFUSED)


@each(
    "before, sent",
    [((OPENED,), [OPEN, A]), ((OPENED, None), [OPEN, A, B]), ((OPENED, FAILED), [OPEN, A, CLOSE])],
)
def test_what_a_signal_handler_raises_comes_out_and_nothing_more_is_sent(before, sent):
    error = raised_as_handler(ServerError("of another client"))
    found = walk(*before, error)
    assert found[0] == sent
    assert found[1] is error
