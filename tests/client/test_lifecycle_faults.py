"""Starting a task: faults after which it may run, wrong arguments, odd answers. No start is repeated."""

import pytest
from cases import each
from counting_tasks import KEY
from simulated_tasks import forever
from transports import loopback
from transports.loopback import Server

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    TransientError,
    TransportError,
)

FIRST_STATUS = {"token": "tk_1", "state": 3, "startTime": 5.0}


def posted(answer):
    """A server that answers `POST /task` so."""
    return Server(loopback.always(answer))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (loopback.answer(b"", "504 Gateway Timeout"), TransientError),
        (loopback.answer(b"<html>", "200 OK"), ProtocolError),
        (loopback.answer(b'{"status":"OK"', "200 OK"), ProtocolError),
    ],
)
def test_a_start_over_http_that_a_proxy_gave_up_on_may_have_been_carried_out(answer, kind):
    with posted(answer) as server, RocketRideClient(server.url, KEY, transport="http") as client:
        with pytest.raises(kind, match="whether the server carried it out is unknown") as caught:
            client.use(pipeline=forever())
        assert caught.value.request_sent
        assert len(server.requests) == 1


def test_a_start_that_was_refused_was_not_carried_out():
    busy = loopback.answer(b"", "429 Too Many Requests")
    with posted(busy) as server, RocketRideClient(server.url, KEY, transport="http") as client:
        with pytest.raises(TransientError) as caught:
            client.use(pipeline=forever())
    assert "unknown" not in str(caught.value)


def test_the_token_of_a_task_that_runs_is_not_lost_with_the_rest_of_the_answer():
    script = [{"token": "tk_1", "id": 5}, FIRST_STATUS]
    with RocketRideClient("h", KEY, transport=MemoryTransport(script)) as client:
        assert client.use(pipeline=forever()).token == "tk_1"


def test_starting_and_the_first_poll_share_one_timeout():
    deadlines = []

    class Slow(MemoryTransport):
        def call(self, operation, deadline):
            deadlines.append(deadline.remaining())
            return super().call(operation, deadline)

    with RocketRideClient("h", KEY, transport=Slow([{"token": "tk_1"}, FIRST_STATUS]), timeout=30) as client:
        client.use(pipeline=forever(), timeout=2)
    assert max(deadlines) <= 2


def test_ctrl_c_while_a_task_is_started_says_how_to_find_out():
    with RocketRideClient("h", KEY, transport=MemoryTransport([KeyboardInterrupt()])) as client:
        with pytest.raises(KeyboardInterrupt, match="unknown; over WebSocket, get_task_token"):
            client.use(pipeline=forever())


@each(
    ("argument", "value"),
    [
        ("token", " "),
        ("token", 5),
        ("source", ""),
        ("use_existing", "no"),
        ("args", "--foo"),
        ("args", [1]),
        ("ttl", float("nan")),
        ("ttl", -1),
        ("name", ""),
        ("env", "abc"),
        ("env", {"A": 1}),
        ("trace_level", "bogus"),
        ("pipeline", {"components": [float("nan")]}),
        ("pipeline", {"components": [{1, 2}]}),
        ("timeout", 0),
    ],
)
def test_a_wrong_argument_is_said_before_anything_is_sent(argument, value):
    transport = MemoryTransport([])
    with RocketRideClient("h", KEY, transport=transport) as client:
        with pytest.raises(ConfigurationError, match=argument):
            client.use(**{"pipeline": forever(), argument: value})
    assert transport.calls == []


def test_a_call_whose_arguments_json_cannot_say_is_not_sent():
    transport = MemoryTransport([])
    with RocketRideClient("h", KEY, transport=transport) as client:
        for wrong in (float("inf"), {1}, b"x"):
            with pytest.raises(ConfigurationError, match="JSON"):
                client.call("rrext_ping", x=wrong)
        with pytest.raises(ConfigurationError, match="project_id"):
            client.get_task_token({1}, "s")
    assert transport.calls == []


def test_an_empty_token_to_restart_is_an_error_and_not_looked_up():
    transport = MemoryTransport([{"token": "tk_other"}, {}])
    with RocketRideClient("h", KEY, transport=transport) as client:
        with pytest.raises(ConfigurationError, match="token"):
            client.restart(token="", project_id="p", source="s", pipeline=forever())
    assert transport.calls == []


@pytest.mark.parametrize("body", [[1], "text", 5])
def test_a_body_that_is_no_object_is_not_taken_for_none(body):
    with RocketRideClient("h", KEY, transport=MemoryTransport([body])) as client:
        with pytest.raises(ProtocolError, match="not an object"):
            client.call("rrext_something", command="a name of its own")


@pytest.mark.parametrize(("body", "token"), [({"token": ""}, None), ({"token": "tk_1"}, "tk_1")])
def test_a_looked_up_token_is_one_or_none(body, token):
    with RocketRideClient("h", KEY, transport=MemoryTransport([body])) as client:
        assert client.get_task_token("p", "s") == token


def test_a_look_up_without_an_answer_is_no_none():
    with RocketRideClient("h", KEY, transport=MemoryTransport([{"tok": 1}])) as client:
        with pytest.raises(ProtocolError, match="no token"):
            client.get_task_token("p", "s")


def test_a_start_that_may_have_arrived_is_not_repeated_and_says_so():
    fault = TransportError("the connection broke")
    fault.request_sent = True
    transport = MemoryTransport([fault])
    client = RocketRideClient("h", KEY, transport=transport, retry=RetryPolicy(initial_delay=0.01))
    with pytest.raises(TransportError, match=r"unknown; over WebSocket, get_task_token") as caught:
        client.use(pipeline=forever())
    assert caught.value.request_sent
    assert len(transport.calls) == 1


def test_a_start_that_did_not_arrive_is_a_plain_fault():
    transport = MemoryTransport([TransportError("refused")])
    with pytest.raises(TransportError) as caught:
        RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())
    assert "unknown" not in str(caught.value)
