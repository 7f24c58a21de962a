"""What this process uses: the CPU and memory that statuses report."""

from __future__ import annotations

import time
from typing import Tuple

_MIB = 2**20


class Meter:
    """Measures the process it is made in."""

    def __init__(self) -> None:
        import psutil  # type: ignore[import-untyped]  # it has no annotations

        self._process = psutil.Process()
        self._process.cpu_percent(None)
        self._read_at = time.monotonic()

    def read(self) -> Tuple[float, float, float]:
        """CPU percent of one core since the last reading, resident memory in MiB, seconds since the last reading."""
        now = time.monotonic()
        seconds, self._read_at = now - self._read_at, now
        return float(self._process.cpu_percent(None)), self._process.memory_info().rss / _MIB, seconds
