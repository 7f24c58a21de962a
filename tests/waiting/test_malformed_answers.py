"""Malformed answers in a wait, against a fake clock: one ends no wait, three in a row do."""

import pytest
from cases import each

from rocketride_sync import (
    DecodeError,
    ProtocolError,
    RetryPolicy,
    ServerError,
    TransportError,
    WaitTimeoutError,
)

from .fake_world import DONE, PROMPT, RUNNING, World

GARBLED = ProtocolError("The server sent a frame that is not a JSON object")
ELSEWHERE = ServerError("this address does not look like a RocketRide server", http_status=404)
ELSEWHERE._is_of_address = True


@each("garbled", [GARBLED, DecodeError("$.state", "an integer", "a string"), ELSEWHERE])
@each("count", [1, 2])
def test_one_or_two_end_no_wait(garbled, count):
    world = World(RUNNING, *[garbled] * count, DONE)
    assert list(world.wait()) == [RUNNING, DONE]


@pytest.mark.parametrize("before", [[], [RUNNING]])
@each("third", [ProtocolError("the third"), ELSEWHERE])
def test_three_in_a_row_end_it(before, third):
    world = World(*before, GARBLED, ELSEWHERE, third, DONE)
    with pytest.raises(type(third)) as caught:
        list(world.wait())
    assert caught.value is third


def test_a_status_between_them_starts_anew():
    world = World(*[GARBLED, GARBLED, RUNNING] * 5, DONE)
    assert list(world.wait())[-1] is DONE


def test_a_fault_between_them_does_not():
    """It is no answer: what answers is malformed each time."""
    fault = TransportError("reset")
    world = World(GARBLED, fault, GARBLED, fault, GARBLED, DONE)
    with pytest.raises(ProtocolError):
        list(world.wait())


def test_the_next_poll_comes_after_the_pause_of_a_fault():
    world = World(RUNNING, GARBLED, GARBLED, DONE)
    list(world.wait(interval=100.0))
    assert world.pauses == [100.0, 1.0, 2.0]


def test_they_count_as_an_outage():
    world = World(GARBLED, TransportError("refused"))
    with pytest.raises(TransportError):
        list(world.wait(retry=RetryPolicy(initial_delay=1.0, jitter=0, max_outage=10.0)))
    assert world.now == 10.0


def test_a_deadline_meanwhile_is_a_wait_timeout_that_tells_them():
    world = World(RUNNING, GARBLED)
    with pytest.raises(WaitTimeoutError, match="not a JSON object") as caught:
        list(world.wait(timeout=2.5, interval=2.0, retry=PROMPT))
    assert caught.value.last_status is RUNNING
    assert caught.value.__cause__ is GARBLED


def test_the_only_poll_of_a_wait_without_time_is_told_as_it_is():
    with pytest.raises(ProtocolError) as caught:
        list(World(GARBLED).wait(timeout=0))
    assert caught.value is GARBLED


def test_an_answer_that_is_too_large_is_asked_for_once():
    """It would be as large the next time."""
    too_large = ProtocolError.lasting("larger than 100 bytes")
    world = World(RUNNING, too_large, DONE)
    with pytest.raises(ProtocolError) as caught:
        list(world.wait())
    assert caught.value is too_large
