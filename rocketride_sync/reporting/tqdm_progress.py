"""Progress bars of tqdm, in terminals and notebooks (extra ``progress``)."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Tuple, Type

from ..errors import ConfigurationError
from ..redact import excerpt
from . import snapshot
from .snapshot import BYTES, TASKS, ProgressSnapshot

if TYPE_CHECKING:
    from ..models import TaskStatus

# For a count of tasks: how long one task took says nothing about the next.
_FORMAT_WITHOUT_TIME_LEFT = "{l_bar}{bar}| {n_fmt}/{total_fmt}{unit} [{elapsed}{postfix}]"


class TqdmProgress:
    """A progress bar as the `on_progress` of a wait, in a terminal or a notebook::

        client.wait_until_complete(token, timeout=3600, on_progress=TqdmProgress())

    It shows the state, the items done (bytes if the task counts no items) of the total if that is known, the rate and
    the time left, the bytes done, how many items failed, and what is being worked on. Rate and time left come from
    the progress since the first poll, because the server's own rates have no certain unit. After a restart of the
    task the bar begins anew.

    The bar is made at the first status and ends at the terminal one; then the object may be used for another wait.
    As a context manager it also ends the bar of a wait that fails::

        with TqdmProgress() as progress:
            client.wait_until_complete(token, on_progress=progress)

    Args:
        options: for tqdm, such as ``leave=False``, ``position=1``, ``file=sys.stdout``, ``disable=None``.

    Raises:
        ConfigurationError: tqdm is not installed.
    """

    def __init__(self, **options: Any) -> None:
        self._bar = TqdmBar(_import_tqdm(), **options)

    def __call__(self, status: TaskStatus) -> None:
        """Show `status`."""
        self._bar.update(snapshot.of_status(status, excerpt))
        if status.is_terminal:
            self.close()

    def close(self) -> None:
        """End the bar, if there is one. May be called twice."""
        self._bar.close()

    def __enter__(self) -> TqdmProgress:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


def _import_tqdm() -> Any:
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]  # its stubs are not worth a dependency

        return tqdm
    except ImportError:
        pass
    raise ConfigurationError("TqdmProgress needs tqdm: pip install 'rocketride-sync[progress]'")


class TqdmBar:
    """A tqdm bar that is updated with the whole progress; tqdm's own bars are updated with the increment.

    Args:
        tqdm: the class of tqdm to use.
        options: for it.
    """

    def __init__(self, tqdm: Any, **options: Any) -> None:
        # No monitor thread, and no lock of multiprocessing, which may start a process: only one thread draws here.
        kind: Any = type("_Bar", (tqdm,), {"monitor_interval": 0})
        kind.set_lock(threading.RLock())
        self.kind = kind
        self._options = {"dynamic_ncols": True, **options}
        self._bar: Any = None

    def update(self, progress: ProgressSnapshot) -> None:
        """Show `progress`: in a new bar if it is less than before, or counted in another unit."""
        if self._bar is None or progress.done < self._bar.n or progress.unit != self._bar.unit:
            self._restart(progress)
        bar = self._bar
        if bar.total != (progress.total or None):
            self._resize(progress.total or None)
        bar.n = progress.done
        bar.set_description_str(progress.state, refresh=False)
        bar.set_postfix_str(", ".join(filter(None, self._details(progress))), refresh=False)
        bar.refresh()

    def _restart(self, progress: ProgressSnapshot) -> None:
        if self._bar is not None:
            self._bar.leave = False
            self.close()
        options = {
            "initial": progress.done,  # so that the rate counts from the first poll
            "total": progress.total or None,
            "unit": progress.unit,
            "unit_scale": progress.unit == BYTES,
            "bar_format": _FORMAT_WITHOUT_TIME_LEFT if progress.unit == TASKS else None,
            **self._options,
        }
        self._bar = self.kind(**options)

    def _resize(self, total: Optional[int]) -> None:
        bar = self._bar
        if total is not None and hasattr(bar, "container"):
            # The widget of a notebook has a total of its own. Only `reset` changes it, and it resets the time too.
            began = bar.start_t
            bar.reset(total)
            bar.start_t = began
        bar.total = total

    def _details(self, progress: ProgressSnapshot) -> Tuple[str, ...]:
        size = self.kind.format_sizeof(progress.size, "B") if progress.size else ""
        return size, f"{progress.failed:,} failed" if progress.failed else "", progress.subject

    def close(self) -> None:
        """End the bar and leave it on the screen. The next `update` makes another."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
