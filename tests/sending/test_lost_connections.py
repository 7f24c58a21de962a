"""`send_files` when a connection stalls or is lost: which files fail, and what the others have left; in simulated time."""

from types import SimpleNamespace

import pytest

from rocketride_sync import (
    MemoryTransport,
    OverloadedError,
    RetryPolicy,
    RocketRideClient,
    TransportError,
    TransportTimeoutError,
    deadline,
)
from rocketride_sync.protocol.failures import NotReadyError
from rocketride_sync.sending import file_upload
from rocketride_sync.transports.pipe_interface import NotBegunError

TIMEOUT = 10.0
OVERLOADED = OverloadedError("the server is overloaded")
REFUSED = TransportError("connection refused")
RETRY = RetryPolicy(initial_delay=1.0, max_delay=2.0, multiplier=2.0, jitter=0.0, max_outage=60.0)


class Time:
    """Simulated: it passes when something sleeps, or when `now` is set."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def perf_counter(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def time(monkeypatch):
    it = Time()
    monkeypatch.setattr(deadline, "system_time", it)
    monkeypatch.setattr(file_upload, "system_time", it)
    return it


class Lines(MemoryTransport):
    """Makes one connection after the other.

    Each takes so many seconds to make, or fails with an error, and is then used by a function; those after the last are good.
    """

    def __init__(self, time, *lines):
        super().__init__([{}] * 9)
        self.time = time
        self.lines = list(lines)
        self.tried = []  # the seconds that each had to be made

    def uploads(self, limit):
        self.tried.append(limit.remaining())
        seconds, use = self.lines.pop(0) if self.lines else (0.0, good)
        if isinstance(seconds, Exception):
            raise seconds
        if use is None:
            return None
        if seconds >= limit.remaining():
            self.time.sleep(limit.remaining())
            raise TransportTimeoutError("the server did not answer the upgrade")
        self.time.sleep(seconds)
        return SimpleNamespace(run=lambda jobs, at_once: use(self.time, jobs))


def good(time, jobs):
    for job in jobs:
        yield job, {"name": job.entry.path}


def stall(*begun, returned):
    """A connection on which files begin at these seconds. At the timeout of the first it is given up: that fails, and the
    last ones come back.
    """

    def use(time, jobs):
        began, taken = time.now, []
        for seconds in begun:
            time.now = began + seconds
            taken.append(next(jobs))
        time.now = began + TIMEOUT
        for number, job in enumerate(taken):
            back = number >= len(taken) - returned
            yield job, NotBegunError("closed") if back else TransportTimeoutError("no answer in time")

    return use


@pytest.fixture
def send(tmp_path, time):
    def send(*lines, count=6, retry=RETRY):
        files = [tmp_path / f"{number}.txt" for number in range(count)]
        for path in files:
            path.write_text("x")
        transport = Lines(time, *lines)
        client = RocketRideClient("localhost", "key", transport=transport, retry=retry)
        results = client.send_files(files, "tk_1", timeout=TIMEOUT)
        return transport, results

    return send


def failed(results):
    return {number: result["error"] for number, result in enumerate(results) if result["action"] == "error"}


def test_files_that_were_never_begun_have_a_time_of_their_own_for_the_next_connection(send):
    lines = [(0.5, good)] * 3
    transport, results = send((0.0, stall(0.0, 0.001, 0.002, returned=2)), *lines)
    assert set(failed(results)) == {0, 1, 2}
    assert transport.tried == pytest.approx([10.0, 0.001, 0.001, 10.0])
    assert all(result["upload_time"] <= TIMEOUT + 0.01 for result in results)


@pytest.mark.parametrize("connecting", [0.5, 3.0, 9.0])
def test_of_those_that_come_back_only_the_ones_whose_time_is_up_meanwhile_fail(send, connecting):
    lines = [(connecting, good)] * 4
    _, results = send((0.0, stall(0.0, 1.0, 5.0, returned=2)), *lines)
    late = {0} | ({1} if connecting > 1.0 else set()) | ({2} if connecting > 4.0 else set())
    assert set(failed(results)) == late
    assert all(result["upload_time"] <= TIMEOUT + 1e-9 for result in results)


def test_a_file_whose_time_is_up_while_connecting_fails_at_that_time(send, time):
    _, results = send((0.0, stall(0.0, 4.0, returned=1)), (9.0, good), (9.0, good))
    assert failed(results)[1] == "send_files failed: no answer within the timeout"
    assert results[1]["upload_time"] == pytest.approx(TIMEOUT)


def test_where_an_overloaded_server_cannot_be_asked_again_in_its_time_one_file_fails_alone(send):
    lines = [(OVERLOADED, None)] * 2  # the second comes too late for another try
    transport, results = send((0.0, stall(0.0, 0.1, 9.0, returned=2)), *lines, (0.1, good))
    assert set(failed(results)) == {0, 1}
    assert "overloaded" in failed(results)[1]
    assert len(transport.tried) == 4


def test_a_file_that_has_less_time_than_the_server_asks_for_fails_alone(send):
    patient = OverloadedError("the server is overloaded", retry_after=8.0)
    lines = [(patient, None)] * 2
    transport, results = send((0.0, stall(0.0, 5.0, returned=1)), *lines, (0.1, good))
    assert set(failed(results)) == {0, 1}
    assert transport.tried == pytest.approx([10.0, 5.0, 10.0, 2.0])


@pytest.mark.parametrize("max_delay", [0.5, 15.0])
def test_the_longest_outage_fails_all_however_long_the_pauses_may_be(send, time, max_delay):
    retry = RetryPolicy(max_outage=2.0, max_delay=max_delay)
    began = time.now
    _, results = send((0.0, stall(0.0, 5.0, 6.0, 7.0, returned=3)), *[(OVERLOADED, None)] * 200, retry=retry)
    assert set(failed(results)) == set(range(6))
    assert time.now - began <= TIMEOUT + 2.1


def test_an_overload_that_lasts_fails_all_after_one_outage(send, time):
    lines = [(OVERLOADED, None)] * 200
    began = time.now
    _, results = send((0.0, stall(0.0, 0.1, returned=1)), *lines)
    assert set(failed(results)) == set(range(6))
    assert time.now - began <= 2 * TIMEOUT + 1.0


def test_where_there_is_no_connection_for_another_reason_all_fail_at_once(send, time):
    transport, results = send((0.0, stall(0.0, 5.0, returned=1)), (REFUSED, None))
    assert set(failed(results)) == set(range(6))
    assert {failed(results)[number] for number in range(1, 6)} == {"connection refused"}
    assert len(transport.tried) == 2


def test_a_task_that_takes_no_data_fails_all_files_after_one_timeout(send, time):
    def not_ready(time, jobs):
        for job in jobs:
            yield job, NotReadyError("Connect call failed")

    began = time.now
    _, results = send(*[(0.0, not_ready)] * 50)
    assert set(failed(results)) == set(range(6))
    assert time.now - began <= TIMEOUT


def test_where_no_connection_can_be_made_all_files_fail_after_one_timeout(send, time):
    began = time.now
    _, results = send(*[(99.0, good)] * 9)
    assert set(failed(results)) == set(range(6))
    assert time.now - began == pytest.approx(TIMEOUT)


def test_when_the_rest_goes_without_a_connection_each_file_has_its_result(send):
    def few(time, jobs):
        for _ in range(3):
            yield next(jobs), {}

    _, results = send((0.0, few), (0.0, None))
    assert [result["action"] for result in results] == ["complete"] * 6
