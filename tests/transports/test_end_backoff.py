"""How long the pauses after an `end` event are."""

from rocketride_sync.transports.end_backoff import EndBackoff


def pauses(backoff, count, seconds=60.0):
    return [round(backoff.shorten(seconds), 6) for _ in range(count)]


def test_without_an_event_no_pause_is_shortened():
    assert pauses(EndBackoff(), 3) == [60.0, 60.0, 60.0]


def test_after_an_event_they_begin_with_two_milliseconds_and_each_is_twice_as_long():
    backoff = EndBackoff()
    backoff.start(60.0)
    assert pauses(backoff, 6) == [0.002, 0.004, 0.008, 0.016, 0.032, 0.064]
    assert pauses(backoff, 11)[-2:] == [60.0, 60.0]


def test_an_event_while_that_goes_on_does_not_begin_it_anew():
    """A server that repeats the event is not asked each two milliseconds."""
    backoff = EndBackoff()
    backoff.start(1.024)
    assert pauses(backoff, 9, 1.024)[-1] == 0.512
    backoff.start(1.024)
    assert pauses(backoff, 1, 1.024) == [1.024]
    backoff.start(1.024)
    assert pauses(backoff, 1, 1.024) == [0.002]
