"""The lists of tests that take long, which no run would miss."""

from types import SimpleNamespace

from cases import each
from ordering import LENGTHY, LONGEST, TESTS, longest_first


@each("place", sorted(LENGTHY))
def test_what_is_lengthy_is_there(place):
    assert (TESTS / place).exists()


@each("place", LONGEST)
def test_the_longest_are_there(place):
    file, _, test = place.partition("::")
    assert f"def {test.partition('[')[0]}(" in (TESTS / file).read_text(encoding="utf-8")


def test_each_worker_begins_with_some_of_the_longest():
    """Workers take equal parts of all tests."""
    short = [SimpleNamespace(nodeid=f"tests/test_short.py::test_{number}") for number in range(95)]
    longest = [SimpleNamespace(nodeid=f"tests/{place}") for place in LONGEST]
    for workers in (1, 2, 4, 10, 12):
        ordered = longest_first([*short, *reversed(longest)], workers)
        assert sorted(map(id, ordered)) == sorted(map(id, [*short, *longest]))
        size = len(ordered) // workers
        begin = {
            item.nodeid for number in range(workers) for item in ordered[number * size :][: len(longest)]
        }
        assert begin >= {item.nodeid for item in longest}
        assert ordered[0] is longest[0]
