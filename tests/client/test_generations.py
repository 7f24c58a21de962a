"""How ends on servers of both generations come out of a wait: docs/protocol.md, "How a task ended"."""

import itertools

import pytest
from needing import needs

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")

CASES = ["older", "older, code seen", "newer"]
SETTINGS = {"early_end": 0, "init_seconds": 0, "stop_seconds": 0}
SURE, UNSURE = True, False
_numbers = itertools.count()


@pytest.fixture(scope="module")
def servers():
    with Emulator(**SETTINGS) as newer, Emulator(generation="older", **SETTINGS) as older:
        yield {"newer": newer, "older": older}


def connect(server, **options):
    return RocketRideClient(server.uri, "any", proxies={}, **options)


def pipeline(**config):
    component = {"id": "s", "provider": "simulate", "config": {"seconds": 0.3, **config}}
    return {"project_id": f"generations-{next(_numbers)}", "source": "s", "components": [component]}


def wait(client, token, stop=None):
    """Wait for the end; with `stop`, end the task with it once its status has been seen."""
    stops = iter([stop] if stop else [])

    def on_progress(_):
        for function in stops:
            function(token)

    status = client.wait_until_complete(token, 60, 0.2, on_progress)
    return str(status.outcome), status.outcome_certain


NO_LINE = {"exit_line": False}


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("generation", ["older", "newer"])
@pytest.mark.parametrize(
    ("config", "older", "newer"),
    [
        pytest.param({}, ("succeeded", UNSURE), ("succeeded", SURE), id="well, with a line"),
        pytest.param(NO_LINE, ("succeeded", SURE), ("succeeded", SURE), id="well, no line"),
        pytest.param(
            {"exit_code": 1, "exit_message": "bad"}, ("failed", SURE), ("failed", SURE), id="failed"
        ),
        pytest.param(
            {"exit_code": 1, "exit_line": True, "failed": 1},
            ("failed", UNSURE),
            ("failed", UNSURE),
            id="failed, no text",
        ),
        pytest.param({"exit_code": 3}, ("succeeded", SURE), ("failed", SURE), id="exit code 3"),
        pytest.param({"killed": True}, ("succeeded", UNSURE), ("failed", SURE), id="killed"),
    ],
)
def test_an_end_of_its_own(servers, generation, transport, config, older, newer):
    server = servers[generation]
    with connect(server) as other, connect(server, transport=transport) as client:
        token = other.use(pipeline=pipeline(**config)).token
        assert wait(client, token) == (older if generation == "older" else newer)


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("generation", ["older", "newer"])
@pytest.mark.parametrize("text", [None, "", "Interrupted"])
@pytest.mark.parametrize("stopped_by", ["itself", "another"])
def test_a_stop(servers, generation, transport, text, stopped_by):
    server = servers[generation]
    with connect(server) as other, connect(server, transport=transport) as client:
        token = other.use(pipeline=pipeline(forever=True, stop_line=text)).token
        seen = wait(client, token, client.terminate if stopped_by == "itself" else other.terminate)
        told = stopped_by == "itself" or text is None or (generation, transport) == ("newer", "websocket")
        if told:
            assert seen == ("cancelled", SURE)
        elif text:
            assert seen == ("failed", SURE)
        else:
            assert seen[1] is UNSURE


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param(
            {},
            [("succeeded", UNSURE), ("succeeded", UNSURE), ("succeeded", SURE)],
            id="well, with a line",
        ),
        pytest.param(
            NO_LINE, [("cancelled", UNSURE), ("succeeded", SURE), ("succeeded", SURE)], id="well, no line"
        ),
        pytest.param(
            {"exit_code": 3}, [("cancelled", UNSURE), ("failed", SURE), ("failed", SURE)], id="exit code 3"
        ),
        pytest.param(
            {"forever": True},
            [("cancelled", UNSURE), ("failed", UNSURE), ("cancelled", UNSURE)],
            id="terminated",
        ),
    ],
)
def test_an_end_after_a_restart(servers, case, transport, config, expected):
    server = servers[case.partition(",")[0]]
    with connect(server) as other, connect(server, transport=transport) as client:
        document = pipeline(restart_code_seen=case.endswith("seen"), **config)
        token = other.use(pipeline=document).token
        other.restart(project_id=document["project_id"], source="s", pipeline=document, token=token)
        outcome = wait(client, token, other.terminate if "forever" in config else None)
        if "forever" in config and (case, transport) == ("newer", "websocket"):
            assert outcome == ("cancelled", SURE)  # the event told the reason
        else:
            assert outcome == dict(zip(CASES, expected))[case]
