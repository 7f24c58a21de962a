"""Which polls may be sent, and which fail when their connection is lost: the books, in a time of the test's own."""

import pytest

from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.websocket.in_flight import InFlight

RECENT = 0.5  # seconds for which a poll may yet break its connection


class Poll:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


def polls(count):
    return [Poll(f"poll {number}") for number in range(count)]


@pytest.fixture
def books(clock):
    return InFlight()


def send(books, undelivered=0, seconds=60.0):
    """Send what may be sent; the polls. A poll's number is that of its name."""
    sent = books.next_to_send(undelivered)
    books.mark_sent([int(poll.name[5:]) for poll in sent], [Deadline(seconds)] * len(sent))
    return sent


def lost_together(books, *several):
    """They are sent, and their connection is lost."""
    books.queued.extend(several)
    assert send(books) == list(several)
    assert books.connection_lost(retry=True) == []


@pytest.mark.parametrize(
    ("in_flight", "undelivered", "room"),
    [(0, 0, 64), (0, 10, 54), (30, 10, 24), (63, 0, 1), (64, 0, 0), (60, 4, 0), (0, 65, 0), (64, 100, 0)],
)
def test_so_many_are_sent_that_64_are_in_flight_or_not_handed_out(books, in_flight, undelivered, room):
    asked = polls(200)
    books.queued.extend(asked[:in_flight])
    send(books)
    books.queued.extend(asked[in_flight:])
    assert send(books, undelivered) == asked[in_flight : in_flight + room]
    assert len(books) == in_flight + room


def test_polls_are_taken_from_the_queue_when_they_were_sent_and_the_others_stay(books):
    first, second, third = polls(3)
    books.queued.extend([first, second, third])
    assert books.next_to_send(0) == [first, second, third]
    books.mark_sent([0, 1], [Deadline(1.0), Deadline(2.0)])
    assert list(books.queued) == [third]
    assert (books.oldest.poll, books.newest.poll) == (first, second)
    assert [round(each.deadline.remaining()) for each in (books.oldest, books.newest)] == [1, 2]


def test_the_time_a_poll_was_sent_at_is_kept(books, clock):
    books.queued.extend(polls(1))
    send(books)
    sent_at = clock.now
    clock.now += 5.0
    assert books.oldest.sent_at == sent_at


def test_an_answer_is_taken_once_and_that_of_a_poll_given_up_is_nobodys(books, clock):
    first, second = polls(2)
    books.queued.extend([first, second])
    send(books)
    assert [pending.poll for pending in books.take_answered(1)] == [second]
    assert books.take_answered(1) == []
    assert books.take_answered(7) == []
    clock.now += 61.0
    assert [pending.poll for pending in books.take_expired()] == [first]
    assert books.take_answered(0) == []
    assert len(books) == 0


def test_only_polls_whose_time_is_up_expire(books, clock):
    short, long = polls(2)
    books.queued.append(short)
    send(books, seconds=1.0)
    books.queued.append(long)
    send(books, seconds=2.0)
    assert books.take_expired() == []
    clock.now += 1.0
    assert [pending.poll for pending in books.take_expired()] == [short]
    assert books.oldest.poll is long


def test_after_a_loss_all_are_sent_again_behind_those_that_wait(books):
    *lost, waiting = polls(4)
    books.queued.extend(lost)
    send(books)
    books.queued.append(waiting)
    assert books.connection_lost(retry=True) == []
    assert len(books) == 0
    assert send(books) == [waiting, *lost]


def test_a_poll_that_was_lost_alone_twice_has_failed(books):
    (poll,) = polls(1)
    lost_together(books, poll)
    assert send(books) == [poll]
    assert books.connection_lost(retry=True) == [poll]
    assert list(books.queued) == []


def test_without_a_repetition_it_has_failed_the_first_time_if_it_was_alone(books):
    first, second = polls(2)
    books.queued.append(first)
    send(books)
    assert books.connection_lost(retry=False) == [first]
    books.queued.extend([first, second])
    send(books)
    assert books.connection_lost(retry=False) == []
    assert list(books.queued) == [first, second]


@pytest.mark.parametrize("happened", ["answered", "expired"])
def test_a_loss_before_an_answer_or_a_failure_is_forgotten(books, clock, happened):
    (poll,) = polls(1)
    lost_together(books, poll)
    send(books)
    clock.now += 60.0
    taken = books.take_answered(0) if happened == "answered" else books.take_expired()
    assert [pending.poll for pending in taken] == [poll]
    lost_together(books, poll)


def test_two_losses_isolate_each_poll_and_the_one_that_breaks_connections_is_found(books):
    innocent, breaking, other = polls(3)
    lost_together(books, innocent, breaking)
    assert send(books) == [innocent, breaking]
    assert books.connection_lost(retry=True) == []
    books.queued.append(other)
    assert send(books) == [innocent]
    assert send(books) == []  # not beside one that is isolated
    books.take_answered(0)
    assert send(books) == [breaking]
    assert send(books) == []  # nor is the other sent beside it
    assert books.connection_lost(retry=True) == [breaking]
    assert send(books) == [other]


def test_an_isolated_poll_that_was_answered_is_one_as_the_others_again(books):
    first, second = polls(2)
    lost_together(books, first, second)
    send(books)
    books.connection_lost(retry=True)
    for number, poll in enumerate((first, second)):
        assert send(books) == [poll]
        books.take_answered(number)
    lost_together(books, first, second)
    assert send(books) == [first, second]


def test_a_poll_that_has_failed_is_one_as_the_others_when_it_is_asked_for_again(books):
    breaking, other = polls(2)
    lost_together(books, breaking)
    send(books)
    assert books.connection_lost(retry=True) == [breaking]
    lost_together(books, breaking)
    send(books)
    books.take_answered(0)
    lost_together(books, breaking, other)
    assert send(books) == [breaking, other]


def test_what_waits_before_an_isolated_poll_is_sent_and_it_is_not_while_they_are_new(books, clock):
    isolated, second, *others = polls(5)
    lost_together(books, isolated, second)
    send(books)
    books.connection_lost(retry=True)
    books.queued.extendleft(reversed(others))
    assert send(books) == others
    assert send(books) == []
    clock.now += RECENT  # now those are slow: they do not break connections
    assert send(books) == [isolated]
    assert send(books) == []
    clock.now += RECENT
    assert send(books) == [second]


def test_while_isolated_polls_are_slow_there_may_be_nothing_to_send(books, clock):
    isolated, second = polls(2)
    lost_together(books, isolated, second)
    send(books)
    books.connection_lost(retry=True)
    for poll in (isolated, second):
        assert send(books) == [poll]
        clock.now += RECENT
    assert send(books) == []


def test_a_poll_that_was_sent_lately_is_suspected_before_one_that_is_only_slow(books, clock):
    slow, breaking = polls(2)
    lost_together(books, breaking)
    assert books.queued.popleft() is breaking
    books.queued.append(slow)
    send(books)
    clock.now += RECENT
    books.queued.append(breaking)
    send(books)
    assert books.connection_lost(retry=True) == [breaking]
    assert list(books.queued) == [slow]


def test_a_poll_is_not_blamed_for_a_loss_just_after_another_was_sent(books, clock):
    first, second = polls(2)
    lost_together(books, second)
    assert books.queued.popleft() is second
    books.queued.append(first)
    send(books)
    clock.now += RECENT - 0.01
    books.queued.append(second)
    send(books)
    assert books.connection_lost(retry=True) == []


def test_of_polls_that_are_all_slow_none_is_blamed_and_one_alone_is(books, clock):
    first, second = polls(2)
    lost_together(books, first, second)
    send(books)
    clock.now += 10.0
    assert books.connection_lost(retry=True) == []
    assert send(books) == [first]
    clock.now += 10.0
    assert books.connection_lost(retry=True) == [first]
