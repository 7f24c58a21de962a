"""Calls over a WebSocket transport."""

import time

from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations

from ..dap_peer import TOKEN

STATUS = operations.get_task_status(TOKEN)
PATIENCE = 20.0
SHORT = 0.5


def ask(transport, seconds=PATIENCE, operation=STATUS):
    return transport.call(operation, Deadline(seconds))


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()
