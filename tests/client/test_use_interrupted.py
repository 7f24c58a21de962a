"""`use` that is interrupted: the message says what became of the task, and one whose token is lost does not run on."""

import pytest

from rocketride_sync import MemoryTransport, RocketRideClient, TransportError

TOKEN = "tk_5f3a0123456789abcdef"
STARTED = {"token": TOKEN}
PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "webhook"}]}


class Stopped(BaseException):
    """What a signal handler may raise, other than a KeyboardInterrupt."""


def called(*script, error=KeyboardInterrupt, **options):
    """The message of the interrupt, and the names of what was called."""
    transport = MemoryTransport(script)
    client = RocketRideClient("h", "key", transport=transport)
    with pytest.raises(error) as caught:
        with client.use(pipeline=PIPELINE, **options):
            raise AssertionError("the block was entered")
    assert TOKEN not in str(caught.value)
    return str(caught.value), [call.name for call in transport.calls]


def test_before_the_answer_the_start_is_unknown():
    message, names = called(KeyboardInterrupt())
    assert "whether the task was started is unknown" in message
    assert len(names) == 1


def test_in_the_first_poll_the_task_is_ended():
    message, names = called(STARTED, KeyboardInterrupt(), None)
    assert message == "interrupted; task tk_5f3a… was ended"
    assert "terminate" in names


def test_whatever_a_signal_handler_raises():
    _, names = called(STARTED, Stopped(), None, error=Stopped)
    assert "terminate" in names


def test_a_message_that_is_there_already_is_left():
    message, names = called(STARTED, KeyboardInterrupt("mine"), None)
    assert message == "mine"
    assert "terminate" in names


def test_a_task_that_cannot_be_ended_is_told():
    message, _ = called(STARTED, KeyboardInterrupt(), TransportError("reset"))
    assert "could not be terminated and may run on" in message


def test_one_that_may_be_somebody_elses_runs_on():
    message, names = called(STARTED, KeyboardInterrupt(), use_existing=True)
    assert message.startswith("interrupted; task tk_5f3a… runs on")
    assert "get_task_token" in message
    assert "terminate" not in names


def test_a_second_one_while_it_is_ended_tells_that_it_may_run_on():
    message, _ = called(STARTED, KeyboardInterrupt(), KeyboardInterrupt())
    assert message.startswith("interrupted; task tk_5f3a… may run on")
