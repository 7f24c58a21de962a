"""Fixtures of the command's tests."""

from __future__ import annotations

from typing import Iterator

import pytest
from command import Stub
from command_call import process_as_before
from leaping import leaping

__all__ = ["leaping"]


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    with process_as_before():
        yield


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.close()
