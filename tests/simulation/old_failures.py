"""What failed once, or would come too seldom by chance: each as a life that is written down. The seed chooses latencies.

`make plant` takes the mend of each away again, and looks whether its life fails then.
"""

from __future__ import annotations

import itertools

from rocketride_sync.errors import RocketRideError, TransportError, WaitTimeoutError

from .actions import action
from .faults import Fault
from .invariants import Call, check_status, require
from .short_lives import pipeline

LIVES = {}  # the transports of each
_ALL = ("websocket", "http", "auto")


def old(*transports):
    def register(function):
        LIVES[function.__name__] = transports
        return action(function.__name__, scripted=True)(function)

    return register


def _fault(life, kind, seconds, variant=0):
    life.faults.calm = False
    now = life.world.now
    life.faults.all.append(Fault(kind, now, now + seconds, 1.0, variant))


def _read(life, client, token):
    """The status of a task; nothing may prevent it."""
    call = Call(life, "get_task_status", 10.0).make(client.get_task_status, token, timeout=10.0)
    require(call.error is None, "get_task_status failed: %r", call.error)
    check_status(life, call, token, call.result, call.begin)


@old(*_ALL)
def old_informational_answers(life, client):
    """1xx before the answer, or before that to the upgrade, was taken for it."""
    token = life.new_run(seconds=500.0).token
    life.world.sleep(4.0)
    for variant in range(3):
        _fault(life, "early hints", 5.0, variant)
        _read(life, client, token)
        life.world.sleep(7.0)  # a connection of HTTP is closed meanwhile
        life.network.close_all()


@old("http")
def old_answers_cut_in_the_head(life, client):
    """They were a `ProtocolError`, which ends a wait."""
    token, spoil = life.new_run(seconds=500.0).token, life.server.spoil
    life.world.sleep(4.0)
    for size in (0, 1, 4, 8, 12, 15, 17, 30, 60, 90):

        def cut(connection, answer, size=size):
            connection.write(answer[:size])
            connection.close()

        life.server.spoil = cut
        call = Call(life, "get_task_status", 10.0).make(client.get_task_status, token, timeout=10.0)
        require(isinstance(call.error, TransportError), "an answer of %s bytes is %r", size, call.error)
    life.server.spoil = spoil


@old("http", "auto")
def old_408_on_an_idle_connection(life, client):
    """What a proxy says before it closes an idle connection was taken for the answer to the next request."""
    _fault(life, "upgrade refused", 500.0)
    _fault(life, "idle connections answered 408", 500.0)
    token = life.new_run(seconds=500.0).token
    for _ in range(4):
        life.world.sleep(6.0)
        _read(life, client, token)


@old("auto")
def old_upgrades_that_do_not_pass(life, client):
    """A swallowed upgrade took all of a call's time; and `run` did not go over HTTP if it was swallowed or cut.

    Where it was accepted and nothing passed after it, nothing went over HTTP.
    """
    token = life.new_run(seconds=500.0).token
    life.world.sleep(4.0)
    vain = [("upgrade in vain", variant) for variant in range(3)]
    for kind, variant in [("upgrade swallowed", 0), ("upgrade cut", 0), *vain]:
        client.close()
        _fault(life, kind, 30.0, variant)
        begun = life.world.now
        for timeout in (3.0, 5.0, 5.0, 5.0, 3.0):
            call = Call(life, "get_task_status", timeout).make(client.get_task_status, token, timeout=timeout)
            require(call.error is None, "%s: get_task_status failed: %r", kind, call.error)
        require(life.world.now - begun < 4.0 + 5 * life.round_trip, "%s: it was not learned", kind)
        client.close()
        run = Call(life, "run", None).make(
            client.run, pipeline=pipeline(life, life.new_token()), interval=0.2, timeout=4.0
        )
        require(isinstance(run.error, WaitTimeoutError), "%s: run failed: %r", kind, run.error)
        require("the task had not ended" in str(run.error), "%s: run did not start: %r", kind, run.error)
        life.world.sleep(40.0)


@old("websocket", "auto")
def old_object_sent_twice(life, client):
    """An overload answer in the middle of an object made the client send that piece again."""
    token = life.new_run(seconds=500.0).token
    life.world.sleep(4.0)

    def send():
        with client.pipe(token, timeout=10.0) as pipe:
            _fault(life, "overload", 0.5)
            pipe.write(b"object|and more")
            pipe.close()

    life.objects["object"] = b"object|and more"
    call = Call(life, "pipe", 60.0).make(send)
    require(isinstance(call.error, RocketRideError), "the overload is %r", call.error)
    require(life.server.pipes.whole == {}, "the object was closed after all")


@old("websocket", "auto")
def old_answers_after_the_deadline(life, client):
    """Of answers that went on coming after the deadline, each took a millisecond more."""
    tokens = [life.new_run(seconds=500.0, starting=0.01).token for _ in range(40)]
    client.get_task_status(tokens[0])
    takes = itertools.cycle(0.5 + number * 0.0009 for number in range(len(tokens)))
    thinking, life.server.think = life.server.think, lambda: next(takes)
    for timeout in (0.505, 0.515, 0.525):
        Call(life, "wait_all", timeout).make(client.wait_all, tokens, timeout=timeout, interval=10.0)
    life.server.think = thinking


@old("websocket", "auto")
def old_subscription_that_is_left(life, client):
    """A request to unsubscribe overtook the one to subscribe, on a connection that was kept."""
    thinking = life.server.think
    for subscribing, asking in itertools.product((0.3, 3.0), (0.001, 0.1)):
        run = life.new_run(seconds=0.6, how="well", starting=0.5)
        life.world.sleep(1.0)
        client.get_task_status(run.token)
        serve = life.server.answers.websocket_request

        def late(session, request, command, arguments, serve=serve, seconds=subscribing):
            if command == "rrext_monitor" and arguments["types"]:
                life.world.later(seconds, serve, session, request, command, arguments)
            else:
                serve(session, request, command, arguments)

        life.server.answers.websocket_request, life.server.think = late, lambda seconds=asking: seconds
        client.wait_until_complete(run.token, timeout=20.0, interval=0.5)
        life.server.answers.websocket_request, life.server.think = serve, thinking


@old("http")
def old_date_in_retry_after(life, client):
    """It was compared with the client's clock, and the server's may differ by hours."""
    token = life.new_run(seconds=500.0).token
    life.world.sleep(4.0)
    _fault(life, "proxy page", 500.0, 28 + 7 * 3 + 3)  # 3 seconds, as a date
    for _ in range(9):
        call = Call(life, "get_task_status", 10.0).make(client.get_task_status, token, timeout=10.0)
        after = getattr(call.error, "retry_after", None)
        require(after is not None and 1.0 <= after <= 4.0, "Retry-After is %s, of %r", after, call.error)


@old("http", "auto")
def old_terminate_over_a_dead_connection(life, client):
    """The status just before could not be read, and the end was not known to be this client's."""
    for _ in range(3):
        run = life.new_run(seconds=500.0, how="well", starting=0.01)
        life.world.sleep(1.0)
        _read(life, client, run.token)
        life.server.silence()
        client.terminate(run.token, timeout=60.0)
        status = client.get_task_status(run.token)
        require(status.terminated_by_client, "the end by `terminate` is not known to be the client's")


@old(*_ALL)
def old_start_without_an_answer(life, client):
    """A kept connection is closed in place of the answer: the task runs perhaps, and is not started again."""
    token = life.new_run(seconds=500.0).token
    life.world.sleep(4.0)
    _read(life, client, token)
    spoil, life.server.spoil = life.server.spoil, lambda connection, answer: connection.close()
    call = Call(life, "use", 10.0).make(client.use, pipeline=pipeline(life, life.new_token()), timeout=10.0)
    life.server.spoil = spoil
    require(isinstance(call.error, TransportError), "use without an answer is %r", call.error)
    require(call.error.request_sent, "use: that the request was sent is not told")
