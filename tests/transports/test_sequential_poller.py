"""Many tasks over a transport that cannot poll several at a time."""

import json

from rocketride_sync import RetryPolicy, RocketRideClient, TaskNotFoundError, TransportTimeoutError
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.transports.poller import WakeUp
from rocketride_sync.transports.sequential_poller import SequentialPoller, poller_for

from .dap_peer import DONE, KEY
from .polled_tasks import LONG


def test_a_transport_without_a_way_of_its_own_is_asked_for_one_after_the_other():
    class Plain:
        def __init__(self):
            self.asked = []

        def call(self, operation, deadline):
            assert 0 < deadline.remaining() <= 30
            self.asked.append(operation.arguments["token"])
            if operation.arguments["token"] == "tk_unknown":
                raise TaskNotFoundError("no")
            if self.asked.count("tk_slow") < 3 and operation.arguments["token"] == "tk_slow":
                raise TransportTimeoutError("late")
            return json.loads(json.dumps(DONE))

        def watch(self, operation):
            raise NotImplementedError

        def close(self):
            pass

    transport = Plain()
    retry = RetryPolicy(initial_delay=0.01)
    client = RocketRideClient("localhost", KEY, transport=transport, retry=retry)
    results = client.wait_all(["tk_1", "tk_unknown", "tk_slow"], timeout=LONG)
    assert [type(result.error) for result in results] == [type(None), TaskNotFoundError, type(None)]
    assert transport.asked == ["tk_1", "tk_unknown", "tk_slow", "tk_slow", "tk_slow"]


class Poll:
    until = Deadline(None)

    def __init__(self, token="tk_1"):
        self.operation = operations.get_task_status(token)
        self.answered = False

    def begin(self):
        return Deadline(30.0)

    def mark_answered(self):
        self.answered = True


class Answers:
    def call(self, operation, deadline):
        return operation.arguments["token"]


def test_a_transport_with_a_poller_of_its_own_polls_with_that():
    class Own(Answers):
        def watch_many(self, polls):
            return ["its own", *polls]

    poll = Poll()
    assert poller_for(Own(), [poll]) == ["its own", poll]
    assert isinstance(poller_for(Answers(), [poll]), SequentialPoller)


def test_the_caller_is_woken_up_when_nothing_is_queued_and_the_time_is_up():
    slept = []
    poller = SequentialPoller(Answers(), slept.append)
    assert not poller.has_results
    assert poller.next(Deadline(20.0)) == (None, WakeUp.POLL)
    assert len(slept) == 1
    assert 10.0 < slept[0] <= 20.0


def test_each_poll_is_made_when_its_turn_comes_and_those_before_it_can_be_taken_back():
    slept = []
    poller, polls = SequentialPoller(Answers(), slept.append), [Poll("tk_1"), Poll("tk_2"), Poll("tk_3")]
    for poll in polls:
        poller.submit(poll)
    assert not poller.has_results
    assert poller.next(Deadline(20.0)) == (polls[0], "tk_1")
    assert [poll.answered for poll in polls] == [True, False, False]
    assert poller.take_queued() == (polls[1:], None)
    assert poller.take_queued() == ([], None)
    assert poller.next(Deadline(20.0)) == (None, WakeUp.POLL)
    poller.remove(polls[0])
    poller.close()
    assert len(slept) == 1
