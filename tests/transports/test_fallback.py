"""How long HTTP takes the place of WebSocket: the rules against a fake clock, and what follows for calls and waits."""

import functools
import threading

import pytest
from moments import between_lines, met_at_each_line

from rocketride_sync import (
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    TransportError,
    UnsupportedOperationError,
)
from rocketride_sync.protocol.failures import TunnelRefusedError
from rocketride_sync.transports import fallback as fallback_module
from rocketride_sync.transports.fallback import Fallback, cause_of
from rocketride_sync.transports.websocket.upgrade import (
    NoSlotError,
    NoWebSocketError,
    OddUpgradeError,
    UpgradeCutError,
)

from .dap_peer import DONE, KEY, RUNNING, TOKEN, serve
from .either_transport import is_upgrade, over_http
from .loopback import Server, answer
from .polled_tasks import tokens

NONE = NoWebSocketError("404")
NO_SLOT = NoSlotError("403")
NO_TUNNEL = TunnelRefusedError("the proxy", http_status=403)
JUNK = ProtocolError("a page")
CUT = UpgradeCutError("cut")
PROMPT = RetryPolicy(initial_delay=0.01, max_delay=0.02)
PIPELINE = {"source": "s", "components": []}


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def fallback(clock):
    return Fallback(clock)


class TestInPlaceOf:
    def test_what_http_returns_counts_as_its_success(self, fallback):
        assert fallback.in_place_of(NONE, pow, 2, 3) == 8
        assert fallback.active

    @pytest.mark.parametrize("refusal", [NONE, NO_TUNNEL, None])
    @pytest.mark.parametrize("fault", [JUNK, TransportError("lost")])
    def test_a_failure_is_told_and_counts_as_none(self, fallback, refusal, fault):
        def fail():
            raise fault

        with pytest.raises(type(cause_of(fault, refusal))) as caught:
            fallback.in_place_of(refusal, fail)
        assert str(caught.value) == str(cause_of(fault, refusal))
        assert not fallback.active

    def test_junk_where_the_tunnel_was_refused_is_of_the_proxy(self):
        fault = ProtocolError("a page")
        fault.request_sent = True
        cause = cause_of(fault, NO_TUNNEL)
        assert (type(cause), str(cause), cause.http_status) == (TunnelRefusedError, "the proxy", 403)
        assert cause.request_sent
        assert not NO_TUNNEL.request_sent

    @pytest.mark.parametrize(
        ("fault", "refusal"), [(JUNK, NONE), (JUNK, None), (TransportError("lost"), NO_TUNNEL)]
    )
    def test_any_other_failure_says_what_it_is(self, fault, refusal):
        assert cause_of(fault, refusal) is fault


class TestRules:
    def test_websocket_is_tried_at_first(self, fallback):
        assert not fallback.active

    def test_a_refusal_lapses(self, fallback, clock):
        fallback.http_succeeded(NONE)
        assert fallback.active
        clock.now += 14.9
        assert fallback.active
        clock.now += 0.2
        assert not fallback.active

    def test_each_lasts_twice_as_long_as_the_last_up_to_a_quarter_of_an_hour(self, fallback, clock):
        lasted = []
        for _ in range(9):
            fallback.http_succeeded(NONE)
            began = clock.now
            while fallback.active:
                clock.now += 1.0
            lasted.append(clock.now - began)
        assert lasted == [15, 30, 60, 120, 240, 480, 900, 900, 900]

    def test_a_success_of_websocket_begins_anew(self, fallback, clock):
        for _ in range(5):
            fallback.http_succeeded(NONE)
            clock.now += 1000
        fallback.reset()
        fallback.http_succeeded(NONE)
        clock.now += 15.1
        assert not fallback.active

    def test_refusals_of_the_same_moment_are_one(self, fallback, clock):
        """Of several threads, say."""
        for _ in range(10):
            fallback.http_succeeded(NONE)
        clock.now += 15.1
        assert not fallback.active

    def test_refusals_that_two_threads_see_at_the_same_moment_are_one(self, clock):
        """Whichever step the one has come to when the other sees it."""

        def begin():
            fallback = Fallback(clock)

            def tried_after_fifteen_seconds():
                clock.now += 15.5
                return not fallback.active

            refused = functools.partial(fallback.http_succeeded, NONE)
            return refused, refused, tried_after_fifteen_seconds

        found = met_at_each_line(begin, fallback_module, opcodes=True)
        assert len(found) > 10
        assert all(found)

    def test_one_cut_is_not_enough_however_many_threads_see_it(self, fallback, clock):
        for _ in range(4):
            fallback.http_succeeded(CUT)
            clock.now += 0.2
        assert not fallback.active

    def test_a_second_cut_in_a_row_is(self, fallback, clock):
        fallback.http_succeeded(CUT)
        clock.now += 3600
        fallback.http_succeeded(CUT)
        assert fallback.active

    def test_cuts_within_a_second_are_one(self, fallback, clock):
        fallback.http_succeeded(CUT)
        clock.now += 0.99
        fallback.http_succeeded(CUT)
        assert not fallback.active
        clock.now = 1001.0
        fallback.http_succeeded(CUT)
        assert fallback.active

    def test_a_success_of_websocket_in_another_thread_may_come_at_any_moment(self, fallback):
        between_lines(lambda: fallback.http_succeeded(CUT), fallback.reset, fallback_module)
        assert not fallback.active

    def test_what_a_caller_was_told_is_known_for_a_second(self, fallback, clock):
        assert fallback.just_told is None
        fallback.told(NONE)
        assert fallback.just_told is NONE
        clock.now += 0.99
        assert fallback.just_told is NONE
        clock.now = 1001.0
        assert fallback.just_told is None

    def test_websocket_is_tried_unless_it_is_known_to_be_refused_or_just_was(self, fallback, clock):
        assert fallback.tries_websocket
        fallback.told(NO_SLOT)
        assert not fallback.tries_websocket
        clock.now += 1.0
        assert fallback.tries_websocket
        fallback.http_succeeded(NONE)
        assert not fallback.tries_websocket

    def test_a_success_over_http_without_any_refusal_says_nothing(self, fallback):
        fallback.told(NO_SLOT)
        fallback.http_succeeded(None)
        assert fallback.just_told is NO_SLOT

    @pytest.mark.parametrize("happens", [Fallback.reset, lambda fallback: fallback.http_succeeded(NO_SLOT)])
    def test_what_a_caller_was_told_is_forgotten_when_something_works(self, fallback, happens):
        fallback.told(NO_SLOT)
        happens(fallback)
        assert fallback.just_told is None

    def test_a_success_between_them_makes_two_cuts_one_each(self, fallback, clock):
        fallback.http_succeeded(CUT)
        clock.now += 3600
        fallback.reset()
        fallback.http_succeeded(CUT)
        assert not fallback.active

    @pytest.mark.parametrize("refusal", [NO_SLOT, OddUpgradeError("302")])
    def test_others_are_no_sign(self, fallback, clock, refusal):
        for _ in range(10):
            fallback.http_succeeded(refusal)
            assert not fallback.active
            clock.now += 100


class Server404:
    """A server of both transports, whose upgrades are refused while `refuses`; counts statuses by transport."""

    def __init__(self):
        self.refuses = False
        self.seen = {"websocket": 0, "http": 0, "refused": 0}
        self.document = RUNNING

    def __call__(self, peer):
        if not is_upgrade(peer):
            over_http(peer, lambda _: self._count("http"))
        elif self.refuses:
            peer.read_request()
            self.seen["refused"] += 1
            peer.send(answer(b"no", "404 Not Found"))
        else:
            serve(self._reply)(peer)

    def _reply(self, peer, request):
        bodies = {"rrext_get_tasks": {"tasks": []}, "execute": {"token": TOKEN}}
        if request["command"] == "rrext_get_task_status":
            peer.answer(request, self._count("websocket"))
        else:
            peer.answer(request, bodies.get(request["command"]))

    def _count(self, transport):
        self.seen[transport] += 1
        return self.document


@pytest.fixture
def handler():
    return Server404()


@pytest.fixture
def client(handler, clock):
    with Server(handler) as server, RocketRideClient(server.url, KEY, timeout=20, retry=PROMPT) as client:
        client._transport.fallback = Fallback(clock)
        yield client


def fall_back(client, handler):
    """Let the client come to use HTTP; the server has WebSocket again then."""
    handler.refuses = True
    client.get_task_status(TOKEN)
    assert client._transport.http_only
    handler.refuses = False
    handler.seen.update(websocket=0, http=0)


class TestCalls:
    def test_use_websocket_again_when_the_refusal_has_lapsed(self, client, handler, clock):
        fall_back(client, handler)
        client.get_task_status(TOKEN)
        assert handler.seen["http"] == 1
        clock.now += 16
        client.get_task_status(TOKEN)
        assert (handler.seen["websocket"], handler.seen["http"]) == (1, 1)

    def test_use_http_while_websocket_stays_refused(self, client, handler, clock):
        fall_back(client, handler)
        handler.refuses = True
        for _ in range(4):
            for _ in range(3):
                client.get_task_status(TOKEN)
            clock.now += 61
        assert handler.seen["http"] == 12
        assert handler.seen["refused"] == 1 + 3

    def test_that_need_websocket_try_it(self, client, handler):
        fall_back(client, handler)
        assert client.get_tasks() == []
        client.get_task_status(TOKEN)
        # It works: nothing is refused any more.
        assert (handler.seen["websocket"], handler.seen["http"]) == (1, 0)

    def test_that_need_an_argument_of_websocket_try_it(self, client, handler):
        fall_back(client, handler)
        assert client.use(pipeline=PIPELINE, ttl=60).token == TOKEN

    def test_that_need_websocket_tell_that_there_is_none(self, client, handler):
        fall_back(client, handler)
        handler.refuses = True
        with pytest.raises(UnsupportedOperationError, match=r"takes WebSocket, but .* HTTP 404"):
            client.get_tasks()
        with pytest.raises(UnsupportedOperationError, match=r"takes WebSocket, but .* HTTP 404"):
            client.pipe(TOKEN, provider="webhook").open()
        assert client._transport.http_only

    def test_after_close_try_websocket(self, client, handler):
        fall_back(client, handler)
        client.close()
        client.get_task_status(TOKEN)
        assert (handler.seen["websocket"], handler.seen["http"]) == (1, 0)

    def test_use_a_connection_that_there_is(self, client, handler):
        """A wait has given it back, say."""
        statuses = client.iter_task_status(TOKEN, interval=0.01)
        next(statuses)
        fall_back(client, handler)
        statuses.close()
        handler.refuses = True
        client.get_task_status(TOKEN)
        assert (handler.seen["websocket"], handler.seen["http"]) == (1, 0)


class TestWaits:
    def test_with_a_connection_stay_on_it(self, client, handler):
        statuses = client.iter_task_status(TOKEN, interval=0.01)
        next(statuses)
        fall_back(client, handler)
        for _ in range(5):
            next(statuses)
        assert (handler.seen["websocket"], handler.seen["http"]) == (5, 0)
        statuses.close()

    def test_for_many_with_a_connection_stay_on_it(self, client, handler):
        polled = threading.Event()

        def on_progress(_token, _status):
            if not polled.is_set():
                polled.set()
                fall_back(client, handler)
            elif handler.seen["websocket"] > 20:
                handler.document = DONE

        results = client.wait_all(tokens(5), timeout=20, interval=0.05, on_progress=on_progress)
        assert all(result.succeeded for result in results)
        assert handler.seen["http"] == 0

    @pytest.mark.parametrize("when", ["before", "meanwhile"])
    def test_go_over_to_websocket_when_the_refusal_has_lapsed(self, client, handler, clock, when):
        """Also those that began while it held."""
        if when == "before":
            fall_back(client, handler)
        else:
            handler.refuses = True
        statuses = client.iter_task_status(TOKEN, interval=0.01)
        next(statuses)
        next(statuses)
        assert (handler.seen["websocket"], handler.seen["http"]) == (0, 2)
        handler.refuses = False
        clock.now += 16
        for _ in range(3):
            next(statuses)
        assert (handler.seen["websocket"], handler.seen["http"]) == (3, 2)
        statuses.close()

    def test_for_many_go_over_to_websocket_when_the_refusal_has_lapsed(self, client, handler, clock):
        fall_back(client, handler)

        def on_progress(_token, _status):
            if handler.seen["http"] > 10:
                clock.now += 16
            if handler.seen["websocket"] > 10:
                handler.document = DONE

        results = client.wait_all(tokens(5), timeout=20, interval=0.05, on_progress=on_progress)
        assert all(result.succeeded for result in results)
        assert handler.seen["refused"] == 1

    def test_for_many_count_one_refused_upgrade_once(self, client, handler, clock):
        """However many polls waited for it."""
        handler.refuses = True
        handler.document = DONE
        assert all(result.succeeded for result in client.wait_all(tokens(20), timeout=20))
        clock.now += 16
        assert not client._transport.http_only
