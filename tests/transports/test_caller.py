"""When a call is tried again: while the server is overloaded, in a time of the test's own, and with another key."""

import logging

import pytest
from handlers import of_auth

from rocketride_sync import (
    AuthenticationError,
    ConfigurationError,
    OverloadedError,
    RetryPolicy,
    ServerError,
    TransportError,
    TransportTimeoutError,
    deadline,
)
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol.failures import UnclearRefusalError
from rocketride_sync.protocol.operations import Operation, get_task_status
from rocketride_sync.transports.caller import Caller, check_task, refusal_of, with_key, with_unknown_outcome

TOKEN = "tk_0123456789abcdef0123456789abcdef"
ANOTHER = "tk_fedcba9876543210fedcba9876543210"
STATUS = get_task_status(TOKEN)


class Time:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Overloaded:
    """A transport whose server has no slot; an answer takes 10 ms. Notes when it was asked."""

    def __init__(self, time, retry_after=None):
        self.asked_at = []
        self._time = time
        self._retry_after = retry_after

    def call(self, operation, deadline):
        self.asked_at.append(self._time.now - 1000.0)
        self._time.now += 0.01
        raise OverloadedError("no slots", retry_after=self._retry_after)


@pytest.fixture
def time(monkeypatch):
    time = Time()
    monkeypatch.setattr(deadline, "system_time", time)
    return time


def asked(time, seconds, retry_after=None, **policy):
    transport = Overloaded(time, retry_after)
    with pytest.raises(OverloadedError):
        Caller(transport, RetryPolicy(**policy)).call(STATUS, Deadline(seconds))
    return transport.asked_at


@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.0, 30.0])
def test_it_is_tried_until_the_time_is_nearly_up(time, seconds):
    moments = asked(time, seconds)
    assert seconds - 0.12 < moments[-1] < seconds


def test_it_is_tried_for_the_longest_outage_if_that_is_shorter(time):
    assert 1.88 < asked(time, 30.0, max_outage=2.0)[-1] < 2.02


def test_near_the_end_the_pauses_are_halves_of_what_is_left(time):
    moments = asked(time, 10.0, initial_delay=4.0, max_delay=4.0, jitter=0.0)
    assert moments[:3] == pytest.approx([0.0, 4.01, 8.02])
    assert len(moments) == 8


def test_without_time_it_is_tried_once(time):
    assert asked(time, 30.0, max_outage=0.01) == [0.0]


class Late:
    """A transport whose server has no slot when it is first asked; the second time, it does not answer in time."""

    def __init__(self, time, first_took, request_sent=False):
        self.calls = 0
        self._time = time
        self._first_took = first_took
        self._request_sent = request_sent

    def call(self, operation, deadline):
        self.calls += 1
        if self.calls == 1:
            self._time.now += self._first_took
            raise OverloadedError("no slots")
        self._time.now += deadline.remaining()
        fault = TransportTimeoutError("no answer")
        fault.request_sent = self._request_sent
        raise fault


@pytest.mark.parametrize(
    ("request_sent", "expected"), [(False, OverloadedError), (True, TransportTimeoutError)]
)
def test_a_try_without_time_hides_no_overload_but_a_request_that_may_have_arrived_does(
    time, request_sent, expected
):
    transport = Late(time, 9.5, request_sent)
    with pytest.raises(expected) as caught:
        Caller(transport, RetryPolicy()).call(STATUS, Deadline(10.0))
    assert transport.calls == 2
    assert caught.value.__context__ is None


@pytest.mark.parametrize("first_took", [0.0, 7.0])
def test_a_try_with_time_tells_that_the_server_is_silent_now(time, first_took):
    transport = Late(time, first_took)
    with pytest.raises(TransportTimeoutError, match="no answer"):
        Caller(transport, RetryPolicy()).call(STATUS, Deadline(10.0))
    assert transport.calls == 2


def test_a_timeout_without_any_overload_comes_out(time):
    fault = TransportTimeoutError("no answer")

    def step():
        raise fault

    with pytest.raises(TransportTimeoutError) as caught:
        Caller(None, RetryPolicy()).retry_overload(step, Deadline(0.5))
    assert caught.value is fault


@pytest.mark.parametrize(("retry_after", "times"), [(3600.0, 1), (10.0, 1), (6.0, 2), (2.0, 5)])
def test_what_the_server_asks_for_is_never_shortened(time, retry_after, times):
    moments = asked(time, 10.0, retry_after, initial_delay=0.1)
    pauses = [later - earlier for earlier, later in zip(moments, moments[1:])]
    assert len(moments) == times
    assert all(pause >= retry_after for pause in pauses)


def test_the_server_is_asked_again_until_it_has_a_slot(time, caplog):
    caplog.set_level(logging.INFO, "rocketride_sync")
    retry = RetryPolicy(initial_delay=1.0, max_delay=16.0, multiplier=2.0, jitter=0.0)
    answers = iter([OverloadedError("no slots")] * 3)
    asked_at = []

    def step():
        asked_at.append(time.now - 1000.0)
        fault = next(answers, None)
        if fault is not None:
            raise fault
        return "found"

    assert Caller(None, retry).retry_overload(step, Deadline(30.0)) == "found"
    assert asked_at == pytest.approx([0.0, 1.0, 3.0, 7.0])
    asking = [f"no slots; asking again in {pause} s" for pause in ("1.0", "2.0", "4.0")]
    assert caplog.messages == [*asking, "the server answers again"]


class Slots:
    """A step that a server without a slot refuses, but for those tries whose numbers are `accepted`."""

    def __init__(self, *accepted, fault="no slots"):
        self.tries, self._accepted, self._fault = 0, accepted, fault

    def __call__(self):
        self.tries += 1
        if self.tries not in self._accepted:
            raise OverloadedError(self._fault)
        return self.tries


@pytest.fixture
def notes(caplog):
    """What people are told, where the other lines of a log are not shown."""
    caplog.set_level(logging.INFO, "rocketride_sync")
    return lambda: [record.outage for record in caplog.records if hasattr(record, "outage")]


EVERY_HALF_SECOND = {"initial_delay": 0.5, "max_delay": 0.5, "jitter": 0.0}


@pytest.mark.parametrize(
    ("tries", "limits", "expected"),
    [
        (2, {}, []),  # half a second: nobody has begun to wonder
        (3, {}, ["no slots; trying again for up to 30 s", "the server answers again"]),
        (9, {}, ["no slots; trying again for up to 30 s", "the server answers again"]),
        (9, {"max_outage": 20.0}, ["no slots; trying again for up to 20 s", "the server answers again"]),
    ],
)
def test_who_waits_for_longer_than_a_moment_is_told_why_and_that_it_is_over(
    time, notes, tries, limits, expected
):
    caller = Caller(None, RetryPolicy(**{**EVERY_HALF_SECOND, **limits}))
    assert caller.retry_overload(Slots(tries), Deadline(30.5 if not limits else 60.0)) == tries
    assert notes() == expected


def test_a_pause_that_lasts_longer_than_a_moment_is_told_before_it(time, notes, monkeypatch):
    told = []

    def sleep(seconds):
        told.append(notes())
        time.now += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    retry = RetryPolicy(initial_delay=3.0, jitter=0.0, max_outage=None)
    Caller(None, retry).retry_overload(Slots(2), Deadline(None))
    assert told[0] == ["no slots; trying again"]


def test_of_many_calls_it_is_told_once_in_a_while(time, notes):
    caller = Caller(None, RetryPolicy(**EVERY_HALF_SECOND))
    for _ in range(6):  # two seconds each
        caller.retry_overload(Slots(5), Deadline(30.2))
    assert notes().count("no slots; trying again for up to 30 s") == 2


def test_in_one_call_it_is_told_once_however_long_it_lasts(time, notes):
    caller = Caller(None, RetryPolicy(**EVERY_HALF_SECOND))
    caller.retry_overload(Slots(50), Deadline(30.0))
    assert len(notes()) == 2


class Sending:
    """A transport that tells whether it has sent an operation, or does not; notes what was known when it was called."""

    def __init__(self, *outcomes, tells=True):
        self.known, self._outcomes, self._tells = [], list(outcomes), tells

    def call(self, operation, deadline):
        self.known.append(operation.sent)
        operation.sent = self._tells or operation.sent
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def start():
    return Operation("use", "execute", {})


@pytest.mark.parametrize("tells", [True, False])
def test_after_an_overload_nothing_was_sent_until_it_is_tried_again(time, monkeypatch, tells):
    operation, in_pauses = start(), []

    def sleep(seconds):
        in_pauses.append(operation.sent)
        time.now += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    transport = Sending(OverloadedError("no slots"), OverloadedError("no slots"), "started", tells=tells)
    assert Caller(transport, RetryPolicy(initial_delay=0.1)).call(operation, Deadline(30.0)) == "started"
    assert transport.known == [None, None, None]
    assert in_pauses == [False, False]
    assert operation.sent is (True if tells else None)


@pytest.mark.parametrize("fault", [TransportError("broke"), KeyboardInterrupt()])
def test_after_another_fault_it_may_have_been_sent(fault):
    operation = start()
    with pytest.raises(type(fault)):
        Caller(Sending(fault), RetryPolicy()).call(operation, Deadline(30.0))
    assert operation.sent is True


def test_of_what_may_be_repeated_nothing_is_noted(time):
    class Answering:
        def call(self, operation, deadline):
            return operation.sent

    operation = Operation("get_tasks", "rrext_get_tasks", {}, repeatable=True)
    operation.sent = "as it was"
    assert Caller(Answering(), RetryPolicy()).call(operation, Deadline(30.0)) == "as it was"


def test_what_is_given_up_is_not_told_to_be_over(time, notes):
    with pytest.raises(OverloadedError):
        Caller(None, RetryPolicy(**EVERY_HALF_SECOND)).retry_overload(Slots(), Deadline(5.6))
    assert notes() == ["no slots; trying again for up to 5 s"]


def test_an_outage_lasts_from_its_first_answer(time):
    retry = RetryPolicy(initial_delay=4.0, max_delay=4.0, jitter=0.0, max_outage=10.0)
    transport = Overloaded(time)
    time.now = 1000.0
    with pytest.raises(OverloadedError):
        Caller(transport, retry).call(STATUS, Deadline(None))
    assert transport.asked_at[:3] == pytest.approx([0.0, 4.01, 8.02])
    assert 9.8 < transport.asked_at[-1] < 10.02


def test_an_overload_of_the_function_for_the_key_is_nothing_to_ask_again_for(time):
    mine = of_auth(OverloadedError("mine"))
    asked_at = []

    def step():
        asked_at.append(time.now)
        raise mine

    with pytest.raises(OverloadedError) as caught:
        Caller(None, RetryPolicy()).retry_overload(step, Deadline(30.0))
    assert caught.value is mine
    assert len(asked_at) == 1


def test_with_hardly_any_time_left_there_is_no_further_try(time):
    """Half of what is left is a pause, but not for a try of a few milliseconds."""
    for seconds, times in ((0.05, 1), (0.0501, 2)):
        moments = []

        def step(moments=moments):
            moments.append(time.now)
            raise OverloadedError("no slots")

        time.now = 0.0
        with pytest.raises(OverloadedError):
            Caller(None, RetryPolicy(initial_delay=9.0, jitter=0.0)).retry_overload(step, Deadline(seconds))
        assert len(moments) == times


@pytest.mark.parametrize("backoff", [4.0, 4.5])
def test_a_backoff_of_no_less_than_is_left_is_half_of_that(time, backoff):
    moments = []

    def step():
        moments.append(time.now)
        if len(moments) == 1:
            raise OverloadedError("no slots")

    time.now = 0.0
    Caller(None, RetryPolicy(initial_delay=backoff, jitter=0.0)).retry_overload(step, Deadline(4.0))
    assert moments == [0.0, 2.0]


@pytest.mark.parametrize(("retry_after", "times"), [(5.0, 1), (4.99, 2)])
def test_a_try_at_the_very_end_is_none(time, retry_after, times):
    moments = []

    def step():
        moments.append(time.now)
        raise OverloadedError("no slots", retry_after=retry_after)

    time.now = 0.0
    with pytest.raises(OverloadedError):
        Caller(None, RetryPolicy(initial_delay=0.5, jitter=0.0)).retry_overload(step, Deadline(5.0))
    assert len(moments) == times


@pytest.mark.parametrize(
    ("max_outage", "seconds", "limited"),
    [(None, 9.0, True), (None, None, True), (10.0, 9.0, True), (10.0, 10.0, False), (10.0, None, False)],
)
def test_what_ends_the_tries_is_the_shorter_of_the_two_times(time, max_outage, seconds, limited):
    time.now = 0.0
    assert Caller(None, RetryPolicy(max_outage=max_outage)).is_limited_by(Deadline(seconds)) is limited


# --- whether it was carried out


ONCE = Operation(name="terminate", command="terminate", arguments={}, recovery=": ask for its status")


def lost(request_sent):
    fault = TransportError("lost")
    fault.request_sent = request_sent
    return fault


def test_of_what_may_have_been_carried_out_and_must_not_be_repeated_the_message_says_so(time):
    fault = lost(request_sent=True)

    def step():
        raise fault

    with pytest.raises(TransportError) as caught:
        Caller(None, RetryPolicy()).attempt(ONCE, step, Deadline(30.0))
    assert str(caught.value) == "lost; whether the server carried it out is unknown: ask for its status"
    assert caught.value.__context__ is None
    assert caught.value.request_sent
    assert str(fault) == "lost", "it may be that of another call, too"


@pytest.mark.parametrize(("operation", "request_sent"), [(ONCE, False), (STATUS, True), (STATUS, False)])
def test_of_anything_else_nothing_is_unknown(operation, request_sent):
    fault = lost(request_sent)
    assert with_unknown_outcome(operation, fault) is fault


def test_nothing_is_unknown_of_a_request_that_the_function_for_the_key_had_sent():
    mine = of_auth(lost(request_sent=True))
    assert with_unknown_outcome(ONCE, mine) is mine


# --- another key


class Keys:
    """A function for the key: another one each time, if it is `renewable`."""

    def __init__(self, renewable=True):
        self.made = 0
        self._renewable = renewable

    def __call__(self):
        self.made += self._renewable
        return f"key-{self.made}"


def settings_of(auth):
    return Settings(address=Address.parse("http://localhost"), auth=auth)


def refusing(keys, used):
    def step(key):
        used.append(str(key))
        if key in keys:
            raise AuthenticationError(f"refused {len(used)}")
        return f"done with {key}"

    return step


def test_with_a_key_that_is_refused_another_one_is_tried_once(caplog):
    caplog.set_level(logging.INFO, "rocketride_sync")
    used = []
    assert with_key(settings_of(Keys()), refusing(["key-1"], used)) == "done with key-2"
    assert used == ["key-1", "key-2"]
    assert caplog.messages == ["the key was refused; trying again with another one"]
    with pytest.raises(AuthenticationError, match="refused 2") as caught:
        with_key(settings_of(Keys()), refusing(["key-1", "key-2"], used := []))
    assert caught.value.__context__ is None
    assert used == ["key-1", "key-2"]


@pytest.mark.parametrize("auth", ["key-0", Keys(renewable=False)], ids=["constant", "function"])
def test_without_another_key_the_refusal_comes_out(auth):
    with pytest.raises(AuthenticationError, match="refused 1") as caught:
        with_key(settings_of(auth), refusing(["key-0"], used := []))
    assert used == ["key-0"]
    assert caught.value.__context__ is None


def test_what_the_first_key_gets_is_the_result():
    used = []
    assert with_key(settings_of("key"), refusing([], used)) == "done with key"
    assert used == ["key"]


@pytest.mark.parametrize("error", [ServerError("down"), UnclearRefusalError("'NoneType' object")], ids=repr)
def test_another_error_tries_no_other_key(error):
    keys = Keys()

    def step(_key):
        raise error

    with pytest.raises(type(error)):
        with_key(settings_of(keys), step)
    assert keys.made == 1


def test_the_token_of_another_task_is_no_credential_for_a_task():
    refusal = refusal_of(STATUS, ANOTHER)
    assert type(refusal) is ConfigurationError
    assert refusal._is_of_one_task is True
    assert str(refusal) == (
        "get_task_status failed: the credential is the token of task tk_fedc…, and opens that task only, not task tk_0123…; "
        "nothing was sent. Use an API key, or the other task's token as credential too"
    )
    with pytest.raises(ConfigurationError, match="opens that task only"):
        check_task(STATUS, ANOTHER)


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        (STATUS, TOKEN),
        (STATUS, "an-api-key"),
        (Operation("ping", "rrext_ping", {}), ANOTHER),
    ],
    ids=["its own token", "an API key", "of no task"],
)
def test_any_other_credential_may_be_used(operation, key):
    assert refusal_of(operation, key) is None
    check_task(operation, key)
