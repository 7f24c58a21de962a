"""The Celery application of the tests: tokens are files, and a reference is a file's name."""

import functools
import os
import signal
from pathlib import Path

from rocketride_sync import RetryPolicy, RocketRideClient

VISIBILITY = 2  # seconds after which the broker hands out again what a killed worker had
INTERVAL = 0.3


@functools.lru_cache(maxsize=None)
def client():
    return RocketRideClient(timeout=10, retry=RetryPolicy(initial_delay=0.1, max_delay=0.5))


def make_app(broker, tokens):
    """The application, and its task `watch`. A reference `R` with a file `R.kills` kills, once, who loads it."""
    from celery import Celery  # takes long, and each worker collects what imports this

    from rocketride_sync.contrib.celery import register

    def load_token(reference):
        trap = Path(tokens, f"{reference}.kills")
        if trap.exists():
            trap.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return Path(tokens, reference).read_text()

    app = Celery("jobs", broker=broker, backend=broker)
    app.conf.update(
        broker_transport_options={"visibility_timeout": VISIBILITY},
        broker_connection_retry_on_startup=True,
        worker_prefetch_multiplier=1,
    )
    return app, register(app, client=client, load_token=load_token, interval=INTERVAL)
