"""The fault table, with seconds of room: what each fault does to a call and to a wait, on both transports."""

import pytest

from .running import run
from .table import CELLS

ROOM = 10.0


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_the_documented_comes_in_time_and_nothing_is_left(cell, stage):
    assert run(cell, stage, ROOM).problems == []
