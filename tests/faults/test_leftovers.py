"""How long it takes until something counts as left behind."""

from types import SimpleNamespace

from . import leftovers


def test_seconds_for_which_the_process_stands_still_do_not_count(monkeypatch):
    """A connection that ends at its next write has had no time for that."""
    slept = []
    time = SimpleNamespace(sleep=slept.append, monotonic=lambda: 60.0 * len(slept))
    monkeypatch.setattr(leftovers, "time", time)
    assert leftovers.poll(lambda: len(slept) == 2)


def test_what_stays_is_noticed(monkeypatch):
    slept = []
    monkeypatch.setattr(leftovers, "time", SimpleNamespace(sleep=slept.append, monotonic=lambda: sum(slept)))
    assert not leftovers.poll(lambda: False)
    assert 4.9 < sum(slept) < 5.1
