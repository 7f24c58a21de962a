"""DAP messages without a socket: matching, events, and every order they may come in."""

import contextlib
import json

import pytest
from cases import each
from handlers import that_raises
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync import (
    AuthenticationError,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    RocketRideError,
    ServerError,
    TaskNotFoundError,
)
from rocketride_sync.protocol import object_operations, operations, strict_json
from rocketride_sync.protocol.dap import Dialogue, interpret, refused_credential, with_data
from rocketride_sync.protocol.failures import NotReadyError, UnclearRefusalError

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


@pytest.mark.parametrize("size", [10, 10_000])
def test_each_request_is_encoded_as_it_is(size):
    """Also if it has the arguments of the last one, or its command."""
    dialogue = Dialogue()
    one, other = {"token": "x" * size}, {"token": "y" * size}
    several = [("a", one), ("a", one), ("b", one), ("b", other), ("a", other), ("a", dict(one)), ("a", one)]
    texts = [dialogue.request(*each)[1] for each in several]
    assert [json.loads(text) for text in texts] == [
        {"type": "request", "seq": number, "command": command, "arguments": arguments}
        for number, (command, arguments) in enumerate(several, 1)
    ]


@pytest.mark.parametrize(("size", "encoded_once"), [(1024, True), (1025, False)])
def test_a_request_that_is_sent_again_is_not_encoded_again_unless_it_is_long(monkeypatch, size, encoded_once):
    """A long one would stay in memory for as long as the connection does."""
    empty = len(json.dumps({"command": "a", "arguments": {"token": ""}})) - 1
    arguments = {"token": "x" * (size - empty)}
    encode, texts = json.dumps, []
    monkeypatch.setattr(json, "dumps", lambda document: texts.append(encode(document)) or texts[-1])
    dialogue = Dialogue()
    for _ in range(3):
        dialogue.request("a", arguments)
    assert [len(text) for text in texts] == [size + 1] * (1 if encoded_once else 3)


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


def drained(dialogue):
    return list(iter(dialogue.next_event, None))


def test_events_that_nobody_reads_do_not_fill_the_memory():
    """The oldest are dropped."""
    dialogue = Dialogue()
    for n in range(10_000):
        dialogue.receive(encoded({"type": "event", "event": "e", "body": n}))
    kept = [event["body"] for event in drained(dialogue)]
    assert kept == list(range(10_000 - 256, 10_000))


def sized(message, size):
    """`message` in so many bytes."""
    return encoded(message).ljust(size)


@pytest.mark.parametrize("awaiting", [False, True])
def test_nor_does_a_large_one(awaiting):
    dialogue = Dialogue()
    if awaiting:
        dialogue.request("rrext_ping", {})
    event = {"type": "event", "event": "e"}
    dialogue.receive(sized(event, 65_536))
    assert drained(dialogue) == [event]
    dialogue.receive(sized(event, 65_537))
    assert drained(dialogue) == []
    assert dialogue.longest_event == 65_537


def test_the_sizes_of_the_longest_answer_and_of_the_longest_event_are_known():
    dialogue = Dialogue()
    assert (dialogue.longest_answer, dialogue.longest_event) == (0, 0)
    dialogue.request("rrext_ping", {})
    for size in (300, 500, 400):
        dialogue.receive(sized({"type": "event", "event": "e"}, size))
        dialogue.receive(sized(answer_to(7), size + 1000))
    assert (dialogue.longest_answer, dialogue.longest_event) == (1500, 500)
    dialogue.longest_event = 0
    dialogue.receive(sized({"type": "other"}, 600))
    assert (dialogue.longest_answer, dialogue.longest_event) == (1500, 0)


def test_an_answer_is_awaited_until_it_comes():
    dialogue = Dialogue()
    assert not dialogue.awaits_answer
    number, _ = dialogue.request("a", {})
    assert dialogue.awaits_answer
    dialogue.receive(encoded(answer_to(number)))
    assert not dialogue.awaits_answer


def test_a_notice_is_known_to_be_under_way_until_its_answer_comes():
    dialogue = Dialogue()
    assert not dialogue.awaits_notices
    text = dialogue.notice("rrext_monitor", {"types": []})
    assert json.loads(text) == {
        "type": "request",
        "seq": 1,
        "command": "rrext_monitor",
        "arguments": {"types": []},
    }
    assert dialogue.awaits_notices
    assert not dialogue.awaits_answer
    dialogue.receive(encoded(answer_to(2)))
    dialogue.receive(encoded(answer_to([1])))
    assert dialogue.awaits_notices
    dialogue.receive(encoded(answer_to(1)))
    assert not dialogue.awaits_notices


def test_any_answer_may_be_taken_with_its_number():
    dialogue = Dialogue()
    assert dialogue.next_answer() is None
    first, second = (dialogue.request("a", {})[0] for _ in range(2))
    assert dialogue.next_answer() is None
    dialogue.receive(encoded(answer_to(second, "x")))
    number, answer = dialogue.next_answer()
    assert (number, answer["body"]) == (second, "x")
    assert dialogue.next_answer() is None
    dialogue.receive(encoded(answer_to(first, "y")))
    assert dialogue.next_answer()[0] == first


def test_data_follow_the_first_line_of_a_binary_frame():
    _, text = Dialogue().request("rrext_process", {"subcommand": "write"})
    line, data = with_data(text, b"\x00")
    assert line.endswith(b"\n")
    assert json.loads(line) == json.loads(text)
    assert data == b"\x00"


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


@each("text", ["[]", "1", "null", "NaN", '{"a": Infinity}', "{", "", "[" * 100_000])
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


@each(
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


@each("success", [None, "true", 1, 0])
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


CHECKED_IN = {"trace": {"file": "task_conn.py", "lineno": 1}}
ELSEWHERE = {"trace": {"file": "account.py", "lineno": 1}}


@pytest.mark.parametrize(
    ("answer", "is_clear"),
    [
        ({"message": "Invalid API key"}, True),
        ({"message": "Invalid API key", **ELSEWHERE}, True),
        ({"message": "any other text", **CHECKED_IN}, True),
        ({"message": "Bad request", **CHECKED_IN}, False),  # the check has failed
        ({"message": "'NoneType' object is not callable"}, False),
        ({"message": "any other text", **ELSEWHERE}, False),
        ({"message": "any other text", "trace": "task_conn.py"}, False),
        ({"message": "any other text", "trace": {}}, False),
        ({"message": ["Invalid API key"]}, False),
        ({}, False),
    ],
)
def test_a_key_that_was_accepted_is_refused_by_a_clear_answer_only(answer, is_clear):
    """A fault inside the server is told there too, and may pass. Of a key that it never accepted, each answer refuses it."""
    auth, refusal = operations.auth(KEY, "name", "1"), answer_to(1, success=False, **answer)
    again = refused_credential(auth, refusal, KEY, accepted_before=True)
    assert type(again) is (AuthenticationError if is_clear else UnclearRefusalError)
    assert ("accepted the key before" in str(again)) is not is_clear
    assert "check the API key" in str(again) or is_clear
    assert type(refused_credential(auth, refusal, KEY)) is AuthenticationError


def test_a_large_message_that_nobody_awaits_is_not_even_decoded():
    dialogue = Dialogue()
    dialogue.receive(b"x" * 100_000)
    assert dialogue.longest_event == 100_000
    dialogue.request("rrext_ping", {})
    with pytest.raises(ProtocolError):
        dialogue.receive(b"x" * 100_000)


def test_only_a_pipe_that_is_opened_can_be_too_early():
    """Its task's data port is not bound yet; nothing of the object was sent."""
    refusal = answer_to(1, success=False, message="[Errno 111] Connect call failed ('127.0.0.1', 20001)")
    opening = object_operations.send("pipe", "tk_5f3a0123456789abcdef", {}, "text/plain")
    writing = object_operations.through_pipe(opening, "write", 1)
    for operation, kind in ((opening, NotReadyError), (writing, ServerError), (STATUS, ServerError)):
        with pytest.raises(RocketRideError) as caught:
            interpret(operation, refusal, KEY)
        assert type(caught.value) is kind


def test_a_text_frame_may_have_several_lines():
    dialogue = Dialogue()
    dialogue.receive(b'{"type": "event",\n "event": "e"}\n')
    assert dialogue.next_event() == {"type": "event", "event": "e"}


def test_a_binary_frame_may_bring_arguments_of_any_kind():
    dialogue = Dialogue()
    dialogue.receive(b'{"type": "event", "arguments": [1]}\nx', binary=True)
    assert dialogue.next_event()["arguments"] == {"data": b"x"}
    dialogue.receive(b'{"type": "event"}\nx', binary=True)
    assert dialogue.next_event()["arguments"] == {"data": b"x"}


def test_what_the_server_says_of_a_credential_comes_with_advice():
    refusal = answer_to(1, success=False, message="Invalid API key")
    error = refused_credential(operations.auth(KEY, "name", "1"), refusal, KEY)
    assert "Invalid API key. Check the API key" in str(error)


def test_what_a_signal_handler_raises_while_a_message_is_decoded_is_no_malformed_one(monkeypatch):
    monkeypatch.setattr(strict_json, "loads", that_raises(ValueError("alarm")))
    with pytest.raises(ValueError, match="alarm"):
        Dialogue().receive(b"{}")
