"""`use` that is interrupted: the message says what became of the task, and one whose token is lost does not run on."""

import pytest
from handlers import of_auth
from transports.dap_peer import serve
from transports.loopback import Server, answer

from rocketride_sync import (
    MemoryTransport,
    OverloadedError,
    RetryPolicy,
    RocketRideClient,
    TaskNotFoundError,
    TransportError,
)
from rocketride_sync.client import pipelines
from rocketride_sync.client.pipeline_run import PipelineRun
from rocketride_sync.deadline import Deadline
from rocketride_sync.task_fate import task_fate_of
from rocketride_sync.transports import caller, dialing
from rocketride_sync.transports.http import sockets
from rocketride_sync.transports.websocket import channel, handshake

TOKEN = "tk_5f3a0123456789abcdef"
STARTED = {"token": TOKEN}
PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "webhook"}]}


class Stopped(BaseException):
    """What a signal handler may raise, other than a KeyboardInterrupt."""


def called(*script, error=KeyboardInterrupt, **options):
    """The message of the interrupt, and the names of what was called."""
    transport = MemoryTransport(script)
    client = RocketRideClient("h", "key", transport=transport)
    with pytest.raises(error) as caught:
        with client.use(pipeline=PIPELINE, **options):
            raise AssertionError("the block was entered")
    assert TOKEN not in str(caught.value)
    return str(caught.value), [call.name for call in transport.calls]


def test_before_the_answer_the_start_is_unknown():
    message, names = called(KeyboardInterrupt())
    assert "whether the task was started is unknown" in message
    assert len(names) == 1


def test_in_the_first_poll_the_task_is_ended():
    message, names = called(STARTED, KeyboardInterrupt(), None)
    assert message == "interrupted; task tk_5f3a… was ended"
    assert "terminate" in names


def test_whatever_a_signal_handler_raises():
    _, names = called(STARTED, Stopped(), None, error=Stopped)
    assert "terminate" in names


def test_a_message_that_is_there_already_is_left():
    message, names = called(STARTED, KeyboardInterrupt("mine"), None)
    assert message == "mine"
    assert "terminate" in names


def test_a_task_that_cannot_be_ended_is_told():
    message, _ = called(STARTED, KeyboardInterrupt(), TransportError("reset"))
    assert "could not be terminated and may run on" in message


def test_what_the_function_for_the_key_raises_tells_nothing_of_the_task():
    message, _ = called(STARTED, KeyboardInterrupt(), of_auth(TaskNotFoundError("no such secret")))
    assert message.endswith("could not be terminated and may run on: no such secret")


def test_one_that_may_be_somebody_elses_runs_on():
    message, names = called(STARTED, KeyboardInterrupt(), use_existing=True)
    assert message.startswith("interrupted; task tk_5f3a… runs on")
    assert "get_task_token" in message
    assert "terminate" not in names


def test_a_second_one_while_it_is_ended_tells_that_it_may_run_on():
    message, _ = called(STARTED, KeyboardInterrupt(), KeyboardInterrupt())
    assert message.startswith("interrupted; task tk_5f3a… may run on")


def interrupt(*_, **__):
    raise KeyboardInterrupt


def refused(peer):
    """A lack of slots, over each transport."""
    while (request := peer.read_request()) is not None:
        if "upgrade: websocket" in request.lower():
            peer.send(answer(b"", "403 Forbidden"))
            return
        text = b'{"status":"Error","error":{"message":"server rejected WebSocket connection: HTTP 403","file":"transport_websocket.py"}}'
        peer.send(answer(text, "400 Bad Request"))


def interrupt_in_pause(monkeypatch):
    monkeypatch.setattr(caller._Overload, "pause_after", interrupt)


def interrupt_while_connecting(monkeypatch):
    monkeypatch.setattr(dialing.Dialer, "dial", interrupt)


UNSENT = [
    (transport, moment)
    for transport in ("auto", "websocket", "http")
    for moment in (interrupt_in_pause, interrupt_while_connecting)
]


@pytest.mark.parametrize("run", [False, True], ids=["use", "run"])
@pytest.mark.parametrize(("transport", "moment"), UNSENT)
def test_what_cannot_have_been_sent_was_not_started(monkeypatch, caplog, transport, moment, run):
    """While a connection is made, and in the pause after an answer that says that nothing was done."""
    caplog.set_level("INFO", "rocketride_sync")
    monkeypatch.setattr("rocketride_sync.client.lost_start.LostStart.look_before", lambda *_: None)
    with Server(refused) as server, RocketRideClient(server.url, "key", transport=transport) as client:
        moment(monkeypatch)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.run(pipeline=ENDLESS, timeout=20) if run else client.use(pipeline=PIPELINE)
    assert str(caught.value) == "interrupted; the task was not started"
    assert "looking for it" not in caplog.text


def at_the_upgrade(monkeypatch):
    monkeypatch.setattr(handshake.Handshake, "check", interrupt)


def interrupt_at(command):
    def moment(monkeypatch):
        real = channel.Channel.exchange

        def exchange(self, operation, *args):
            return interrupt() if operation.command == command else real(self, operation, *args)

        monkeypatch.setattr(channel.Channel, "exchange", exchange)

    return moment


BEFORE = {
    "pipeline": lambda monkeypatch: monkeypatch.setattr(pipelines, "load", interrupt),
    "upgrade": at_the_upgrade,
    "auth": interrupt_at("auth"),
    "token": interrupt_at("rrext_get_token"),
    "status": interrupt_at("rrext_get_task_status"),
}


@pytest.mark.parametrize("transport", ["auto", "websocket"])
@pytest.mark.parametrize(
    ("run", "moment"),
    [
        (run, BEFORE[name])
        for run in (False, True)
        for name in BEFORE
        if run or name not in ("token", "status")
    ],
)
def test_whatever_comes_before_the_start_it_was_not_started(monkeypatch, caplog, run, transport, moment):
    """`run` looks which run is the latest, and the first connection is made for that; `use` does not look."""
    caplog.set_level("INFO", "rocketride_sync")
    moment(monkeypatch)
    found = serve(lambda it, request: it.answer(request, {"token": TOKEN}))
    with Server(found) as server, RocketRideClient(server.url, "key", transport=transport) as client:
        with pytest.raises(KeyboardInterrupt) as caught:
            client.run(pipeline=ENDLESS, timeout=20) if run else client.use(pipeline=PIPELINE)
    assert str(caught.value) == "interrupted; the task was not started"
    assert task_fate_of(caught.value) == ("the task was not started", False)
    assert "looking for it" not in caplog.text


@pytest.mark.parametrize(
    "name",
    [
        "client.pipelines.load",
        "transports.chunks.encoded",
        "client.timed_upload.TimedUpload",
        "client.pipeline_run.PipelineRun",
        "client.running_methods._running",
    ],
)
def test_nor_while_a_run_is_prepared(monkeypatch, name):
    monkeypatch.setattr(f"rocketride_sync.{name}", interrupt)
    client = RocketRideClient("h", "key", transport=MemoryTransport([{}]))
    webhook = {"source": "s", "components": [{"id": "s", "provider": "webhook"}]}
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted; the task was not started$"):
        client.run(pipeline=webhook, data=b"x")


ENDLESS = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "simulate"}]}


def test_a_run_tells_so_whatever_a_signal_handler_raises(monkeypatch):
    def stop(*_):
        raise Stopped

    monkeypatch.setattr(caller._Overload, "pause_after", stop)
    client = RocketRideClient("h", "key", transport=MemoryTransport([OverloadedError("no slots")]))
    run = PipelineRun(client, {**ENDLESS, "project_id": None}, Deadline(20), {"ttl": 0})
    with pytest.raises(Stopped):
        run.run(lambda task: task)
    assert run.state == "the task was not started"


@pytest.mark.parametrize("refusals", [0, 2])
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_what_may_have_been_sent_may_have_been_started(monkeypatch, transport, refusals):
    """From the first byte on, however often it was refused before."""
    welcome = serve(lambda it, request: it.answer(request, {}))

    def refused_first(peer):
        (refused if server.connections <= refusals else welcome)(peer)

    real = channel.Channel.exchange

    def exchange(self, operation, *args):
        return interrupt() if operation.command == "execute" else real(self, operation, *args)

    def send_all(connection, data, real=sockets._DeadlineConnection._send_all):
        sends.append(data)
        return interrupt() if len(sends) > refusals else real(connection, data)

    sends = []
    monkeypatch.setattr(channel.Channel, "exchange", exchange)
    monkeypatch.setattr(sockets._DeadlineConnection, "_send_all", send_all)
    retry = RetryPolicy(initial_delay=0.01)
    with Server(refused_first if transport == "websocket" else refused) as server:
        with RocketRideClient(server.url, "key", transport=transport, retry=retry) as client:
            with pytest.raises(KeyboardInterrupt, match="whether the task was started is unknown"):
                client.use(pipeline=PIPELINE)


def test_with_a_transport_that_does_not_tell_it_may_have_been_started(monkeypatch):
    """Also in the second try, after an overload."""
    retry = RetryPolicy(initial_delay=0.01)
    transport = MemoryTransport([OverloadedError("no slots"), KeyboardInterrupt()])
    client = RocketRideClient("h", "key", transport=transport, retry=retry)
    with pytest.raises(KeyboardInterrupt, match="whether the task was started is unknown"):
        client.use(pipeline=PIPELINE)


def test_with_any_transport_an_overload_says_that_it_was_not_started(monkeypatch):
    interrupt_in_pause(monkeypatch)
    client = RocketRideClient("h", "key", transport=MemoryTransport([OverloadedError("no slots")]))
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted; the task was not started$"):
        client.use(pipeline=PIPELINE)
