"""JSON is read as it is defined, and nothing else is."""

import gc
import json
import math
import sys
import types

import pytest
from cases import each
from garbage import with_garbage
from handlers import that_raises
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync.protocol import strict_json
from rocketride_sync.protocol.strict_json import decodes_within, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]), st.sampled_from(["", " ", "\r\n\t"]))
def test_what_python_writes_is_read_as_python_reads_it(value, escaped, indent, blank):
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    try:
        encoded = f"{blank}{text}{blank}".encode()
    except UnicodeEncodeError:  # a lone surrogate
        return
    assert loads(encoded) == json.loads(text)


@each(
    "text",
    [
        b"",
        b"  ",
        b"{",
        b"}",
        b"1 2",
        b"{} x",
        b"[1,]",
        b'{"a" 1}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"'a'",
        b"nul",
        b'"\x01"',
        b"\xef\xbb\xbf{}",
        b"\xa01",
        b"\x0b1",
        b'"\xff"',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_a_value_error(text):
    with pytest.raises(ValueError):
        loads(text)


def test_there_is_always_time_for_a_small_text():
    assert decodes_within(b"," * 16_383, 0.0)
    assert not decodes_within(b"," * 16_384, 0.0)


def test_what_a_text_needs_is_reckoned_from_its_values_and_its_size():
    """Per value 1.5 µs, wherever it stands in a text of several megabytes; per byte 5 ns."""
    blank = b" " * 2_500_000
    assert decodes_within(blank, 0.0126)
    assert not decodes_within(blank, 0.0124)
    for mark in (b",", b"{", b"["):
        for place in (0, 1_200_000, 2_300_000):
            text = blank[:place] + mark * 100_000 + blank[place + 100_000 :]
            assert decodes_within(text, 0.1626)
            assert not decodes_within(text, 0.1624)


def test_without_a_deadline_there_is_time_for_everything():
    assert decodes_within(b"[" * 20_000, math.inf)


def test_a_text_that_needs_exactly_the_time_there_is():
    """Neither is one value forgotten, nor one too many counted."""
    assert decodes_within(b" " * 20_000, 20_000 * 5e-9)
    assert not decodes_within(b"," * 20_000, 20_000 * 5e-9)
    needed = 20_000 * 1.505e-6
    assert decodes_within(b"," * 20_000, needed + 1e-7)
    assert not decodes_within(b"," * 20_000, needed - 1e-7)


def test_digits_of_long_integers_count_too():
    """Each 50 ns, whichever they are."""
    for text in (b"1" * 488_000, b"1234567890" * 48_800):
        needed = 488_000 * 55e-9
        assert decodes_within(text, needed + 1e-7)
        assert not decodes_within(text, needed - 1e-7)


def test_digits_of_short_integers_do_not_count():
    count = 61_000
    assert decodes_within(b"1234567," * count, count * (1.5e-6 + 8 * 5e-9) + 1e-7)


def test_what_a_signal_handler_raises_is_no_fault_of_the_text(monkeypatch):
    monkeypatch.setattr(strict_json, "_scan", that_raises(ValueError("alarm")))
    with pytest.raises(ValueError, match="alarm"):
        loads(b"{}")


@pytest.mark.skipif(sys.version_info >= (3, 9), reason="newer ones print what a destructor raises there")
def test_too_deep_a_text_does_not_end_the_process_if_garbage_is_collected_there():
    """As Python 3.8 does if a destructor runs there."""

    def read():
        with pytest.raises(ValueError, match="nested too deeply"):
            strict_json.loads(b'{"x":' + b"[" * 20_000)

    with_garbage(read)


@each("version, guarded", [((3, 8, 18), True), ((3, 9), False), ((3, 9, 1), False), ((3, 10), False)])
def test_on_python_3_8_alone_nothing_is_collected_meanwhile(monkeypatch, version, guarded):
    monkeypatch.setattr(strict_json, "sys", types.SimpleNamespace(version_info=version))
    assert (strict_json.outliving_depth(len) is not len) == guarded


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled):
    (gc.enable if enabled else gc.disable)()
    try:
        assert strict_json._without_collecting(lambda text, _: (text, gc.isenabled()))("{}", 0) == (
            "{}",
            False,
        )
        assert gc.isenabled() == enabled
    finally:
        gc.enable()
