"""Objects that a pipeline refuses or fails on servers of both generations: never a success."""

import pytest

from rocketride_sync import RocketRideClient, ServerError
from rocketride_sync.emulator import Emulator

KEY = "key-0123456789"
UNSAID = "the pipeline refused the object; the server does not say why"
SETTINGS = {"api_key": KEY, "early_end": 0, "init_seconds": 0, "stop_seconds": 0}


@pytest.fixture(scope="module", params=["older", "newer"])
def server(request):
    with Emulator(generation=request.param, **SETTINGS) as server:
        server.generation = request.param
        yield server


@pytest.fixture(params=["websocket", "http"])
def client(request, server):
    with RocketRideClient(server.uri, KEY, transport=request.param) as client:
        yield client


def with_pipe(client, token, path):
    with client.pipe(token, {"name": "a.txt"}, "text/plain") as pipe:
        pipe.write(b"one two")
    return pipe.result


def with_send(client, token, path):
    return client.send(token, "one two", {"name": "a.txt"}, "text/plain")


def with_send_files(client, token, path):
    (event,) = client.send_files([str(path)], token)
    assert (event["action"], event["result"]) == ("error", None)
    raise ServerError(event["error"])


@pytest.mark.parametrize("sending", [with_send, with_pipe, with_send_files])
@pytest.mark.parametrize("config", [{"refuse": "no such model"}, {"fail": "no such model"}])
def test_an_object_that_did_not_go_through_is_an_error(server, client, config, sending, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("one two")
    pipeline = {
        "project_id": f"refused-{client!r}-{sorted(config)}-{sending.__name__}",
        "source": "hook",
        "components": [
            {"id": "hook", "provider": "webhook", "config": config},
            {"id": "count", "provider": "wordcount", "input": [{"lane": "text", "from": "hook"}]},
        ],
    }
    with client.use(pipeline=pipeline) as task:
        with pytest.raises(ServerError) as caught:
            sending(client, task.token, file)
        expected = UNSAID if server.generation == "older" else "no such model"
        assert expected in str(caught.value)
        assert client.get_task_status(task.token).completed_count == 0
