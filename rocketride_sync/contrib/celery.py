"""Celery tasks that watch RocketRide tasks without holding a worker (extra ``celery``).

    app = Celery("jobs", broker="redis://…", backend="redis://…")
    watch = register(app, client=client, load_token=lambda reference: Job.objects.get(pk=reference).token)

    watch.delay(job.pk, timeout=3600).get()   # {"outcome": "succeeded", …}

Such a Celery task looks once, and puts itself back into the queue to look again later. Run by its caller
(``task_always_eager``, ``apply``, a plain call) it has no queue: the call lasts until the end.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from ..errors import ConfigurationError
from ..options import optional_seconds
from ..waiting.retention import check_interval
from .stateless_poller import StatelessPoller, WaitState

if TYPE_CHECKING:
    from celery import Celery, Task

    from ..client.client import RocketRideClient

NAME = "rocketride_sync.watch"

# A look may be made twice without harm, so none is lost with its worker; and a wait has as many looks as it takes.
# A shared task would be in every app of the process, and keep the watcher of another app from its name.
_OPTIONS = {"acks_late": True, "reject_on_worker_lost": True, "max_retries": None, "shared": False}


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
        name: the Celery task's name; one for each watcher of an app.
        options: of ``app.task``, such as ``ignore_result`` or ``rate_limit``.

    Raises:
        ConfigurationError: `interval` is not a positive number, `client` or `load_token` no function, or the app has a
            watcher of this `name`.
    """
    check_interval(interval)
    for argument, value in (("client", client), ("load_token", load_token)):
        if not callable(value):
            raise ConfigurationError(f"{argument} must be a function, not {type(value).__name__}")
    _take(name, app)

    @app.task(bind=True, name=name, **{**_OPTIONS, **options})  # type: ignore[untyped-decorator]  # Celery has no types
    def watch(
        self: Task,
        reference: Any,
        timeout: Optional[float] = None,
        *,
        memory: Optional[Dict[str, Any]] = None,
    ) -> Dict[str, Any]:
        """Look at the task behind `reference`, again and again until it has ended. `memory` is its own."""
        optional_seconds("timeout", timeout, zero=True)
        looking = StatelessPoller(client(), lambda: load_token(reference), interval, timeout)
        look = looking.look(WaitState(**memory or {}))
        while look.outcome is None and _is_run_by_its_caller(self):
            time.sleep(look.pause)
            look = looking.look(look.memory)
        if look.outcome is not None:
            return look.outcome
        carried = {"timeout": timeout, "memory": look.memory.to_dict()}
        raise self.retry(args=(reference,), kwargs=carried, countdown=look.pause, exc=look.fault)

    return watch


def _take(name: str, app: Celery) -> None:
    """Celery gives the first task of a name to whoever makes another one."""
    # To ask `app.tasks` would read the app's configuration, which may not be there yet.
    taken = vars(app).setdefault("_rocketride_sync_watchers", set())
    if name in taken:
        raise ConfigurationError(
            f"this Celery app has a watcher {name!r} already: give this one another name="
        )
    taken.add(name)


def _is_run_by_its_caller(task: Task) -> bool:
    """Whether no worker runs it: there is no queue to put it back into, and Celery would nest the looks."""
    return bool(task.request.is_eager or task.request.called_directly)
