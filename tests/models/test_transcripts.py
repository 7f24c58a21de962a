"""Every status in the recorded exchanges decodes, and nothing of it is lost."""

import json
from pathlib import Path

import pytest
from cases import each

from rocketride_sync.models import TaskStatus

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"
RECORDINGS = sorted((SHARED / "transcripts").glob("*.jsonl"))

pytestmark = pytest.mark.skipif(not RECORDINGS, reason="the recorded exchanges are not here")


def documents(path):
    """The status documents of one recording: `data` of HTTP answers, `body` of WebSocket messages."""
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        text = record.get("body") if record["kind"] == "http" else record.get("payload")
        try:
            message = json.loads(text or "null")
        except ValueError:
            continue
        inner = message.get("data", message.get("body")) if isinstance(message, dict) else None
        if isinstance(inner, dict) and "exitCode" in inner:
            yield inner


def test_there_are_recorded_statuses():
    assert sum(1 for path in RECORDINGS for _ in documents(path)) > 200


@each("path", RECORDINGS, ids=[path.stem for path in RECORDINGS])
def test_recorded_statuses_come_back(path):
    for document in documents(path):
        decoded = TaskStatus.from_dict(document)
        absent = {key: value for key, value in TaskStatus().to_dict().items() if key not in document}
        assert decoded.to_dict() == {**document, **absent}
        assert TaskStatus.from_dict(decoded.to_dict()) == decoded
        assert len(repr(decoded)) < 80
