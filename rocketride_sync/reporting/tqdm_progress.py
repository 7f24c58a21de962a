"""Progress bars of tqdm, in terminals and notebooks (extra ``progress``)."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Tuple, Type

from ..errors import ConfigurationError
from ..redact import excerpt
from . import snapshot
from .snapshot import BYTES, TASKS, Snapshot

if TYPE_CHECKING:
    from ..models import TaskStatus

# How long one task took says nothing of the next.
_WITHOUT_TIME_LEFT = "{l_bar}{bar}| {n_fmt}/{total_fmt}{unit} [{elapsed}{postfix}]"


class TqdmProgress:
    """A progress bar as the `on_progress` of a wait, in a terminal or a notebook::

        client.wait_until_complete(token, timeout=3600, on_progress=TqdmProgress())

    It shows the state, items (bytes where a task counts none) of the total if that is known, the rate and the time
    left by what was observed since the first look (the server's rates have no certain unit), the bytes done, how many
    items failed, and what is being worked on. After a restart of the task it begins anew.

    The bar is made with the first status, and left as it is with the terminal one; then the object may be used for
    another wait. As a context manager it also ends the bar of a wait that fails::

        with TqdmProgress() as progress:
            client.wait_until_complete(token, on_progress=progress)

    Args:
        options: for tqdm, such as ``leave=False``, ``position=1``, ``file=sys.stdout``, ``disable=None``.

    Raises:
        ConfigurationError: tqdm is not installed.
    """

    def __init__(self, **options: Any) -> None:
        self._bar = Bar(_tqdm(), **options)

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


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]  # its stubs are not worth a dependency

        return tqdm
    except ImportError:
        pass
    raise ConfigurationError("TqdmProgress needs tqdm: pip install 'rocketride-sync[progress]'")


class Bar:
    """A bar of tqdm that is told what there is to show, and not by how much it has grown.

    Args:
        tqdm: the class of tqdm to use.
        options: for it.
    """

    def __init__(self, tqdm: Any, **options: Any) -> None:
        # No monitor thread, and no lock of multiprocessing, which may start a process: one thread draws here.
        kind: Any = type("_Bar", (tqdm,), {"monitor_interval": 0})
        kind.set_lock(threading.RLock())
        self.kind = kind
        self._options = {"dynamic_ncols": True, **options}
        self._bar: Any = None

    def update(self, seen: Snapshot) -> None:
        """Show `seen`: in a new bar if it is less than before, or counted in another unit."""
        if self._bar is None or seen.done < self._bar.n or seen.unit != self._bar.unit:
            self._restart(seen)
        bar = self._bar
        if bar.total != (seen.total or None):
            self._resize(seen.total or None)
        bar.n = seen.done
        bar.set_description_str(seen.state, refresh=False)
        bar.set_postfix_str(", ".join(filter(None, self._details(seen))), refresh=False)
        bar.refresh()

    def _restart(self, seen: Snapshot) -> None:
        if self._bar is not None:
            self._bar.leave = False
            self.close()
        options = {
            "initial": seen.done,  # so that the rate counts from the first look
            "total": seen.total or None,
            "unit": seen.unit,
            "unit_scale": seen.unit == BYTES,
            "bar_format": _WITHOUT_TIME_LEFT if seen.unit == TASKS else None,
            **self._options,
        }
        self._bar = self.kind(**options)

    def _resize(self, total: Optional[int]) -> None:
        bar = self._bar
        if total is not None and hasattr(bar, "container"):
            # The widget of a notebook has a total of its own, which this alone changes; it sets the time back too.
            began = bar.start_t
            bar.reset(total)
            bar.start_t = began
        bar.total = total

    def _details(self, seen: Snapshot) -> Tuple[str, ...]:
        size = self.kind.format_sizeof(seen.size, "B") if seen.size else ""
        return size, f"{seen.failed:,} failed" if seen.failed else "", seen.subject

    def close(self) -> None:
        """Leave the bar as it is. The next `update` makes another."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
