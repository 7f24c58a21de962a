"""What was told of an end before the connection was lost counts for the run of that end alone."""

from cases import each

from rocketride_sync.transports.websocket.polled_end import PolledEnd

START = 1_790_000_000.0
SENT = START + 100.0
LONGEST_RUN = 1e8  # seconds that a start and the time of its end lie apart at most


def told(sent_at, document, reason="user", before=START):
    """Whether an event of this time counts for a status that was read after a loss.

    `before` is the start of the run that a poll had shown alive before, or None.
    """
    end = PolledEnd()
    end.poll_sent()
    if before is not None:
        end.shown({"startTime": before}, alive=True)
    end.ended(reason, sent_at)
    end.connection_lost()
    end.poll_sent()
    end.shown(document, alive=False)
    return end.told


def ended(at, start=START):
    return {"startTime": start, "endTime": at}


@each("unit", [1, 1_000, 1_000_000, 1_000_000_000], ids=["s", "ms", "us", "ns"])
@each("later, counts", [(0.0, True), (1.0, True), (1.5, False), (2.0, False)])
def test_an_end_is_named_a_second_after_its_event_at_most(unit, later, counts):
    assert told(int(SENT) * unit, ended(SENT + later)) is counts


@each("after, counts", [(-1.5, False), (-1.0, True), (60.0, True), (60.5, False)])
def test_where_no_poll_had_shown_the_run_the_event_comes_a_minute_after_its_end_at_most(after, counts):
    assert told(SENT, ended(SENT - after), before=None) is counts


@each("start, counts", [(SENT, True), (SENT + 0.5, False)])
def test_where_no_poll_had_shown_the_run_it_began_before_the_event(start, counts):
    assert told(SENT, ended(SENT + 0.5, start), before=None) is counts


@each("after, counts", [(LONGEST_RUN, True), (LONGEST_RUN + 1.0, False)])
def test_what_lies_further_from_the_start_is_no_time_of_the_end(after, counts):
    assert told(START + after, ended(SENT)) is counts


@each("start, counts", [(START, True), (0.5, True), (0.0, False), (-0.5, False)])
def test_without_a_start_an_event_without_a_time_counts_for_no_run(start, counts):
    assert told(None, ended(SENT, start), reason=None, before=start) is counts


@each("start, end", [(0.0, 50.0), (10.0, 0.0)])
def test_where_no_poll_had_shown_the_run_the_status_names_its_start_and_its_end(start, end):
    assert told(50.0, ended(end, start), before=None) is False
