"""CPU and memory use of this process, as task statuses report them."""

from __future__ import annotations

import time
from typing import Tuple

_MIB = 2**20


class ProcessMeter:
    """Measures CPU and memory use of the process it is created in."""

    def __init__(self) -> None:
        import psutil  # type: ignore[import-untyped]  # it has no annotations

        self._process = psutil.Process()
        self._process.cpu_percent(None)
        self._last_read = time.monotonic()

    def read(self) -> Tuple[float, float, float]:
        """CPU percent of one core since the last reading, resident memory in MiB, seconds since the last reading."""
        now = time.monotonic()
        seconds, self._last_read = now - self._last_read, now
        return float(self._process.cpu_percent(None)), self._process.memory_info().rss / _MIB, seconds
