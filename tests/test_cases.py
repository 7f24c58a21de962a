"""A table of cases that is one test fails as many tests would."""

import inspect

import pytest
from cases import each


def table(cases, **options):
    tried = []

    @each("number", cases, **options)
    def test(number):
        tried.append(number)
        if number == "skipped":
            pytest.skip("never")
        if number == "not raised":
            with pytest.raises(ValueError, match="never"):
                pass
        assert number < 3

    return test, tried


def test_where_all_are_right_each_was_tried():
    test, tried = table(range(3))
    test()
    assert tried == [0, 1, 2]


def test_those_that_fail_are_named_and_the_others_tried():
    test, tried = table([1, 5, 2, 7], ids="case {}".format)
    with pytest.raises(
        AssertionError, match=r"^2 of 4 cases fail\ncase 5: AssertionError: .*\n(.*\n)*case 7: "
    ):
        test()
    assert tried == [1, 5, 2, 7]


@pytest.mark.parametrize("odd", ["skipped", "not raised"])
def test_one_that_is_skipped_or_did_not_raise_fails(odd):
    test, _ = table([odd, 1])
    with pytest.raises(AssertionError, match="1 of 2 cases fail"):
        test()


def test_a_table_without_cases_fails():
    with pytest.raises(AssertionError, match="there are no cases"):
        table([])[0]()


def test_tables_multiply_and_leave_the_fixtures():
    tried = []

    @each("first, second", [(1, 2), (3, 4)], ids=["one", "two"])
    @each("third", "ab")
    def test(tmp_path, first, second, third):
        tried.append((tmp_path, first, second, third))
        assert first < 3

    assert list(inspect.signature(test).parameters) == ["tmp_path"]
    with pytest.raises(AssertionError, match=r"^1 of 2 cases fail\ntwo: "):
        test(tmp_path=0)
    assert tried == [(0, 1, 2, "a"), (0, 1, 2, "b"), (0, 3, 4, "a"), (0, 3, 4, "b")]


def test_names_and_values_must_fit():
    with pytest.raises(AssertionError, match="2 values for 1 names"):
        each("number", [pytest.param(1, 2)])
    with pytest.raises(AssertionError, match="takes other names"):
        each("number", [1])(lambda other: None)
    with pytest.raises(AssertionError, match="marks"):
        each("number", [pytest.param(1, marks=pytest.mark.lengthy)])
