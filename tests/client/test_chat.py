"""`chat`: what is sent is what the official client sends, and the answer comes back."""

import json

import pytest
from cases import each
from counting_tasks import FAST, KEY
from needing import needs

from rocketride_sync import ConfigurationError, MemoryTransport, RocketRideClient, ServerError, TransportError
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")


def sent(*args, **options):
    """The document that `chat` sends."""
    transport = MemoryTransport([{"answers": ["42"]}])
    result = RocketRideClient("test", KEY, transport=transport).chat("tk_1", *args, **options)
    assert result == {"answers": ["42"]}
    (call,) = transport.calls
    assert call.arguments["mimeType"] == "application/rocketride-question"
    assert call.arguments["object"] == {"name": "Question 1", "size": len(transport.sent[0])}
    return json.loads(transport.sent[0])


@pytest.fixture
def official():
    rocketride = pytest.importorskip("rocketride", reason="needs the extra `conformance`")
    return rocketride.schema


def test_a_plain_question_is_sent_as_by_the_official_client(official):
    question = official.Question()
    question.addQuestion("Why, naïvely?")
    assert sent("Why, naïvely?") == json.loads(question.model_dump_json())


def test_every_part_is_sent_as_by_the_official_client(official):
    question = official.Question(expectJson=True, role="an analyst")
    question.addQuestion("Why?")
    question.addQuestion("And how?")
    question.addInstruction("Format", "short")
    question.addExample("Q1", {"Q1": 5, "ü": [1]})
    question.addExample("Q2", "text")
    question.addContext(["2024", {"a": 1}])
    question.addGoal("trends")
    question.addHistory(official.QuestionHistory(role="user", content="Hello"))
    document = sent(
        ["Why?", "And how?"],
        role="an analyst",
        instructions={"Format": "short"},
        examples=[("Q1", {"Q1": 5, "ü": [1]}), ("Q2", "text")],
        context=["2024", {"a": 1}],
        goals="trends",
        history=[{"role": "user", "content": "Hello"}],
        expect_json=True,
    )
    assert document == json.loads(question.model_dump_json())
    assert sent(question.model_dump(mode="json")) == document


def test_a_document_of_the_wire_keeps_what_it_says():
    document = sent({"questions": ["Why?"], "type": "semantic", "filter": {"limit": 3}, "new": 1}, role="x")
    assert (document["type"], document["new"], document["role"]) == ("semantic", 1, "x")
    assert (document["filter"]["limit"], document["filter"]["offset"]) == (3, 0)
    assert document["questions"] == [{"text": "Why?", "embedding_model": None, "embedding": None}]


@each("question", ["", "  ", [], {}, {"questions": []}, [""], 5, None, {"questions": "x"}])
def test_no_question_is_refused_before_anything_is_sent(question):
    transport = MemoryTransport([])
    with pytest.raises(ConfigurationError, match="question"):
        RocketRideClient("test", KEY, transport=transport).chat("tk_1", question)
    assert not transport.calls


@each(
    ("name", "value"),
    [
        ("role", 5),
        ("instructions", "x"),
        ("instructions", [("a",)]),
        ("examples", 5),
        ("examples", {"a": object()}),
        ("history", [{"role": "user"}]),
        ("context", 5),
        ("goals", [5]),
        ("expect_json", "yes"),
    ],
)
def test_a_part_of_a_wrong_form_is_named(name, value):
    client = RocketRideClient("test", KEY, transport=MemoryTransport([]))
    with pytest.raises(ConfigurationError, match=name):
        client.chat("tk_1", "Why?", **{name: value})


def test_questions_are_numbered_by_each_client():
    transport = MemoryTransport([{}, {}])
    client = RocketRideClient("test", KEY, transport=transport)
    for _ in range(2):
        client.chat("tk_1", "Why?")
    assert [call.arguments["object"]["name"] for call in transport.calls] == ["Question 1", "Question 2"]


def test_whether_a_question_arrived_may_be_unknown():
    lost = TransportError("it broke")
    lost.request_sent = True
    client = RocketRideClient("test", KEY, transport=MemoryTransport([lost]))
    with pytest.raises(TransportError, match="whether the server carried it out is unknown"):
        client.chat("tk_1", "Why?")


CHATTING = {
    "project_id": "chat",
    "source": "chat_1",
    "components": [
        {"id": "chat_1", "provider": "chat"},
        {"id": "back", "provider": "response", "input": [{"lane": "questions", "from": "chat_1"}]},
    ],
}


@pytest.mark.parametrize("generation", ["newer", "older"])
def test_a_server_of_each_generation_answers(generation):
    with Emulator(api_key=KEY, generation=generation, **FAST) as server:
        for transport in ("websocket", "http"):
            with RocketRideClient(server.uri, KEY, transport=transport) as client:
                with client.use(pipeline=CHATTING) as task:
                    result = task.chat("Why?", role="an echo")
                    assert result["answers"] == ["Why?"]
                    assert result["result_types"] == {"answers": "answers"}
                    with pytest.raises(ServerError):
                        task.send("no question", mimetype="application/rocketride-question")
                    assert task.get_status().failed_count == 1
