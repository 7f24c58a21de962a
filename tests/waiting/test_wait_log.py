"""What a wait for one task logs, against a fake clock."""

from types import SimpleNamespace

import pytest

from rocketride_sync import TransportError
from rocketride_sync.waiting import wait_loop

from .fake_world import DONE, RUNNING, TOKEN, World

RESET = TransportError("reset")


@pytest.fixture
def lines(caplog, monkeypatch):
    """Runs a wait; what it logged at a level, without the task's name."""

    def run(level, *script):
        world = World(*script)
        monkeypatch.setattr(wait_loop, "system_time", SimpleNamespace(monotonic=world.clock))
        caplog.set_level(level, "rocketride_sync")
        list(world.wait(interval=10.0))
        assert TOKEN not in caplog.text
        prefix = "task tk_5f3a…: "
        assert all(record.getMessage().startswith(prefix) for record in caplog.records)
        return [record.getMessage()[len(prefix) :] for record in caplog.records]

    return run


def test_each_fault_is_logged_and_once_for_how_long_the_task_was_not_seen(lines):
    assert lines("INFO", RUNNING, RESET, RESET, RUNNING, RUNNING, RESET, DONE) == [
        "reset; polling again in 1.0 s at the latest",
        "reset; polling again in 2.0 s at the latest",
        "seen again after 3.0 s",
        "reset; polling again in 1.0 s at the latest",
        "seen again after 1.0 s",
    ]


def test_each_status_is_logged_for_debugging_alone(lines):
    assert lines("INFO", RUNNING, DONE) == []
    assert lines("DEBUG", RUNNING, DONE) == [RUNNING._progress(), DONE._progress()]
