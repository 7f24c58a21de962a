"""The official async client works with the emulator."""

import asyncio
import functools
import json
import warnings

import pytest
from cases import each
from data_helpers import ODD, TEXT, counted, wordcount
from emulator_helpers import KEY, pipeline, read_status, word_count
from needing import needs

from rocketride_sync.emulator import Emulator

needs("rocketride", reason="it takes requirements/conformance.txt")


@functools.lru_cache(maxsize=None)
def official():
    """The client's package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import rocketride
    return rocketride


@pytest.fixture(scope="module", params=["newer", "older"])
def server(request, texts):
    """A server of each generation, whose starts do not wait whether their tasks end early."""
    with Emulator(
        root=texts, api_key=KEY, generation=request.param, init_seconds=0.02, early_end=0
    ) as running:
        running.generation = request.param
        yield running


async def wait_until(condition):
    for _ in range(3000):
        value = condition()
        if value:
            return value
        await asyncio.sleep(0.01)
    return pytest.fail("what was waited for did not come")


def run_scenario(server, scenario, **options):
    """Run a scenario with a connected client."""

    async def main():
        client = official().RocketRideClient(server.uri, KEY, **options)
        await client.connect()
        try:
            return await scenario(client)
        finally:
            await client.disconnect()

    return asyncio.run(asyncio.wait_for(main(), 60))


def test_start_a_word_count_and_wait_for_its_end(server, texts):
    async def scenario(client):
        task = await client.use(pipeline=word_count(".", delay=0.2))
        status = await client.get_task_status(task["token"])
        assert status["state"] == 3
        while not status["completed"]:
            await asyncio.sleep(0.1)
            status = await client.get_task_status(task["token"])
        return task, status

    task, status = run_scenario(server, scenario)
    assert json.loads(json.dumps(status)) == read_status(server, task["token"])
    words = sum(
        len(path.read_bytes().split())
        for path in texts.rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    assert status["wordsCount"] == words


def test_events_are_monitored(server):
    events = []

    async def on_event(message):
        events.append(message)

    async def scenario(client):
        document = pipeline("simulate", seconds=0.6)
        task = await client.use(pipeline=document)
        await client.add_monitor({"token": task["token"]}, ["SUMMARY", "TASK"])
        await wait_until(lambda: [e for e in events if e["body"].get("action") == "end"])
        return task

    run_scenario(server, scenario, on_event=on_event)
    states = [event["body"]["state"] for event in events if event["event"] == "apaevt_status_update"]
    assert states[0] == 3
    assert states[-1] == (5 if server.generation == "newer" else 6)
    end = events[-1]["body"]
    assert ("eventTime" in end) is (server.generation == "newer")


def test_tasks_are_listed_and_terminated(server):
    async def scenario(client):
        task = await client.use(pipeline=pipeline("webhook"))
        listed = [entry["token"] for entry in await client.get_tasks()]
        await client.terminate(task["token"])
        left = [entry["token"] for entry in await client.get_tasks()]
        return task["token"], listed, left, await client.get_task_status(task["token"])

    token, listed, left, status = run_scenario(server, scenario)
    assert token in listed
    assert token not in left
    assert (status["state"], status["completed"]) == (6, True)


def test_errors_reach_the_client(server):
    async def scenario(client):
        with pytest.raises(RuntimeError, match="not running"):
            await client.get_task_status("tk_unknown")
        with pytest.raises(RuntimeError, match="unknown provider"):
            await client.use(pipeline=pipeline("magic"))
        await client.ping()

    run_scenario(server, scenario)


def test_a_wrong_key_is_refused(server):
    async def main():
        client = official().RocketRideClient(server.uri, "wrong")
        with pytest.raises(Exception, match="Invalid API key"):
            await client.connect()

    asyncio.run(asyncio.wait_for(main(), 60))


def run_sending_scenario(server, scenario, document=None, **options):
    """Run a scenario with a connected client and the token of a task that counts words of received data."""

    async def main(client):
        task = await client.use(pipeline=document or counted(), **options)
        try:
            return await scenario(client, task["token"])
        finally:
            await client.terminate(task["token"])

    return run_scenario(server, main)


@each("data", [TEXT.decode(), ODD, b"", b"one two " * 300_000])
def test_data_is_sent(server, data):
    async def scenario(client, token):
        result = await client.send(token, data, {"name": "a.txt"}, "text/plain")
        return result, await client.get_task_status(token)

    result, status = run_sending_scenario(server, scenario)
    content = data.encode() if isinstance(data, str) else data
    assert result.pop("objectId")
    assert result == {
        "name": "a.txt",
        "path": "",
        "result_types": {"wordcount": "json"},
        "wordcount": wordcount(content),
    }
    assert (status["totalCount"], status["completedCount"]) == (1, 1)
    assert status["totalSize"] == status["completedSize"] == len(content)


def test_files_are_sent_more_at_once_than_there_are_threads(server, texts):
    files = sorted(path for path in texts.rglob("*.txt") if path.is_file()) * 5
    events = []

    async def on_event(message):
        if message["event"] == "apaevt_status_upload":
            events.append(message["body"]["action"])

    async def scenario(client, token):
        client._caller_on_event = on_event
        return await client.send_files([str(path) for path in files], token), await client.get_task_status(
            token
        )

    results, status = run_sending_scenario(server, scenario, threads=2)
    for path, result in zip(files, results):
        assert (result["action"], result["bytes_sent"]) == ("complete", path.stat().st_size)
        assert result["result"]["name"] == path.name
        assert result["result"]["wordcount"] == wordcount(path.read_bytes())
    assert status["completedCount"] == status["totalCount"] == len(files)
    assert status["wordsCount"] == wordcount(*(path.read_bytes() for path in files))["wordsCount"]
    assert status["pipeflow"]["totalPipes"] == 2
    assert events.count("complete") == len(files)


def test_a_pipe_is_written_into(server):
    async def scenario(client, token):
        async with await client.pipe(token, {"name": "rows"}, "text/csv", "webhook") as pipe:
            for number in range(100):
                await pipe.write(f"row {number}\nro".encode())
            return await pipe.close()

    assert run_sending_scenario(server, scenario)["wordcount"]["wordsCount"] == 201


def test_failed_sending_raises(server):
    async def scenario(client, token):
        with pytest.raises(official().core.PipeException, match="not running"):
            await client.send("tk_unknown", "text")
        wrong = await client.pipe(token, provider="dropper")
        if server.generation == "newer":
            with pytest.raises(official().core.PipeException, match="this pipeline isn't it"):
                await wrong.open()
        else:
            await wrong.open()  # it is told of no failure, and of no pipe
        pipe = await (await client.pipe(token)).open()
        await client.terminate(token)
        with pytest.raises(official().core.PipeException, match=r"stopped|terminating"):
            await pipe.write(b"the rest")
        return await client.get_task_status(token)

    assert run_sending_scenario(server, scenario)["failedCount"] == 1


def test_sending_to_a_source_that_takes_no_data_raises(server):
    async def scenario(client, token):
        with pytest.raises(official().core.PipeException, match="takes no data"):
            await client.send(token, "text")

    run_sending_scenario(server, scenario, pipeline("simulate", forever=True))


def test_placeholders_are_filled_from_the_env_of_use(server):
    async def scenario(client, token):
        return await client.get_task_status(token)

    document = pipeline("simulate", forever=True)
    document["components"][0]["name"] = "${ROCKETRIDE_TITLE}"
    status = run_sending_scenario(
        server, scenario, document, env={"ROCKETRIDE_TITLE": "A title"}, name="Mine"
    )
    assert status["name"] == "Mine.A title"


def test_what_a_stopped_task_looks_like_and_why_it_ended(server):
    events = []

    async def on_event(message):
        events.append(message)

    async def scenario(client):
        document = pipeline("simulate", forever=True, stop_line="Interrupted")
        task = await client.use(pipeline=document)
        await client.add_monitor({"project_id": document["project_id"], "source": "src_1"}, ["TASK"])
        await client.terminate(task["token"])
        await wait_until(lambda: [e for e in events if e["body"].get("action") == "end"])
        return await client.get_task_status(task["token"])

    status = run_scenario(server, scenario, on_event=on_event)
    assert (status["state"], status["exitCode"], status["exitMessage"]) == (6, 1, "Interrupted")
    reason = events[-1]["body"].get("reason")
    assert reason == ("user" if server.generation == "newer" else None)


def test_a_running_task_is_joined(server):
    async def scenario(client):
        document = pipeline("simulate", forever=True)
        first = await client.use(pipeline=document)
        second = await client.use(pipeline=document, use_existing=True)
        token = await client.get_task_token(document["project_id"], "src_1")
        await client.restart(
            project_id=document["project_id"], source="src_1", pipeline=document, token=token
        )
        await client.terminate(token)
        return first, second, token

    first, second, token = run_scenario(server, scenario)
    assert first["token"] == second["token"] == token
    assert second.get("reused", False) is (server.generation == "newer")


def test_the_run_log_is_read(server):
    async def scenario(client):
        document = pipeline("simulate", seconds=0.5)
        key = (document["project_id"], "src_1")
        if server.generation == "older":
            with pytest.raises(RuntimeError, match="Invalid command"):
                await client.log.chapters(*key)
            return
        token = (await client.use(pipeline=document))["token"]
        while not (await client.get_task_status(token))["completed"]:
            await asyncio.sleep(0.05)
        for _ in range(3000):
            (chapter,) = (await client.log.chapters(*key))["chapters"]
            if chapter["outcome"]:
                break
        assert chapter["outcome"] == "ok"
        seen, cursor = [], None
        while cursor is not None or not seen:
            page = await client.log.read(*key, from_seq=chapter["beginSeq"], cursor=cursor, max_events=2)
            seen += page["events"]
            cursor = page.get("nextSeq")
        final = [event["body"] for event in seen if event["body"].get("final")]
        assert [(body["state"], body["completedCount"]) for body in final] == [(5, 4)]

    run_scenario(server, scenario)


def test_the_text_of_a_response(server):
    document = pipeline("webhook")
    link = {"lane": "text", "from": "src_1"}
    document["components"].append({"id": "out", "provider": "response", "config": {}, "input": [link]})

    async def scenario(client, token):
        return await client.send(token, "Grüße", mimetype="text/plain")

    result = run_sending_scenario(server, scenario, document)
    assert result["result_types"] == {"text": "text"}
    assert result["text"] == ["Grüße"]


def test_a_refused_object(server):
    """An older server does not say why it was refused; the client only misses its pipe."""
    document = pipeline("webhook", refuse="no such model")

    async def scenario(client, token):
        with pytest.raises(official().core.PipeException) as failed:
            await client.send(token, "text")
        return str(failed.value)

    message = run_sending_scenario(server, scenario, document)
    assert ("no such model" in message) is (server.generation == "newer")


@pytest.mark.parametrize("generation", ["newer", "older"])
def test_a_start_that_fails(generation):
    async def scenario(client):
        document = pipeline("simulate", seconds=0, exit_code=1, exit_message="cannot load")
        with pytest.raises(RuntimeError, match="cannot load"):
            await client.use(pipeline=document)

    with Emulator(api_key=KEY, generation=generation) as server:
        run_scenario(server, scenario)


def test_pipelines_and_services_are_told(server):
    document = pipeline("webhook")
    wrong = {**document, "components": [*document["components"], {"id": "x", "provider": "magic"}]}

    async def scenario(client, token):
        good, bad = await client.validate(document), await client.validate(wrong, source="src_1")
        assert (good["errors"], good["warnings"]) == ([], [])
        assert [error["id"] for error in bad["errors"]] == ["x"]
        assert "webhook" in (await client.get_services())["services"]
        assert (await client.get_service("webhook"))["title"] == "Webhook"
        with pytest.raises(RuntimeError, match="magic"):
            await client.get_service("magic")
        return await client.get_task_pipeline(token)

    assert run_sending_scenario(server, scenario, document) == document


def test_a_question_is_answered(server):
    document = pipeline("chat")
    document["components"].append(
        {"id": "back", "provider": "response", "input": [{"lane": "questions", "from": "src_1"}]}
    )
    question = official().schema.Question()
    question.addQuestion("Why?")

    async def scenario(client, token):
        return await client.chat(token=token, question=question)

    assert run_sending_scenario(server, scenario, document)["answers"] == ["Why?"]
