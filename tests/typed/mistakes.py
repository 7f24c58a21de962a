# pyright: standard
"""Mistakes that type checkers must find, on the lines that say so, and right uses, in which they must find none.

This file is checked, not run.
"""

from __future__ import annotations

import concurrent.futures
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Iterator, List, Mapping

from rocketride_sync import RocketRideClient, RunResult, Task, TaskStatus, UploadEvent, UploadResult

client = RocketRideClient("host", "key", transport="http", timeout=timedelta(minutes=1))
pipeline = {"components": [{"id": "a"}]}


def read_key() -> str:
    return "key"


def follow(event: UploadEvent) -> None:
    if event["action"] == "complete":
        print(event["upload_time"], event["result"])
    print(event["upload_time"])  # mistake


def follow_any(event: Mapping[str, object]) -> None:
    print(event["filepath"])


def seen(status: TaskStatus) -> None:
    print(status.completed_count)


def tokens() -> Iterator[str]:
    yield "tk_1"


# Right.
RocketRideClient(auth=read_key, headers={"X-Gateway": "secret"}, connect_timeout=Decimal("1.5"))
task: Task = client.use("job.pipe")
client.use(Path("job.pipe"), ttl=timedelta(hours=1), trace_level="full")
client.use(filepath="job.pipe")
client.use(pipeline=pipeline, token="tk_mine")
done: RunResult = client.run(
    "job.pipe", files=["a.txt", Path("b.txt"), ("c.txt", {"name": "c"})], on_upload=follow
)
client.run(pipeline=pipeline, data=b"x", timeout=5, on_progress=seen)
uploads: List[UploadResult] = client.send_files(["a.txt"], "tk_1", on_progress=follow_any)
print(uploads[0]["result"], uploads[0].get("error"))
client.wait_all(["tk_1"], return_when="FIRST_EXCEPTION")
client.wait_all(("tk_1",), return_when=concurrent.futures.FIRST_COMPLETED)
client.wait_all({"tk_1"}, timedelta(hours=1), 2)
client.wait_all({"tk_1": 1}.keys(), Decimal(5))
client.wait_all(tokens())
client.wait_all(token for token in ["tk_1"])
client.as_completed(["tk_1"])
client.get_task_status("tk_1", timeout=None)
client.with_options(timeout=timedelta(seconds=5)).get_task_status("tk_1", timeout=3)
client.task("tk_1", previous=client.get_task_status("tk_1")).done()

# Mistakes.
client.use()  # mistake
client.use(token="tk_mine")  # mistake
client.use("job.pipe", pipeline=pipeline)  # mistake
client.use("job.pipe", trace_level="fulll")  # mistake
client.use("job.pipe", pipelineTraceLevel="full")  # mistake
client.run()  # mistake
client.run("job.pipe", file=["a.txt"])  # mistake
RocketRideClient(transport="htttp")  # mistake
RocketRideClient(auth=5)  # mistake
RocketRideClient(auth=lambda: 5)  # mistake
RocketRideClient(persist=True)  # mistake
RocketRideClient(headers={"X": 5})  # mistake
client.wait_all("tk_1")  # mistake
client.wait_all(["tk_1"], return_when="FRIST_COMPLETED")  # mistake
client.as_completed("tk_1")  # mistake
client.wait_until_complete("tk_1", timeout="5")  # mistake
client.get_task_status(task)  # mistake
client.connect()  # mistake
print(uploads[0]["results"])  # mistake
print(done.result)  # mistake
