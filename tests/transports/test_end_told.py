"""What a wait may ask a watch or a poller about the end of a run."""

from cases import each

from rocketride_sync.transports.end_told import NOTHING_TOLD, EndTold, end_told


class _Telling:
    """Of each poll it knows something else."""

    def end_told(self, *poll):
        return EndTold(told=True, reason=" ".join(poll))


def test_what_listens_to_no_events_has_been_told_nothing():
    assert end_told(object()) == NOTHING_TOLD == (False, None, False, None)


def test_what_listens_to_events_is_asked():
    assert end_told(_Telling()) == (True, "", False, None)
    assert end_told(_Telling(), "a") == (True, "a", False, None)


@each(("start_time", "reason"), [(100.0, "ttl"), (100.5, None), (0.0, None), (None, None)], ids=str)
def test_the_reason_of_a_run_that_was_seen_is_that_of_no_other(start_time, reason):
    assert EndTold(seen_run=(100.0, "ttl")).reason_of(start_time) == reason
    assert NOTHING_TOLD.reason_of(start_time) is None
