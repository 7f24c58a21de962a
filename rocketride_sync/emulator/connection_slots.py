"""The limit on unauthenticated connections, per client address."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import Counter as CounterType
from typing import Iterator

from .request_errors import NoSlotError

LOOPBACK_ADDRESS = "127.0.0.1"


class ConnectionSlots:
    """Counts the unauthenticated connections of each address, and allows `limit` of them at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: CounterType[str] = Counter()

    def take(self, address: str) -> bool:
        """Take a slot if one is free, and return whether it was. `release` gives it back."""
        if self._taken[address] >= self._limit:
            return False
        self._taken[address] += 1
        return True

    def release(self, address: str) -> None:
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]

    @contextmanager
    def hold(self, address: str) -> Iterator[None]:
        """Take a slot while the ``with`` block runs. Raises NoSlotError when none is free."""
        if not self.take(address):
            raise NoSlotError
        try:
            yield
        finally:
            self.release(address)
