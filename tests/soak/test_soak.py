"""A short soak. On a longer one, and other seeds: ``make soak``."""

import pytest
from needing import needs

from .running import soak

needs("fastapi", reason="needs the extra `emulator`")

SECONDS = 12.0
SEED = 1


@pytest.mark.timeout(300)
def test_no_outcome_is_wrong_told_twice_or_lost_in_silence_and_nothing_grows():
    print(f"python -m tests.soak --seconds {SECONDS:g} --seed {SEED}")
    assert soak(SECONDS, SEED) == []
