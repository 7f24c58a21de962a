"""Tables of short cases as one test each.

What pytest does about a test costs six milliseconds of work, for each worker collects it: many times what a short case takes.
"""

import functools
import inspect

import pytest


def each(names, cases, ids=repr):
    """In the place of `pytest.mark.parametrize`, for cases of less than a millisecond that leave nothing behind.

    All are tried, and those that fail are named. Fixtures of the function are shared.
    """
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    cases = [_values(case, len(names)) for case in cases]

    def decorate(function):
        @functools.wraps(function)
        def test(*args, **fixtures):
            failed = []
            for number, values in enumerate(cases):
                try:
                    function(*args, **fixtures, **dict(zip(names, values)))
                except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
                    failed.append((_name(number, values, ids), error))
            assert cases, "there are no cases"
            if failed:
                said = "\n".join(f"{name}: {type(error).__name__}: {error}" for name, error in failed)
                raise AssertionError(f"{len(failed)} of {len(cases)} cases fail\n{said}") from failed[0][1]

        signature = inspect.signature(function)
        left = [parameter for name, parameter in signature.parameters.items() if name not in names]
        assert len(left) + len(names) == len(signature.parameters), f"{function.__name__} takes other names"
        test.__signature__ = signature.replace(parameters=left)
        return test

    return decorate


def _values(case, count):
    values = getattr(case, "values", None) if type(case).__name__ == "ParameterSet" else case
    assert not getattr(case, "marks", ()), "a case with marks is a test of its own"
    values = (values,) if count == 1 and values is case else tuple(values)
    assert len(values) == count, f"{len(values)} values for {count} names"
    return values


def _name(number, values, ids):
    if callable(ids):
        return "-".join(str(ids(value) or number)[:200] for value in values)
    return str(list(ids)[number])
