"""Fixtures of the command's tests."""

from __future__ import annotations

from typing import Iterator

import pytest
from command import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.close()
