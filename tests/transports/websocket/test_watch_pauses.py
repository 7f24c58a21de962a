"""A pause of a watch lasts no longer than it was asked for, whatever happens to the connection in it."""

import os
import time

import pytest

from rocketride_sync import TransportError
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.transports.websocket import watch as watch_module
from rocketride_sync.transports.websocket.pool import Pool
from rocketride_sync.transports.websocket.watch import WebSocketWatch

STATUS = operations.get_task_status("tk_5f3a0123456789abcdef0123456789ab")


class Breaking:
    """A connection that is lost after a while in which it is listened to."""

    broken = False
    pid = os.getpid()

    def listen(self, deadline):
        time.sleep(0.05)
        self.broken = True
        raise TransportError("lost")

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
    watch = WebSocketWatch(Pool(lambda deadline: Breaking()), STATUS, "key")
    for _ in range(losses):
        watch.call(STATUS, Deadline(5.0))
        watch.pause(60.0)
    watch.call(STATUS, Deadline(5.0))
    watch.pause(0.1)
    assert len(slept) == losses + 1
    assert slept[-1] <= 0.05
