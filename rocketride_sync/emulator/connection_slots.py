"""The cap on connections that have not authenticated yet, counted by address."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import Counter as CounterType
from typing import Iterator

from .request_errors import NO_SLOT, RequestError

OWN_ADDRESS = "127.0.0.1"


class Slots:
    """So many unauthenticated connections may one address hold at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: CounterType[str] = Counter()

    def take(self, address: str) -> bool:
        """Whether there was a free slot; if so, it is taken now, and `free` gives it back."""
        if self._taken[address] >= self._limit:
            return False
        self._taken[address] += 1
        return True

    def free(self, address: str) -> None:
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]

    @contextmanager
    def hold(self, address: str) -> Iterator[None]:
        """Hold a slot while the block runs. Raises RequestError when there is none."""
        if not self.take(address):
            raise RequestError(NO_SLOT)
        try:
            yield
        finally:
            self.free(address)
