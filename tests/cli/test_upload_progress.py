"""What the command line makes of the events of files that are sent."""

from __future__ import annotations

import time
from typing import Any, List

import pytest

from rocketride_sync import MemoryTransport, RocketRideClient, ServerError, WaitTimeoutError
from rocketride_sync.cli.progress import ProgressPrinter
from rocketride_sync.cli.upload_progress import UploadWithProgress


class Display:
    """Keeps what it should show."""

    def __init__(self) -> None:
        self.seen: List[Any] = []
        self.said: List[str] = []
        self.update = self.seen.append
        self.print_note = self.said.append


@pytest.fixture
def display():
    return Display()


@pytest.fixture
def files(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"x" * 100)
    return [str(tmp_path / name) for name in "ab"]


class Client(RocketRideClient):
    """Gives each file all the time it wants."""

    def send_files(self, *args, timeout, **options):
        return super().send_files(*args, **options)


def send(script, files, display, timeout=None):
    upload = UploadWithProgress(files, ProgressPrinter(display), timeout)
    upload.send(Client("localhost", "key", transport=MemoryTransport(script)), "tk_1")


def test_a_file_that_is_named_twice_counts_twice(files, display):
    send([{}, {}, {}, {"state": 3}], [files[0], files[1], files[0]], display)
    assert {seen.total for seen in display.seen} == {300}
    shown = [seen.done for seen in display.seen]
    assert shown[-1] == 300
    assert shown == sorted(shown)


def slowly(*answers):
    """Answers, the second of which, like all after it, comes when a second has passed."""
    yield answers[0]
    time.sleep(1.2)
    yield from answers[1:]


def test_when_all_are_through_the_time_is_not_up(files, display):
    """Not even if one failed and the last one took longer."""
    send(slowly(ServerError("refused"), {}, {"state": 3}), files, display, timeout=1.0)
    assert len(display.said) == 1


def test_what_fails_once_time_is_up_fails_for_that(files, display):
    with pytest.raises(WaitTimeoutError, match="1 of 2 files were through after 1 s"):
        send(slowly(ServerError("refused"), ServerError("refused")), files, display, timeout=1.0)
