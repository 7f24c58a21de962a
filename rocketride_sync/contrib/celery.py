"""Celery tasks that watch RocketRide tasks without holding a worker (extra ``celery``).

    app = Celery("jobs", broker="redis://…", backend="redis://…")
    watch = register(app, client=client, load_token=lambda reference: Job.objects.get(pk=reference).token)

    watch.delay(job.pk, timeout=3600).get()   # {"outcome": "succeeded", …}

Such a Celery task polls once, and puts itself back into the queue to poll again later. Run by its caller
(``task_always_eager``, ``apply``, a plain call) it has no queue: the call lasts until the end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from ..errors import ConfigurationError
from ..options import Seconds, optional_seconds
from ..waiting.retention import check_interval
from .stateless_poller import StatelessPoller, WaitState

if TYPE_CHECKING:
    from celery import Celery, Task

    from ..client.client import RocketRideClient

NAME = "rocketride_sync.watch"

# Late acknowledgement: a poll does no harm if it is made twice, and is not lost when its worker dies. No limit of
# retries: a wait takes as many polls as it needs. Not shared: a shared task would be in every app of the process, and
# another app could not have a watcher of the same name.
_TASK_OPTIONS = {"acks_late": True, "reject_on_worker_lost": True, "max_retries": None, "shared": False}


def register(
    app: Celery,
    *,
    client: Callable[[], RocketRideClient],
    load_token: Callable[[Any], str],
    interval: Seconds = 30.0,
    name: str = NAME,
    **options: Any,
) -> Task:
    """Register the Celery task ``watch(reference, timeout=None)`` in `app`, and return it.

    Its result is a dict: `outcome` ("succeeded", "failed", "cancelled"), `outcome_certain`, `has_failures`, `total_count`,
    `completed_count`, `failed_count`, `exit_code` (or None) and `message` ("" after a success). A RocketRide task
    that failed is a result too. The Celery task fails with `TaskNotFoundError`, `TaskVanishedError` or
    `TaskReplacedError` if the end cannot be seen, with `WaitTimeoutError` when `timeout` has passed (seconds by the
    wall clock, from the first poll), with the last `TransientError` after `RetryPolicy.max_outage`, and with the
    other errors of `RocketRideClient.get_task_status`.

    Args:
        app: the Celery application.
        client: returns the client, and is called at each poll; let it return one for the whole process
            (`functools.lru_cache`).
        load_token: returns the token for a reference. Only the reference goes through the broker, into logs and
            results. What it raises fails the Celery task, except a `TransientError`: then only this poll failed.
        interval: seconds between polls. Default 30. Warns above 300, when servers forget finished tasks.
        name: the Celery task's name; one for each watcher of an app.
        options: of ``app.task``, such as ``ignore_result`` or ``rate_limit``.

    Raises:
        ConfigurationError: `interval` is not a positive number, `client` or `load_token` no function, or the app has a
            watcher of this `name`.
    """
    every = check_interval(interval)
    for argument, value in (("client", client), ("load_token", load_token)):
        if not callable(value):
            raise ConfigurationError(f"{argument} must be a function, not {type(value).__name__}")
    _reserve_name(name, app)

    @app.task(bind=True, name=name, **{**_TASK_OPTIONS, **options})  # type: ignore[untyped-decorator]  # Celery has no types
    def watch(
        self: Task,
        reference: Any,
        timeout: Optional[Seconds] = None,
        *,
        memory: Optional[Dict[str, Any]] = None,
    ) -> Dict[str, Any]:
        """Poll the task that `reference` names until it has ended. `memory`, a `WaitState`, is for its own retries."""
        limit = optional_seconds("timeout", timeout, zero=True)
        poller = StatelessPoller(client(), lambda: load_token(reference), every, limit)
        report = poller.poll(WaitState(**memory or {}))
        while report.outcome is None and _is_run_by_its_caller(self):
            time.sleep(report.pause)
            report = poller.poll(report.state)
        if report.outcome is not None:
            return report.outcome
        carried = {"timeout": limit, "memory": report.state.to_dict()}
        raise self.retry(args=(reference,), kwargs=carried, countdown=report.pause, exc=report.fault)

    return watch


def _reserve_name(name: str, app: Celery) -> None:
    """Raise ConfigurationError for a name in use: Celery would return the first task of that name without a word."""
    # `app.tasks` would read the app's configuration, which may not be there yet.
    taken = vars(app).setdefault("_rocketride_sync_watchers", set())
    if name in taken:
        raise ConfigurationError(
            f"this Celery app has a watcher {name!r} already: give this one another name="
        )
    taken.add(name)


def _is_run_by_its_caller(task: Task) -> bool:
    """Whether no worker runs it. Then there is no queue to put it back into, and Celery would nest the polls."""
    return bool(task.request.is_eager or task.request.called_directly)
