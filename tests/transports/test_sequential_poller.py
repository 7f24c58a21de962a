"""Many tasks over a transport that cannot poll several at a time."""

import json

from rocketride_sync import RetryPolicy, RocketRideClient, TaskNotFoundError, TransportTimeoutError

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
