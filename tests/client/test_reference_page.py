"""The Python examples of RocketRide's reference page run as they stand, without their `async` and `await`."""

import json
import re
from pathlib import Path

import pytest
from counting_tasks import FAST
from needing import needs

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"
PAGE = SHARED / "protocol" / "GET-TASK-STATUS.md"
CHANGES = [
    (r"\bawait ", ""),
    (r"\basync ", ""),
    (r"\basyncio\b", "time"),
    (r"\bfrom rocketride import\b", "from rocketride_sync import"),
]

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the reference page is not here")


def examples():
    """The page's Python examples, made synchronous."""
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for pattern, replacement in CHANGES:
        found = [re.sub(pattern, replacement, example) for example in found]
    return found


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the examples take for granted: a server, a pipeline file, a client and the token of a task."""
    config = {"seconds": 1.0, "total": 3, "errors": ["boom"]}
    document = {
        "project_id": "page",
        "source": "src_1",
        "components": [{"id": "src_1", "provider": "simulate", "config": config}],
    }
    (tmp_path / "pipeline.json").write_text(json.dumps({"pipeline": document}))
    monkeypatch.chdir(tmp_path)
    with Emulator(api_key="your-api-key", **FAST) as server:
        monkeypatch.setenv("ROCKETRIDE_URI", server.uri)
        with RocketRideClient(auth="your-api-key") as client:
            token = client.use(pipeline={**document, "project_id": "other"}).token
            found = {"client": client, "token": token}
            yield found
        found["client"].close()  # the examples go on using theirs after its block


def test_the_page_is_understood():
    assert len(examples()) == 4
    assert not any("await" in example or "async" in example for example in examples())


def test_the_examples_run(names, capsys):
    for example in examples():
        exec(compile(example, str(PAGE), "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "State: 3"
    assert re.fullmatch(r"Progress: \d/3", lines[1])
    assert re.fullmatch(r"Processing: \d/3", lines[2])
    assert lines[-1] == "Pipeline finished with exit code: 0"
    assert names["status"].succeeded


def test_the_example_of_errors_catches_them(names, capsys):
    names["token"] = "tk_00000000000000000000000000000000"
    exec(compile(examples()[-1], str(PAGE), "exec"), names)
    assert capsys.readouterr().out.startswith("Failed to get status: ")
