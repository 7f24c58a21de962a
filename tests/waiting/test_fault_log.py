"""What a wait for many tasks logs of faults, against a fake clock."""

import pytest

from rocketride_sync import ProtocolError, RetryPolicy, TransportError
from rocketride_sync.waiting.fault_log import FaultLog

from .many_world import DONE, RUNNING, World

RESET = "task …, and maybe others: reset; polling again in 2.0 s at the latest"
REFUSED = "task …, and maybe others: refused; polling again in 2.0 s at the latest"
SEEN = "task …, and maybe others: seen again"


@pytest.fixture
def lines(caplog):
    """Tells a `FaultLog` of faults, (moment, text), and of recoveries, (moment, None); what it logs at which moment."""
    caplog.set_level("INFO", "rocketride_sync")

    def tell(*events):
        found = []
        log = FaultLog(lambda: moment)
        for moment, text in events:
            if text is None:
                log.recovery("a")
            else:
                log.fault("a", TransportError(text), 2.0, 300.0)
            found += [(moment, record.getMessage()) for record in caplog.records]
            caplog.clear()
        return found

    return tell


def test_the_same_is_logged_every_ten_seconds(lines):
    moments = (0.0, 1.0, 9.9, 10.0, 19.9, 20.1)
    assert lines(*[(moment, "reset") for moment in moments]) == [(at, RESET) for at in (0.0, 10.0, 20.1)]


def test_another_fault_is_logged_at_once(lines):
    events = [(5.0, "reset"), (6.0, "refused"), (7.0, "reset")]
    assert lines(*events) == [(5.0, RESET), (6.0, REFUSED), (7.0, RESET)]


def test_the_end_of_faults_is_logged_once_and_then_the_same_is_new(lines):
    events = [(0.0, None), (1.0, "reset"), (2.0, None), (3.0, None), (4.0, "reset")]
    assert lines(*events) == [(1.0, RESET), (2.0, SEEN), (4.0, RESET)]


def test_a_wait_logs_a_fault_and_its_end_and_statuses_for_debugging(caplog):
    caplog.set_level("DEBUG", "rocketride_sync")
    script = [RUNNING, TransportError("reset"), RUNNING, RUNNING, DONE]
    World({"a": script}).results(retry=RetryPolicy(initial_delay=2.0, jitter=0))
    found = [record.getMessage() for record in caplog.records]
    assert [line for line in found if "others" in line] == [RESET, SEEN]
    assert sum(line.startswith("task …: RUNNING") for line in found) == 3
    assert sum(line.startswith("task …: COMPLETED") for line in found) == 1
    caplog.clear()
    caplog.set_level("INFO", "rocketride_sync")
    World({"a": [RUNNING, DONE]}).results()
    assert caplog.records == []


@pytest.mark.parametrize("then", [RUNNING, DONE], ids=["running", "ended"])
def test_the_first_fault_of_an_outage_and_its_end_have_a_note_for_people(caplog, then):
    caplog.set_level("INFO", "rocketride_sync")
    script = [RUNNING, TransportError("reset"), TransportError("refused"), then, DONE]
    World({"a": script}).results(retry=RetryPolicy(initial_delay=2.0, jitter=0))
    assert [getattr(record, "outage", None) for record in caplog.records] == [
        "task …, and maybe others: reset; trying again for up to 300 s",
        None,
        "task …, and maybe others: seen again",
    ]


def test_each_outage_of_a_wait_has_such_notes(caplog):
    caplog.set_level("INFO", "rocketride_sync")
    reset = TransportError("reset")
    World({"a": [reset, RUNNING, reset, DONE]}).results(retry=RetryPolicy(initial_delay=2.0, jitter=0))
    notes = [
        "task …, and maybe others: reset; trying again for up to 300 s",
        "task …, and maybe others: seen again",
    ]
    assert [getattr(record, "outage", None) for record in caplog.records] == 2 * notes


def test_an_answer_that_is_malformed_is_no_outage(caplog):
    caplog.set_level("INFO", "rocketride_sync")
    script = [RUNNING, ProtocolError("odd"), RUNNING, ProtocolError("odd"), TransportError("reset"), DONE]
    World({"a": script}).results(retry=RetryPolicy(initial_delay=2.0, jitter=0))
    notes = [getattr(record, "outage", None) or "" for record in caplog.records]
    assert [note.rpartition(": ")[2][:10] for note in notes] == ["", "", "", "reset; try", "seen again"]
