"""What must be true after a life: nothing is left taken, nothing was done twice, and the client still works."""

from __future__ import annotations

import gc

from . import seams, virtual_threads
from .invariants import Call, check_status, require


def check_afterwards(life, client):
    """Nothing is left taken, and the same client still works."""
    world = life.world
    # What a stall holds up at the moment still arrives.
    held = max((fault.end - world.now for fault in life.faults.all if fault.kind == "stall"), default=0.0)
    life.server.heal()
    world.sleep(2.0 + max(0.0, held))
    # A slow server works on what nobody waits for any more, and has no slot meanwhile.
    world.wait(lambda: not life.server.admission.requests_in_service, 60.0)
    for session in life.engine.subscribers:
        connection = session._connection
        require(
            not connection.held or session.passes_over_monitor,
            "connection %s is still subscribed: %s",
            connection.number,
            session.subscribed,
        )
    token = life.locked_to or life.new_token()
    life.engine.start(token, "after", "source", "well", starting=0.0, seconds=1000.0, lingering=0.0)
    world.sleep(0.5)
    call = Call(life, "a call afterwards", 30.0).make(client.get_task_status, token, timeout=30.0)
    require(call.error is None, "afterwards the client does not work: %r", call.error)
    check_status(life, call, token, call.result, call.begin)
    client.close()
    world.sleep(2.0)
    if life.interrupted and (life.network.left_open() or seams.locks_taken()):
        gc.collect()  # what is held by the traceback of an interrupt alone
    left = [connection.number for connection in life.network.left_open()]
    require(not left, "connections are left open: %s", left)
    require(not virtual_threads.left_running(), "%s threads go on", virtual_threads.left_running())
    require(not seams.locks_taken(), "%s locks are left taken", seams.locks_taken())
    for name, marks in (("executed", life.engine.executed), ("sent", life.server.pipes.begun)):
        twice = sorted({mark for mark in marks if marks.count(mark) > 1})
        require(not twice, "%s twice: %s", name, twice)
