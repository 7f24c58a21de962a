"""What a connection sends, awaits and keeps of what comes, step by step; over a channel of the test's making."""

import json
import logging
import math
import socket

import pytest

from rocketride_sync import (
    AuthenticationError,
    ConfigurationError,
    ProtocolError,
    ServerError,
    TransportError,
    TransportTimeoutError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import dap, operations
from rocketride_sync.protocol.failures import UnclearRefusalError
from rocketride_sync.transports.websocket import connection as connection_module
from rocketride_sync.transports.websocket.connection import Connection
from rocketride_sync.transports.websocket.upgrade import OddUpgradeError, UpgradeCutError, UpgradeSilentError

from ..dap_peer import KEY, RUNNING, TOKEN

STATUS = operations.get_task_status(TOKEN)
MONITOR = operations.monitor(TOKEN, ["TASK"])
REFUSED = {"success": False, "message": "no such key"}
WELCOME = {"success": True, "body": {"serverVersion": "3.1.2"}}


class Channel:
    """Keeps what is sent. What `comes` is received one after the other, what has `come` without waiting."""

    welcome = WELCOME
    pid = 77

    def __init__(self, sock, address, limit_of, dead_after, deadline):
        self.made_of = (sock, address, limit_of, dead_after, deadline)
        self.dialogue = dap.Dialogue()
        self.steps = []
        self.sent = []
        self.comes, self.come = [], []
        self.expected = []  # operation, deadline, whether another one is in flight
        self.exchanged = []  # operation, deadline, data
        self.broken = False
        self.fault = None

    def guarded(self, step, *args):
        return step(*args)

    def upgrade(self, user_agent, headers):
        self.steps.append(("upgrade", user_agent, headers))

    def take_early(self):
        self.steps.append("take early")

    def exchange(self, operation, deadline, data=None):
        self.exchanged.append((operation, deadline, data))
        if operation.command == "auth":
            self.steps.append(("auth", deadline))
            return self.welcome
        if self.fault is not None:
            raise self.fault
        return {"success": True, "body": RUNNING}

    def expect(self, operation, deadline):
        self.expected.append((operation, deadline, self.dialogue.awaits_answer))

    def send(self, frames, deadline):
        self.sent.append((bytes(frames), deadline))

    def _take(self, several):
        if not several:
            return False
        self.dialogue.receive(json.dumps(several.pop(0)).encode())
        return True

    def receive(self, deadline):
        self.waited_until = deadline
        return self._take(self.comes)

    def receive_buffered(self):
        return self._take(self.come)

    def drain(self):
        while self._take(self.come):
            pass

    def is_silent_since(self, moment):
        return moment < 100.0

    def close(self):
        self.broken = True
        self.steps.append("close")

    def abandon(self):
        self.broken = True
        self.steps.append("abandon")


@pytest.fixture
def connect(monkeypatch):
    monkeypatch.setattr(connection_module, "Channel", Channel)

    def make(auth=KEY, **options):
        return Connection(
            "a socket",
            "an address",
            auth,
            client_name="name",
            client_version="1.2",
            limit_of="limits",
            dead_after=45.0,
            **{"connect_deadline": "of the upgrade", "deadline": "of both", **options},
        )

    return make


@pytest.fixture
def connection(connect):
    return connect()


def that_raises_it(error):
    def step(*_):
        raise error

    return step


def answer(number, **fields):
    return {"type": "response", "request_seq": number, "success": True, **fields}


def event(number):
    return {"type": "event", "event": "apaevt_task", "body": {"number": number}}


# --- its begin


def test_the_upgrade_comes_first_then_the_credential(connect):
    upgraded = []
    connection = connect(headers={"X-Mine": "1"}, on_upgrade=lambda: upgraded.append(True))
    channel = connection.channel
    assert channel.made_of == ("a socket", "an address", "limits", 45.0, "of the upgrade")
    assert channel.steps == [("upgrade", "name/1.2", {"X-Mine": "1"}), "take early", ("auth", "of both")]
    assert channel.exchanged[0][0].arguments["auth"] == KEY
    assert upgraded == [True]
    assert (connection.pid, connection.broken) == (77, False)
    assert (connection.generation, connection.idle_since) == (0, 0.0)
    assert connection.socket_class is socket.socket


@pytest.mark.parametrize(
    ("body", "version"),
    [
        ({"serverVersion": "3.1.2"}, "3.1.2"),
        ({"serverVersion": 3}, None),
        ({}, None),
        ("text", None),
        (None, None),
    ],
)
def test_what_the_server_tells_of_its_version_is_kept(connect, monkeypatch, body, version):
    monkeypatch.setattr(Channel, "welcome", {"success": True, "body": body})
    assert connect().server_version == version


def test_a_refused_credential_closes_it(connect, monkeypatch):
    made = []

    class Refusing(Channel):
        welcome = REFUSED

        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(connection_module, "Channel", Refusing)
    with pytest.raises(AuthenticationError, match="no such key"):
        connect()
    assert made[0].steps[-1] == "close"


@pytest.mark.parametrize(
    ("connecting", "upgrade", "both"),
    [(10.0, 2.0, 2.0), (1.0, 1.0, 1.0)],
    ids=["longer", "shorter"],
)
def test_where_another_transport_can_take_its_place_each_step_has_a_share_of_the_time(
    connect, clock, connecting, upgrade, both
):
    channel = connect(share=0.5, connect_deadline=Deadline(connecting), deadline=Deadline(4.0)).channel
    assert channel.made_of[-1].remaining() == upgrade
    assert channel.exchanged[0][1].remaining() == both


def test_the_share_of_the_credential_is_of_the_time_that_the_upgrade_has_left(connect, clock):
    channel = connect(
        share=0.5,
        connect_deadline=Deadline(10.0),
        deadline=Deadline(4.0),
        on_upgrade=lambda: clock.sleep(1.0),
    ).channel
    assert channel.exchanged[0][1].remaining() == 1.5


def test_where_none_can_the_credential_has_all_the_time(connect, clock):
    deadline = Deadline(4.0)
    channel = connect(
        share=0.5, replaceable=False, connect_deadline=Deadline(10.0), deadline=deadline
    ).channel
    assert channel.made_of[-1].remaining() == 2.0
    assert channel.exchanged[0][1] is deadline


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (TransportError("lost"), UpgradeCutError),
        (TransportTimeoutError("late"), UpgradeSilentError),
        (ProtocolError("odd"), OddUpgradeError),
    ],
)
def test_a_fault_before_the_credential_is_answered_is_one_of_the_upgrade(connect, monkeypatch, fault, kind):
    monkeypatch.setattr(Channel, "exchange", that_raises_it(fault))
    with pytest.raises(kind, match=f"just after the WebSocket upgrade: {fault}") as caught:
        connect()
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("options", "kind"), [({}, AuthenticationError), ({"accepted_before": True}, UnclearRefusalError)]
)
def test_a_refusal_without_a_reason_may_pass_if_the_credential_was_accepted_before(
    connect, monkeypatch, options, kind
):
    monkeypatch.setattr(Channel, "welcome", {"success": False, "message": "'NoneType' object"})
    with pytest.raises(AuthenticationError) as caught:
        connect(**options)
    assert type(caught.value) is kind


# --- one request


def test_a_request_is_exchanged_for_the_body_of_its_answer(connection, caplog):
    caplog.set_level(logging.INFO, "rocketride_sync")
    assert connection.ask(STATUS, "until", b"data") == RUNNING
    assert connection.channel.exchanged[-1] == (STATUS, "until", b"data")
    assert caplog.messages == []
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    assert connection.ask(STATUS, "until") == RUNNING
    assert connection.channel.exchanged[-1] == (STATUS, "until", None)
    assert "get_task_status" in caplog.messages[-1]


@pytest.mark.parametrize(
    ("fault", "sent"),
    [(TransportError("lost"), True), (ProtocolError("odd"), True), (ServerError("refused"), False)],
)
def test_without_an_answer_that_says_something_the_request_may_have_arrived(connection, fault, sent):
    connection.channel.fault = fault
    with pytest.raises(type(fault)) as caught:
        connection.ask(STATUS, Deadline(9.0))
    assert caught.value is fault
    assert fault.request_sent is sent


@pytest.mark.parametrize(("repeatable", "told"), [(False, True), (True, None)])
def test_what_must_not_be_repeated_is_told_before_it_is_sent(connection, monkeypatch, repeatable, told):
    operation, seen = operations.Operation("use", "execute", {}, repeatable=repeatable), []

    def exchange(asked, *_):
        seen.append(asked.sent)
        return {"success": True}

    monkeypatch.setattr(connection.channel, "exchange", exchange)
    connection.ask(operation, Deadline(9.0))
    assert seen == [told]


def test_with_the_token_of_another_task_nothing_is_asked(connect):
    connection = connect("tk_another")
    with pytest.raises(ConfigurationError, match="opens that task only"):
        connection.ask(STATUS, Deadline(9.0))
    assert [operation.command for operation, _, _ in connection.channel.exchanged] == ["auth"]


@pytest.mark.parametrize("ask", [Connection.ask, lambda it, one, until: it.post_all([one], until)])
def test_what_came_before_a_request_is_taken_before_it_is_made(connection, ask):
    """An answer among it cannot be that request's."""
    channel, made = connection.channel, []
    channel.take_early = lambda: made.append(len(channel.exchanged) + len(channel.expected))
    before = len(channel.exchanged)
    ask(connection, STATUS, Deadline(9.0))
    assert made == [before]


# --- several requests


def test_an_answer_that_was_taken_is_interpreted_as_the_one_to_a_request(connection):
    assert connection.interpret(STATUS, {"success": True, "body": RUNNING}) == RUNNING
    with pytest.raises(ServerError, match="no such key"):
        connection.interpret(STATUS, REFUSED)
    with pytest.raises(ServerError) as caught:
        connection.interpret(STATUS, {"success": False, "message": f"not with {KEY}"})
    assert KEY not in str(caught.value)


def test_several_are_sent_at_once_and_answered_in_any_order(connection):
    channel, until = connection.channel, Deadline(9.0)
    first, second = connection.post_all([STATUS, MONITOR], until)
    assert first < second
    assert channel.expected == [(STATUS, until, False), (MONITOR, until, True)]
    assert [deadline for _, deadline in channel.sent] == [until]
    channel.comes = [event(1), answer(second, body="b"), answer(first, body="a")]
    assert connection.next_answer(until) == (second, answer(second, body="b"))
    assert channel.waited_until is until
    assert connection.next_answer(until) == (first, answer(first, body="a"))
    assert connection.next_answer(until) is None
    assert connection.queued_event() == event(1)
    assert connection.longest_answer == len(json.dumps(answer(second, body="b")))


def test_one_may_be_sent_alone(connection):
    channel, until = connection.channel, Deadline(9.0)
    (number,) = connection.post_all([STATUS], until)
    assert channel.expected == [(STATUS, until, False)]
    channel.comes = [answer(number)]
    assert connection.next_answer(until) == (number, answer(number))


@pytest.mark.parametrize("way", ["answer_received", "answer_at_hand"])
def test_an_answer_that_has_come_is_taken_without_waiting(connection, way):
    channel = connection.channel
    first, second = connection.post_all([STATUS, STATUS], Deadline(9.0))
    channel.comes = [event(9)]
    assert getattr(connection, way)() is None
    channel.come = [event(1), answer(first), answer(second)]
    assert getattr(connection, way)() == (first, answer(first))
    assert getattr(connection, way)() == (second, answer(second))
    assert getattr(connection, way)() is None
    assert len(channel.comes) == 1


def test_of_answers_that_were_received_no_more_is_read(connection):
    channel = connection.channel
    first, second = connection.post_all([STATUS, STATUS], Deadline(9.0))
    channel.come = [answer(first), answer(second)]
    connection.drain()
    channel.come = channel.comes = [event(1)]
    for way in (connection.answer_received, connection.answer_at_hand):
        assert way() is not None
    assert len(channel.come) == 1


# --- notices and events


def test_a_notice_is_sent_and_settled_once_its_answer_has_come(connection):
    channel, until = connection.channel, Deadline(9.0)
    assert connection.settled
    connection.send_notice(MONITOR, until)
    assert [deadline for _, deadline in channel.sent] == [until]
    assert not connection.settled
    assert not connection.settle(until)
    assert channel.waited_until is until
    channel.comes = [event(1), answer(1)]
    assert connection.settle(until)
    assert connection.settled
    assert connection.next_answer(until) is None, "its answer is dropped"


def test_settling_reads_what_has_come_first_and_waits_no_longer(connection):
    """So that it finds out that the server closed the connection, though no notice is unanswered."""
    channel = connection.channel
    connection.send_notice(MONITOR, Deadline(9.0))
    channel.come, channel.comes = [answer(1), event(1)], [event(2)]
    assert connection.settle(Deadline(9.0))
    assert (channel.come, len(channel.comes)) == ([], 1)
    channel.come = [event(3)]
    assert connection.settle(Deadline(9.0))
    assert channel.come == []


def test_a_broken_connection_is_never_settled(connection):
    connection.channel.broken = True
    assert connection.broken
    assert not connection.settle(Deadline(9.0))


def test_events_are_handed_out_in_order_and_those_that_came_before_without_waiting(connection):
    channel, until = connection.channel, Deadline(9.0)
    channel.come, channel.comes = [event(1)], [answer(5), event(2), event(3)]
    connection.drain()
    assert connection.listen(until) == event(1)
    assert len(channel.comes) == 3
    assert connection.queued_event() is None
    assert connection.listen(until) == event(2)
    assert channel.waited_until is until
    assert connection.receive_frame(until)
    assert connection.queued_event() == event(3)
    assert not connection.receive_frame(until)
    assert connection.listen(until) is None


def test_the_longest_event_counts_until_it_is_forgotten(connection):
    connection.channel.come = [event(1), event(1000)]
    connection.drain()
    longest = len(json.dumps(event(1000)))
    assert connection.longest_event() == longest
    assert connection.longest_event(forget=True) == longest
    assert connection.longest_event() == 0


# --- its end


def test_it_is_closed_or_abandoned_as_its_channel(connection):
    assert connection.is_silent_since(99.0)
    assert not connection.is_silent_since(math.inf)
    connection.close()
    connection.abandon()
    assert connection.channel.steps[-2:] == ["close", "abandon"]
