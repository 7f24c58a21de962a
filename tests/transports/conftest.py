"""Fixtures of the tests of transports."""

import pytest
from leaping import leaping

from .object_peers import MIB

__all__ = ["leaping"]


@pytest.fixture
def files(tmp_path):
    for number in range(12):
        (tmp_path / f"{number:02}.txt").write_bytes(b"x" * number)
    (tmp_path / "05.txt").write_bytes(b"y" * (2 * MIB + 5))
    return sorted(tmp_path.iterdir())
