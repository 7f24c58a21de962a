"""What clients learn of objects that fail: older servers do not tell them. docs/protocol.md, `rrext_process`."""

import pytest
from data_helpers import TEXT, begin, counted
from emulator_helpers import KEY, pipeline, read_status, request_json, wait_until
from websocket_client import connect

from rocketride_sync.emulator import Emulator

GENERATIONS = ["older", "newer"]


@pytest.fixture(scope="module")
def servers():
    settings = {"api_key": KEY, "early_end": 0, "init_seconds": 0, "stop_seconds": 0}
    with Emulator(**settings) as newer, Emulator(generation="older", **settings) as older:
        yield {"newer": newer, "older": older}


def with_config(**config):
    document = counted()
    document["components"][0]["config"] = config
    return document


def process(client, token, **arguments):
    return client.call("rrext_process", token=token, **arguments)


def open_pipe(client, token, **arguments):
    return process(client, token, subcommand="open", object={}, mimeType="text/plain", **arguments)


def check_failure(answer, generation, message):
    """A newer server says why, an older one answers success, without a body."""
    if generation == "older":
        assert answer["success"]
        assert "body" not in answer
    else:
        assert not answer["success"]
        assert message in answer["message"]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_refused_open(servers, generation):
    server = servers[generation]
    with connect(server) as client:
        refusing = begin(server, with_config(refuse="no such model"))
        check_failure(open_pipe(client, refusing), generation, "no such model")
        token = begin(server)
        check_failure(open_pipe(client, token, provider="dropper"), generation, "this pipeline isn't it")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_failed_close(servers, generation):
    server = servers[generation]
    token = begin(server, with_config(fail="bad input"))
    with connect(server) as client:
        pipe = open_pipe(client, token)["body"]["pipe_id"]
        assert client.wait_for_response(client.write(TEXT, pipe_id=pipe, token=token))["success"]
        check_failure(process(client, token, subcommand="close", pipe_id=pipe), generation, "bad input")
    status = read_status(server, token)
    assert (status["completedCount"], status["failedCount"], len(status["errors"])) == (0, 1, 1)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_unknown_pipe(servers, generation):
    server = servers[generation]
    token = begin(server)
    with connect(server) as client:
        answer = client.wait_for_response(client.write(TEXT, pipe_id=99, token=token))
        check_failure(answer, generation, "Pipe with id 99 not found")
        check_failure(process(client, token, subcommand="close", pipe_id=99), generation, "not found")


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("config", [{"refuse": "no such model"}, {"fail": "no such model"}])
def test_an_object_over_http(servers, generation, config):
    server = servers[generation]
    token = begin(server, with_config(**config))
    headers = {"Authorization": KEY}
    code, answer = request_json(server, "POST", f"/task/data?token={token}", headers=headers, body=TEXT)
    assert code == 200
    told = answer["data"]["objects"]["body"]
    if generation == "older":
        assert told == {"status": "OK"}
    else:
        assert (told["status"], told["error"]["message"]) == ("Error", "no such model")
    assert read_status(server, token)["completedCount"] == 0


@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_is_wrong_with_the_task_is_told_by_both(servers, generation):
    server = servers[generation]
    with connect(server) as client:
        token = begin(server)
        client.call("terminate", token=token)
        for unable in (token, "tk_unknown", begin(server, pipeline("simulate", forever=True))):
            answer = open_pipe(client, unable)
            assert not answer["success"]
            assert answer["message"]


def test_a_data_port_that_is_not_bound_yet(servers):
    server = servers["newer"]
    token = begin(server, with_config(bind_seconds=1.0))
    with connect(server) as client:
        assert "Connect call failed" in open_pipe(client, token)["message"]
        answer = wait_until(lambda: next((a for a in [open_pipe(client, token)] if a["success"]), None))
        assert answer["body"]["pipe_id"] == 1


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_response_returns_the_text(servers, generation):
    server = servers[generation]
    document = counted()
    link = {"lane": "text", "from": "count_1"}
    document["components"].append(
        {"id": "out", "provider": "response", "config": {"lanes": []}, "input": [link]}
    )
    token = begin(server, document)
    with connect(server) as client:
        pipe = open_pipe(client, token)["body"]["pipe_id"]
        for piece in (TEXT[:3], TEXT[3:]):  # in the middle of a character
            client.wait_for_response(client.write(piece, pipe_id=pipe, token=token))
        body = process(client, token, subcommand="close", pipe_id=pipe)["body"]
        assert body["result_types"] == {"wordcount": "json", "text": "text"}
        assert body["text"] == [TEXT.decode()]
    headers = {"Authorization": KEY}
    _, answer = request_json(server, "POST", f"/task/data?token={token}", headers=headers, body=TEXT)
    assert answer["data"]["objects"]["body"]["text"] == [TEXT.decode()]
    assert answer["data"]["resultTypes"]["text"] == "text"


def test_a_response_that_would_be_too_large_fails(servers):
    server = servers["newer"]
    document = pipeline("webhook")
    link = {"lane": "text", "from": "src_1"}
    document["components"].append({"id": "out", "provider": "response", "input": [link]})
    token = begin(server, document)
    headers = {"Authorization": KEY}
    body = b"x" * (17 * 2**20)
    _, answer = request_json(server, "POST", f"/task/data?token={token}", headers=headers, body=body)
    assert "too large" in answer["data"]["objects"]["body"]["error"]["message"]
    assert read_status(server, token)["failedCount"] == 1


@pytest.mark.parametrize("path", ["/task/data", "/webhook"])
def test_newer_servers_take_objects_by_project_and_source(servers, path):
    document = counted()
    for generation, server in servers.items():
        token = begin(server, document)
        target = f"{path}/{document['project_id']}/src_1"
        headers = {"Authorization": KEY}
        code, answer = request_json(server, "POST", target, headers=headers, body=TEXT)
        if generation == "older":
            assert (code, answer) == (404, {"detail": "Not Found"})
        else:
            assert answer["data"]["objectsCompleted"] == 1
            assert read_status(server, token)["completedCount"] == 1
            _, answer = request_json(server, "POST", f"{path}/nobody/src_1", headers=headers, body=TEXT)
            assert "not running" in answer["data"]["objects"]["body"]["error"]["message"]
