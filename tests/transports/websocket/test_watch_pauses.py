"""How long a pause of a watch lasts: after events, faults and lost connections."""

import os
import time

import pytest

from rocketride_sync import TransportError, TransportTimeoutError
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.transports.websocket import watch as watch_module
from rocketride_sync.transports.websocket.pool import Pool
from rocketride_sync.transports.websocket.watch import WebSocketWatch

STATUS = operations.get_task_status("tk_5f3a0123456789abcdef0123456789ab")


class Breaking:
    """A connection that is lost after a while in which it is listened to."""

    broken = False
    credential = "key"
    pid = property(lambda _: os.getpid())

    def listen(self, deadline):
        time.sleep(0.05)
        self.broken = True
        raise TransportError("lost")

    def queued_event(self):
        return None

    def send_notice(self, *_):
        pass

    def settle(self, *_):
        return True

    def ask(self, *_):
        return {}


@pytest.mark.parametrize("losses", range(5))
def test_the_time_until_a_connection_was_lost_is_part_of_the_pause(monkeypatch, losses):
    slept = []
    monkeypatch.setattr(watch_module, "pause", slept.append)
    watch = WebSocketWatch(Pool(lambda *_: Breaking()), STATUS, "key")
    for _ in range(losses):
        watch.call(STATUS, Deadline(5.0))
        watch.pause(60.0)
    watch.call(STATUS, Deadline(5.0))
    watch.pause(0.1)
    assert len(slept) == losses + 1
    assert slept[-1] <= 0.05


class Scripted:
    """A connection that is listened to: each time an event comes, nothing (None), or the connection is lost."""

    broken = False
    credential = "key"
    pid = property(lambda _: os.getpid())

    def __init__(self, *script):
        self.script = list(script)
        self.pauses = []
        self.fault = None

    def listen(self, deadline):
        self.pauses.append(deadline.remaining())
        happens = self.script.pop(0)
        if isinstance(happens, Exception):
            raise happens
        return happens

    def queued_event(self):
        return None

    def send_notice(self, *_):
        pass

    def settle(self, *_):
        return True

    def ask(self, *_):
        if self.fault:
            raise self.fault
        return {}


def event(action):
    return {"type": "event", "event": "apaevt_task", "body": {"action": action}}


def poll_and_pause(watch, *pauses):
    for seconds in pauses:
        watch.call(STATUS, Deadline(5.0))
        watch.pause(seconds)


def watch_over(connection):
    return WebSocketWatch(Pool(lambda *_: connection), STATUS, "key")


def test_after_an_end_event_pauses_are_short_and_grow():
    connection = Scripted(event("end"), None, None)
    poll_and_pause(watch_over(connection), 60.0, 60.0, 60.0)
    assert 50.0 < connection.pauses[0] <= 60.0
    assert max(connection.pauses[1:]) <= 0.004


@pytest.mark.parametrize("action", ["begin", "restart"])
def test_after_any_other_event_the_next_pause_is_a_whole_one(action):
    connection = Scripted(event(action), None)
    poll_and_pause(watch_over(connection), 60.0, 60.0)
    assert min(connection.pauses) > 50.0


def test_after_a_fault_the_pause_is_the_backoff_even_after_the_end_was_told():
    """The server's wish not to be asked again so soon outweighs the haste after an `end`."""
    connection = Scripted(event("end"), None, None)
    watch = watch_over(connection)
    poll_and_pause(watch, 60.0)
    connection.fault = TransportTimeoutError("late")
    with pytest.raises(TransportTimeoutError):
        watch.call(STATUS, Deadline(5.0))
    watch.pause(60.0)
    connection.fault = None
    poll_and_pause(watch, 60.0)
    assert connection.pauses[1] > 50.0
    assert connection.pauses[2] <= 0.004  # the haste was put off, not forgotten


def test_a_connection_lost_after_a_quiet_pause_is_replaced_at_once(monkeypatch):
    """Only one that is lost again and again is replaced later each time."""
    slept = []
    monkeypatch.setattr(watch_module, "pause", slept.append)
    lost = [TransportError("lost")] * 3
    poll_and_pause(watch_over(Scripted(*lost, None, *lost)), *[60.0] * 7)
    assert slept == [0.0, 0.25, 0.5] * 2
