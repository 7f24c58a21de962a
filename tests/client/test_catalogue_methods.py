"""What a server knows besides its tasks: pipelines, services, itself; over a scripted transport and the local server."""

import json
import socket
import threading

import pytest
from cases import each
from counting_tasks import FAST, KEY, pipeline
from needing import needs

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    ProtocolError,
    RocketRideClient,
    ServerError,
    TaskNotFoundError,
    TransportError,
    UnsupportedOperationError,
)
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")


def scripted(*answers):
    return RocketRideClient("test", KEY, transport=MemoryTransport(answers))


@pytest.fixture(scope="module", params=["newer", "older"])
def any_server(request):
    with Emulator(api_key=KEY, generation=request.param, **FAST) as running:
        running.generation = request.param
        yield running


@pytest.fixture
def both(any_server):
    """A client of each generation's server."""
    with RocketRideClient(any_server.uri, KEY) as made:
        yield made


# validate


@pytest.mark.parametrize(
    "body",
    [{"errors": [], "warnings": []}, {"errors": None}, {"warnings": []}, {"component": "a", "chain": []}],
)
def test_a_good_pipeline_has_empty_lists_whatever_the_server_leaves_out(body):
    result = scripted(body).validate(pipeline())
    assert (result["errors"], result["warnings"]) == ([], [])


def test_what_the_server_says_besides_is_kept():
    body = {"errors": [{"message": "no", "id": "a"}, "plain", {"id": "b"}], "chain": ["a"]}
    assert scripted(body).validate(pipeline()) == {
        "errors": [{"message": "no", "id": "a"}, {"message": "plain"}, {"message": "", "id": "b"}],
        "warnings": [],
        "chain": ["a"],
    }


@each("body", [None, {}, "x", [], 5, {"errors": "x"}, {"warnings": [5]}])
def test_an_answer_of_another_form_is_a_protocol_error(body):
    with pytest.raises(ProtocolError, match="validate"):
        scripted(body).validate(pipeline())


def test_the_source_is_sent_apart_and_the_pipeline_as_it_is():
    transport = MemoryTransport([{"errors": []}] * 2)
    client = RocketRideClient("test", KEY, transport=transport)
    document = pipeline()
    client.validate({"pipeline": document}, source="other")
    client.validate(document)
    first, second = (call.arguments for call in transport.calls)
    assert first == {"pipeline": document, "source": "other"}
    assert second == {"pipeline": document}


def test_a_file_is_checked_too_and_no_pipeline_at_all_is_said_at_once(tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text(json.dumps(pipeline()))
    assert not scripted({"errors": []}).validate(filepath=path)["errors"]
    for wrong in ({}, {"components": 5}, []):
        with pytest.raises(ConfigurationError, match="components"):
            scripted().validate(wrong)
    with pytest.raises(ConfigurationError, match="either"):
        scripted().validate()


def test_servers_of_both_generations_check_pipelines(both):
    assert not both.validate(pipeline())["errors"]
    wrong = pipeline()
    wrong["components"] += [{"id": "a", "provider": "magic"}, {"id": "b", "provider": "response"}]
    found = both.validate(wrong)["errors"]
    assert [error["id"] for error in found] == ["a", "b"]
    assert "magic" in found[0]["message"]
    assert "no 'input'" in found[1]["message"]


def test_the_source_that_is_asked_for_is_checked(both):
    document = pipeline()
    assert not both.validate(document, source="src_1")["errors"]
    (error,) = both.validate(document, source="nowhere")["errors"]
    assert "nowhere" in error["message"]


# services


def test_the_services_are_listed_and_one_is_told_in_full(both, any_server):
    listed = both.get_services()
    assert {"webhook", "chat", "wordcount", "response"} <= set(listed["services"])
    assert ("version" in listed) is (any_server.generation == "newer")
    summary = listed["services"]["webhook"]
    whole = both.get_service("webhook")
    assert summary["classType"] == ["source"]
    assert {name: whole[name] for name in summary} == summary
    assert set(whole) > set(summary)


def test_no_services_are_an_empty_dict_and_services_of_another_form_an_error():
    assert scripted(None).get_services() == {"services": {}}
    for wrong in ([], {"services": []}):
        with pytest.raises(ProtocolError, match="get_services"):
            scripted(wrong).get_services()


def test_a_check_tells_what_the_run_would_miss(caplog, monkeypatch):
    monkeypatch.delenv("ROCKETRIDE_DIR", raising=False)
    document = pipeline()
    document["components"][0]["name"] = "${ROCKETRIDE_DIR} ${ROCKETRIDE_APIKEY}"
    scripted({"component": "a"}).validate(document)
    (warning,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert "the pipeline refers to" in warning
    assert "${ROCKETRIDE_DIR};" in warning
    monkeypatch.setenv("ROCKETRIDE_DIR", "texts")
    caplog.clear()
    scripted({"component": "a"}).validate(document)
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


def test_an_unknown_service_is_an_error(both):
    with pytest.raises(ServerError, match=r"get_service failed.*magic"):
        both.get_service("magic")
    with pytest.raises(ConfigurationError, match="name"):
        both.get_service("")


# the pipeline of a task


def test_the_pipeline_of_a_task_is_read_as_it_was_written(both):
    document = pipeline()
    document["components"][0]["name"] = "${ROCKETRIDE_TITLE}"
    with both.use(pipeline=document, env={"ROCKETRIDE_TITLE": "secret"}) as task:
        assert both.get_task_pipeline(task.token) == task.get_pipeline() == document


def test_the_pipeline_of_an_unknown_task(both):
    with pytest.raises(TaskNotFoundError):
        both.get_task_pipeline("tk_00000000000000000000000000000000")
    assert scripted(None).get_task_pipeline("tk_1") is None
    with pytest.raises(ProtocolError, match="pipeline"):
        scripted({"pipeline": "x"}).get_task_pipeline("tk_1")


@each("name", ["validate", "get_services", "get_service", "get_task_pipeline"])
def test_what_takes_websocket_says_so_over_http(any_server, name):
    arguments = {"validate": [pipeline()], "get_service": ["chat"], "get_task_pipeline": ["tk_1"]}
    with RocketRideClient(any_server.uri, KEY, transport="http") as client:
        with pytest.raises(UnsupportedOperationError, match=f"^{name}"):
            getattr(client, name)(*arguments.get(name, []))


# the server itself


@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
def test_the_server_is_asked_without_the_key_over_http(any_server, transport):
    with RocketRideClient(any_server.uri, "a-wrong-key", transport=transport) as client:
        assert client.get_server_info()["hash"] == "emulator"


def test_the_key_is_not_sent_and_no_connection_is_left():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        client = RocketRideClient(f"127.0.0.1:{listener.getsockname()[1]}", "the-secret-key", timeout=30)
        seen = []

        def answer():
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(65536))
                body = b'{"status":"OK","data":{"version":"1.2"}}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                seen.append(connection.recv(1))

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            info = client.get_server_info()
        finally:
            thread.join(30)
        assert info == {"version": "1.2"}
        assert b"authorization" not in seen[0].lower()
        assert b"the-secret-key" not in seen[0]
        assert seen[1] == b""  # closed
        client.close()


def test_no_client_is_needed(any_server, monkeypatch):
    monkeypatch.delenv("ROCKETRIDE_APIKEY", raising=False)
    assert RocketRideClient.get_server_info(any_server.uri)["version"]
    monkeypatch.setenv("ROCKETRIDE_URI", any_server.uri)
    assert RocketRideClient.get_server_info(timeout=20)["version"]


def test_a_client_may_ask_another_server(any_server):
    with RocketRideClient("127.0.0.1:1", KEY) as client:
        assert client.get_server_info(any_server.uri)["version"]
        with pytest.raises(TransportError):
            client.get_server_info()


def test_a_scripted_transport_answers_it():
    assert scripted({"version": "9"}).get_server_info() == {"version": "9"}
    for wrong in (["x"], None, {}, {"version": 5}):
        with pytest.raises(ProtocolError, match="get_server_info"):
            scripted(wrong).get_server_info()


def test_its_arguments_are_checked(any_server):
    with pytest.raises(ConfigurationError, match="uri"):
        RocketRideClient.get_server_info("http://user:secret@host")
    with pytest.raises(ConfigurationError, match="timeout"):
        RocketRideClient.get_server_info(any_server.uri, timeout=0)
