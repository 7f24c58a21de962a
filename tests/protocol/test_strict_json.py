"""JSON is read as it is defined, and nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync.protocol.strict_json import loads

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


@pytest.mark.parametrize(
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
