"""DAP messages without a socket: matching, events, and every order they may come in."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync import (
    AuthenticationError,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    ServerError,
    TaskNotFoundError,
)
from rocketride_sync.protocol import operations
from rocketride_sync.protocol.dap import Dialogue, interpret, refused_credential

KEY = "the-secret-key"
STATUS = operations.get_task_status("tk_5f3a0123456789abcdef")


def encoded(message):
    return json.dumps(message).encode()


def answer_to(number, body=None, **fields):
    return {"type": "response", "seq": 1, "request_seq": number, "success": True, "body": body, **fields}


def test_requests_are_numbered_from_one():
    dialogue = Dialogue()
    first, text = dialogue.request("auth", {"auth": KEY})
    second, _ = dialogue.request("rrext_ping", {})
    assert (first, second) == (1, 2)
    assert json.loads(text) == {"type": "request", "seq": 1, "command": "auth", "arguments": {"auth": KEY}}


def test_nobody_waits_for_the_answer_to_a_notice():
    dialogue = Dialogue()
    dialogue.notice("rrext_monitor", {})
    dialogue.receive(encoded(answer_to(1, "late")))
    assert dialogue.answer(1) is None


def test_an_answer_is_handed_out_once():
    dialogue = Dialogue()
    number, _ = dialogue.request("a", {})
    assert dialogue.answer(number) is None
    dialogue.receive(encoded(answer_to(number, 7)))
    assert dialogue.answer(number)["body"] == 7
    assert dialogue.answer(number) is None


@given(data=st.data(), count=st.integers(1, 8))
def test_answers_match_in_any_order_among_anything(data, count):
    """Each request gets its own first answer; events keep their order; nothing else leaves a trace."""
    dialogue = Dialogue()
    numbers = [dialogue.request("a", {})[0] for _ in range(count)]
    answers = [answer_to(n, f"first {n}") for n in numbers]
    events = [{"type": "event", "event": "e", "body": {"n": n}} for n in range(data.draw(st.integers(0, 5)))]
    noise = data.draw(
        st.lists(
            st.sampled_from(
                [
                    answer_to(999),
                    answer_to("1"),
                    answer_to(None),
                    answer_to([1]),
                    {"type": "request", "seq": 1},
                    {"type": None},
                    {},
                ]
            )
        )
    )
    order = data.draw(st.permutations(answers + noise))
    # Events have an order of their own: they are spread among the others, in it.
    places = sorted(
        data.draw(st.lists(st.integers(0, len(order)), min_size=len(events), max_size=len(events)))
    )
    for place, event in zip(reversed(places), reversed(events)):
        order.insert(place, event)
    for message in order:
        dialogue.receive(encoded(message))
        if message in answers:
            dialogue.receive(encoded({**message, "body": "second"}))
    assert [dialogue.answer(n)["body"] for n in numbers] == [f"first {n}" for n in numbers]
    assert [dialogue.next_event() for _ in events] == events
    assert dialogue.next_event() is None


def test_events_that_nobody_reads_do_not_fill_the_memory():
    dialogue = Dialogue()
    for n in range(10_000):
        dialogue.receive(encoded({"type": "event", "event": "e", "body": n}))
    kept = 0
    while dialogue.next_event():
        kept += 1
    assert kept < 1000


def test_a_binary_frame_carries_its_payload_in_the_arguments():
    dialogue = Dialogue()
    header = {"type": "event", "event": "e", "arguments": {"a": 1}}
    dialogue.receive(encoded(header) + b"\n\x00\xff\n", binary=True)
    assert dialogue.next_event()["arguments"] == {"a": 1, "data": b"\x00\xff\n"}
    dialogue.receive(encoded({"type": "event", "event": "e"}), binary=True)
    assert "arguments" not in dialogue.next_event()


@given(st.binary())
def test_whatever_comes_it_is_a_message_or_a_protocol_error(payload):
    for binary in (True, False):
        with contextlib.suppress(ProtocolError):
            Dialogue().receive(payload, binary=binary)


@pytest.mark.parametrize("text", ["[]", "1", "null", "NaN", '{"a": Infinity}', "{", "", "[" * 100_000])
def test_what_is_no_object_is_refused(text):
    dialogue = Dialogue()
    dialogue.request("rrext_ping", {})
    with pytest.raises(ProtocolError):
        dialogue.receive(text.encode())


def test_a_success_is_its_body():
    assert interpret(STATUS, answer_to(1, {"state": 3}), KEY) == {"state": 3}
    answer = answer_to(1)
    del answer["body"]
    assert interpret(STATUS, answer, KEY) is None


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"message": "Your pipeline is not running"}, TaskNotFoundError),
        ({"message": "anything", "code": "TASK_NOT_REGISTERED"}, TaskNotFoundError),
        ({"message": "Your pipeline is not running", "code": "TASK_AMBIGUOUS"}, ServerError),
        ({"message": {"a": 1}, "code": 5, "hint": []}, ServerError),
        ({}, ServerError),
    ],
)
def test_a_refusal_is_an_error(fields, error):
    with pytest.raises(error) as caught:
        interpret(STATUS, answer_to(1, success=False, **fields), KEY)
    assert type(caught.value) is error


@pytest.mark.parametrize("success", [None, "true", 1, 0])
def test_neither_success_nor_failure_is_a_protocol_error(success):
    with pytest.raises(ProtocolError):
        interpret(STATUS, answer_to(1, success=success), KEY)


def test_a_credential_is_accepted_or_refused():
    auth = operations.auth(KEY, "name", "1")
    refusal = answer_to(1, success=False, message="Bad request")
    assert refused_credential(auth, answer_to(1), KEY) is None
    assert isinstance(refused_credential(auth, refusal, KEY), AuthenticationError)
    assert isinstance(refused_credential(auth, refusal, "tk_5f3a0123456789abcdef"), TaskNotFoundError)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"message": "server rejected WebSocket connection: HTTP 403"}, OverloadedError),
        ({"message": "Permission 'task.monitor' denied"}, PermissionDeniedError),
        ({"success": None}, ProtocolError),
    ],
)
def test_a_credential_is_not_blamed_for_other_faults(answer, error):
    refusal = answer_to(1, **{"success": False, **answer})
    assert type(refused_credential(operations.auth(KEY, "name", "1"), refusal, KEY)) is error


def test_a_large_message_that_nobody_awaits_is_not_even_decoded():
    dialogue = Dialogue()
    dialogue.receive(b"x" * 100_000)
    dialogue.request("rrext_ping", {})
    with pytest.raises(ProtocolError):
        dialogue.receive(b"x" * 100_000)
