"""An Airflow sensor for the end of a RocketRide task (extra ``airflow``, Airflow 3.3 or newer).

    wait = RocketRideSensor(task_id="wait", reference="{{ params.job }}", load_token=load_token, timeout=3600)

Between two looks it gives its worker slot back: ``mode="reschedule"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

try:
    from airflow.sdk import BaseSensorOperator, PokeReturnValue
    from airflow.sdk.exceptions import AirflowFailException
except ImportError as error:
    raise ImportError(
        "rocketride_sync.contrib.airflow needs Airflow 3.3 or newer: pip install 'rocketride-sync[airflow]'"
    ) from error

from ..client.client import RocketRideClient
from ..errors import TaskLostError, TaskNotFoundError
from .stateless_poller import PollReport, StatelessPoller, WaitState

if TYPE_CHECKING:
    from airflow.sdk import Context

_KEY = "rocketride_sync"


class RocketRideSensor(BaseSensorOperator):  # type: ignore[misc]  # Airflow is not there when types are checked
    """Waits for the end of a task. Its XCom is how that was, a dict as in `rocketride_sync.contrib.celery.register`.

    What it has seen is kept in Airflow's task state store, the one thing that outlives a rescheduling, without
    the token: so a run that the server forgot or replaced is told from one that ended.

    It fails for good, with `AirflowFailException`, if there will be no end to see (`TaskNotFoundError`,
    `TaskVanishedError`, `TaskReplacedError`), and with `check` if the task did not succeed; with
    `AirflowSensorTimeout` after `timeout`. Transient faults are looks that failed, until the client's
    `RetryPolicy.max_outage`. That and all other errors are tries that failed, which Airflow's `retries` may repeat,
    each with the whole `max_outage`.

    Args:
        reference: what `load_token` finds the token by; templated. Logs and the web page show it.
        load_token: from a reference to the token.
        client: makes the client. Default: ``ROCKETRIDE_URI`` and ``ROCKETRIDE_APIKEY``.
        check: whether a task that failed or was cancelled fails the sensor. Default True.
        mode: as in every sensor, but "reschedule" by default.
        kwargs: of every sensor: `poke_interval` (seconds between looks; keep it below 300, when servers forget
            finished tasks), `timeout`, ….
    """

    template_fields = ("reference",)

    def __init__(
        self,
        *,
        reference: str,
        load_token: Callable[[str], str],
        client: Callable[[], RocketRideClient] = RocketRideClient,
        check: bool = True,
        mode: str = "reschedule",
        **kwargs: Any,
    ) -> None:
        super().__init__(mode=mode, **kwargs)
        self.reference = reference
        self.load_token = load_token
        self.client = client
        self.check = check

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        store = context["task_state_store"]
        memory = WaitState(**store.get(_KEY) or {})
        try:
            look = self._look(memory)
        except (TaskNotFoundError, TaskLostError) as error:
            lost = error
        except Exception:
            # The next try has an outage of its own to outlive.
            store.set(_KEY, memory.without_faults().to_dict())
            raise
        else:
            return self._told(look, store)
        # For whoever clears the sensor, so that it watches the run there is then.
        store.delete(_KEY)
        raise AirflowFailException(str(lost)) from lost

    def _look(self, memory: WaitState) -> PollReport:
        with self.client() as client:
            looking = StatelessPoller(
                client, lambda: self.load_token(self.reference), self.poke_interval, None
            )
            return looking.look(memory)

    def _told(self, looked: PollReport, store: Any) -> PokeReturnValue:
        if looked.outcome is None:
            store.set(_KEY, looked.memory.to_dict())
            return PokeReturnValue(is_done=False)
        store.delete(_KEY)
        if self.check and looked.outcome["outcome"] != "succeeded":
            raise AirflowFailException(looked.outcome["message"])
        return PokeReturnValue(is_done=True, xcom_value=looked.outcome)
