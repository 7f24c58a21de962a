"""An Airflow sensor for the end of a RocketRide task (extra ``airflow``, Airflow 3.3 or newer).

    wait = RocketRideSensor(task_id="wait", reference="{{ params.job }}", load_token=load_token, timeout=3600)

Between two polls it gives its worker slot back: ``mode="reschedule"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

try:
    from airflow.sdk import BaseSensorOperator, PokeReturnValue
    from airflow.sdk.exceptions import AirflowFailException
except ImportError as error:
    from ..extras import install

    raise ImportError(
        f"rocketride_sync.contrib.airflow needs Airflow 3.3 or newer: {install('airflow')}"
    ) from error

from ..client.client import RocketRideClient
from ..errors import TaskLostError, TaskNotFoundError
from ..handler_exceptions import is_fault
from .stateless_poller import PollReport, StatelessPoller, WaitState

if TYPE_CHECKING:
    from airflow.sdk import Context

_STORE_KEY = "rocketride_sync"


class RocketRideSensor(BaseSensorOperator):  # type: ignore[misc]  # Airflow is not there when types are checked
    """Waits for the end of a task. Its XCom is the outcome, a dict as in `rocketride_sync.contrib.celery.register`.

    The state of the wait is kept in Airflow's task state store, without the token. Nothing else outlives a
    rescheduling. With it the sensor tells a run that the server forgot or replaced from one that ended.

    It fails for good, with `AirflowFailException`, if the end cannot be seen any more (`TaskNotFoundError`,
    `TaskVanishedError`, `TaskReplacedError`), and with `check` if the task did not succeed; with
    `AirflowSensorTimeout` after `timeout`. A transient fault is a poll that failed, and the wait goes on until the
    client's `RetryPolicy.max_outage` has passed. After that, and on all other errors, the try has failed; Airflow's
    `retries` may repeat it, each time with the whole `max_outage`.

    Args:
        reference: what `load_token` finds the token by; templated. Logs and the web page show it.
        load_token: returns the token for a reference.
        client: makes the client. Default: ``ROCKETRIDE_URI`` and ``ROCKETRIDE_APIKEY``.
        check: whether a task that failed or was cancelled fails the sensor. Default True.
        mode: as in every sensor, but "reschedule" by default.
        kwargs: of every sensor: `poke_interval` (seconds between polls; keep it below 300, after which servers
            forget finished tasks), `timeout`, ….
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
        """Poll the task once."""
        store = context["task_state_store"]
        state = WaitState(**store.get(_STORE_KEY) or {})
        try:
            report = self._poll(state)
        except Exception as error:
            if not (is_fault(error) and isinstance(error, (TaskNotFoundError, TaskLostError))):
                # The next try may wait for the whole `max_outage` again.
                store.set(_STORE_KEY, state.without_faults().to_dict())
                raise
            lost = error
        else:
            return self._poke_result(report, store)
        # Somebody may clear the sensor to run it again: it must then wait for the run there is at that time.
        store.delete(_STORE_KEY)
        raise AirflowFailException(str(lost)) from lost

    def _poll(self, state: WaitState) -> PollReport:
        with self.client() as client:
            poller = StatelessPoller(
                client, lambda: self.load_token(self.reference), self.poke_interval, None
            )
            return poller.poll(state)

    def _poke_result(self, report: PollReport, store: Any) -> PokeReturnValue:
        if report.outcome is None:
            store.set(_STORE_KEY, report.state.to_dict())
            return PokeReturnValue(is_done=False)
        store.delete(_STORE_KEY)
        if self.check and report.outcome["outcome"] != "succeeded":
            raise AirflowFailException(report.outcome["message"])
        return PokeReturnValue(is_done=True, xcom_value=report.outcome)
