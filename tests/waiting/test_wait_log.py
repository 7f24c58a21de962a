"""What a wait for one task logs, against a fake clock."""

from types import SimpleNamespace

import pytest

from rocketride_sync import ProtocolError, RetryPolicy, TransportError
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


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, " for up to 300 s"),
        ({"timeout": 60.0}, " for up to 60 s"),
        ({"retry": RetryPolicy(max_outage=None, initial_delay=1.0, jitter=0)}, ""),
    ],
)
def test_the_first_fault_of_an_outage_and_its_end_have_a_note_for_people(caplog, monkeypatch, options, limit):
    world = World(RESET, RESET, RUNNING, DONE)
    monkeypatch.setattr(wait_loop, "system_time", SimpleNamespace(monotonic=world.clock))
    caplog.set_level("INFO", "rocketride_sync")
    list(world.wait(interval=10.0, **options))
    assert [getattr(record, "outage", None) for record in caplog.records] == [
        f"task tk_5f3a…: reset; trying again{limit}",
        None,
        "task tk_5f3a…: seen again after 3.0 s",
    ]


def test_each_outage_of_a_wait_has_such_notes(caplog, monkeypatch):
    world = World(RESET, RUNNING, RESET, DONE)
    monkeypatch.setattr(wait_loop, "system_time", SimpleNamespace(monotonic=world.clock))
    caplog.set_level("INFO", "rocketride_sync")
    list(world.wait(interval=10.0))
    notes = ["task tk_5f3a…: reset; trying again for up to 300 s", "task tk_5f3a…: seen again after 1.0 s"]
    assert [getattr(record, "outage", None) for record in caplog.records] == 2 * notes


def test_an_answer_that_is_malformed_is_no_outage(caplog, monkeypatch):
    world = World(RUNNING, ProtocolError("odd"), RUNNING, ProtocolError("odd"), RESET, DONE)
    monkeypatch.setattr(wait_loop, "system_time", SimpleNamespace(monotonic=world.clock))
    caplog.set_level("INFO", "rocketride_sync")
    list(world.wait(interval=10.0))
    notes = [getattr(record, "outage", "").rpartition(": ")[2][:10] for record in caplog.records]
    assert notes == ["", "", "", "reset; try", "seen again"]
