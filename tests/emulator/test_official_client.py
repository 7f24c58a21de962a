"""The official async client against the emulator: the two speak the same protocol."""

import asyncio
import json
import warnings

import pytest
from emulation import KEY, pipeline, read_status, word_count

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    rocketride = pytest.importorskip("rocketride", reason="needs the extra `conformance`")


async def until(condition):
    for _ in range(3000):
        value = condition()
        if value:
            return value
        await asyncio.sleep(0.01)
    return pytest.fail("what was waited for did not come")


def as_task(server, scenario, **options):
    """Run a scenario with a connected client."""

    async def main():
        client = rocketride.RocketRideClient(server.uri, KEY, **options)
        await client.connect()
        try:
            return await scenario(client)
        finally:
            await client.disconnect()

    return asyncio.run(asyncio.wait_for(main(), 60))


def test_a_word_count_is_started_and_waited_for(server, texts):
    async def scenario(client):
        task = await client.use(pipeline=word_count(".", delay=0.2))
        status = await client.get_task_status(task["token"])
        assert status["state"] == 3
        while not status["completed"]:
            await asyncio.sleep(0.1)
            status = await client.get_task_status(task["token"])
        return task, status

    task, status = as_task(server, scenario)
    assert json.loads(json.dumps(status)) == read_status(server, task["token"])
    words = sum(len(path.read_bytes().split()) for path in texts.rglob("*") if path.is_file())
    assert status["wordsCount"] == words


def test_events_are_monitored(server):
    events = []

    async def on_event(message):
        events.append(message)

    async def scenario(client):
        document = pipeline("simulate", seconds=0.6)
        task = await client.use(pipeline=document)
        await client.add_monitor({"token": task["token"]}, ["SUMMARY", "TASK"])
        await until(lambda: [e for e in events if e["body"].get("action") == "end"])
        return task

    as_task(server, scenario, on_event=on_event)
    states = [event["body"]["state"] for event in events if event["event"] == "apaevt_status_update"]
    assert states[0] == 3
    assert states[-1] == 5


def test_tasks_are_listed_and_terminated(server):
    async def scenario(client):
        task = await client.use(pipeline=pipeline("webhook"))
        listed = [entry["token"] for entry in await client.get_tasks()]
        await client.terminate(task["token"])
        left = [entry["token"] for entry in await client.get_tasks()]
        return task["token"], listed, left, await client.get_task_status(task["token"])

    token, listed, left, status = as_task(server, scenario)
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

    as_task(server, scenario)


def test_a_wrong_key_is_refused(server):
    async def main():
        client = rocketride.RocketRideClient(server.uri, "wrong")
        with pytest.raises(Exception, match="Invalid API key"):
            await client.connect()

    asyncio.run(asyncio.wait_for(main(), 60))
