"""Celery tasks that watch RocketRide tasks without holding a worker (extra ``celery``).

    app = Celery("jobs", broker="redis://…", backend="redis://…")
    watch = register(app, client=client, load_token=lambda reference: Job.objects.get(pk=reference).token)

    watch.delay(job.pk, timeout=3600).get()   # {"outcome": "succeeded", …}

Such a Celery task looks once, and puts itself back into the queue to look again later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from ..observing import check_interval
from ..options import optional_seconds
from .looking import Looking, Memory

if TYPE_CHECKING:
    from celery import Celery, Task

    from ..client import RocketRideClient

NAME = "rocketride_sync.watch"

# A look may be made twice without harm, so none is lost with its worker; and a wait has as many looks as it takes.
_DURABLE = {"acks_late": True, "reject_on_worker_lost": True, "max_retries": None}


def register(
    app: Celery,
    *,
    client: Callable[[], RocketRideClient],
    load_token: Callable[[Any], str],
    interval: float = 30.0,
    name: str = NAME,
    **options: Any,
) -> Task:
    """Make the Celery task ``watch(reference, timeout=None)``.

    Its result is a dict: `outcome` ("succeeded", "failed", "cancelled"), `has_failures`, `total_count`,
    `completed_count`, `failed_count`, `exit_code` (or None) and `message` ("" after a success). A task that failed is
    a result. It fails with `TaskNotFoundError`, `TaskVanishedError` or `TaskReplacedError` if the end cannot be
    seen, with `WaitTimeoutError` when `timeout` has passed, counted in seconds by the wall clock from the first look,
    with the last `TransientError` after `RetryPolicy.max_outage`, and with the other errors of
    `RocketRideClient.get_task_status`.

    Args:
        app: the Celery application.
        client: gives the client, at each look; let it be one for the process (`functools.lru_cache`).
        load_token: from a reference to the token. Only the reference goes through the broker, into logs and results.
            What it raises fails the Celery task, but for a `TransientError`, which is a look that failed.
        interval: seconds between looks. Default 30. Warns above 300, when servers forget finished tasks.
        name: the Celery task's name.
        options: of ``app.task``, such as ``ignore_result`` or ``rate_limit``.

    Raises:
        ConfigurationError: `interval` is not a positive number.
    """
    check_interval(interval)

    @app.task(bind=True, name=name, **{**_DURABLE, **options})  # type: ignore[untyped-decorator]  # Celery has no types
    def watch(
        self: Task,
        reference: Any,
        timeout: Optional[float] = None,
        *,
        memory: Optional[Dict[str, Any]] = None,
    ) -> Dict[str, Any]:
        """Look at the task behind `reference`, again and again until it has ended. `memory` is its own."""
        optional_seconds("timeout", timeout, zero=True)
        looking = Looking(client(), lambda: load_token(reference), interval, timeout)
        look = looking.look(Memory(**memory or {}))
        if look.outcome is not None:
            return look.outcome
        carried = {"timeout": timeout, "memory": look.memory.to_dict()}
        raise self.retry(args=(reference,), kwargs=carried, countdown=look.pause, exc=look.fault)

    return watch
