"""The client."""

import functools

from rocketride_sync import RocketRideClient


@functools.lru_cache(maxsize=None)
def client():
    # One for all threads of this process. A page must not wait for longer than its readers do.
    return RocketRideClient(timeout=5)
