"""Progress bars of tqdm, in terminals and notebooks (extra ``progress``)."""

from __future__ import annotations

import io
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Type

from ..errors import ConfigurationError
from ..extras import install
from ..handler_exceptions import pass_on
from ..import_lock import import_lock
from ..logs import log
from ..redact import excerpt, reason_of
from . import snapshot
from .bar_layout import LEAST_BAR, Details, layout
from .formatting import cut_in_middle
from .snapshot import BYTES, ITEMS, TASKS, ProgressSnapshot

if TYPE_CHECKING:
    from ..models import TaskStatus

# For a count of tasks: how long one task took says nothing about the next.
_FORMAT_WITHOUT_TIME_LEFT = "{l_bar}{bar}| {n_fmt}/{total_fmt}{unit} [{elapsed}{postfix}]"
_FORMAT_WITHOUT_RATE = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
_SUBJECT_WIDTH = 40  # where no width is known
# Options for where a bar is shown.
_OF_THE_PLACE = {"disable", "display", "file", "gui", "position", "write_bytes"}
_TRIED = ProgressSnapshot("RUNNING", 1, 2, ITEMS, 0, "")
_LONGEST_REASON = 200
_BAR_OF_NO_WIDTH = 10  # what tqdm draws where it knows no width


class TqdmProgress:
    """A progress bar as the `on_progress` of a wait, in a terminal or a notebook::

        client.wait_until_complete(token, timeout=3600, on_progress=TqdmProgress())

    It shows the state, the completed items (or bytes, if the task counts no items) and their total if it is known,
    the rate and the time left, the bytes done, the number of failed items, and the current item. Rate and time left
    are computed from the progress since the first poll, because the server's own rates have no certain unit. After a
    restart of the task, the bar begins anew. The bar itself keeps 20 columns. If the line is too short for
    everything, the middle of the current item's name is cut out, and bytes and rate are left out.

    The bar is made at the first status and ends at the terminal one; then the object may be used for another wait.
    As a context manager it also ends the bar of a wait that fails::

        with TqdmProgress() as progress:
            client.wait_until_complete(token, on_progress=progress)

    A bar that cannot be written, for example because the disk is full or the reader of a pipe has gone, does not break
    the wait: the log warns, and there is no bar any more. Nor is there one if the process has no stderr. In place of a
    character that the encoding of `file` does not have, there is a question mark.

    Args:
        options: for tqdm, such as ``leave=False``, ``position=1``, ``file=sys.stdout``, ``disable=None``.

    Raises:
        ConfigurationError: tqdm is not installed, or refuses the options.
    """

    def __init__(self, **options: Any) -> None:
        tqdm = _import_tqdm()
        _try(options)
        self._bar = TqdmBar(tqdm, **options)

    def __call__(self, status: TaskStatus) -> None:
        """Show `status`."""
        try:
            self._bar.update(snapshot.of_status(status, excerpt))
        except OSError as error:
            pass_on(error, foreign_code=True)
            self._give_up(error)
        if status.is_terminal:
            self.close()

    def close(self) -> None:
        """End the bar, if there is one. May be called twice."""
        try:
            self._bar.close()
        except OSError as error:
            pass_on(error, foreign_code=True)
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        # What came of the task is more important than the bar.
        self._bar.switch_off()
        log.warning("no progress bar any more, it cannot be written: %s", reason_of(error))

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
        with import_lock:
            from tqdm.auto import tqdm  # type: ignore[import-untyped]  # its stubs are not worth a dependency

        return tqdm
    except ImportError as error:
        pass_on(error, foreign_code=True)
    raise ConfigurationError(f"TqdmProgress needs tqdm: {install('progress')}")


def _try(options: Dict[str, Any]) -> None:
    """Raise `ConfigurationError` for what tqdm refuses, which it would do in the middle of a wait."""
    file = options.get("file")
    if file is not None and not hasattr(file, "write"):
        raise ConfigurationError(f"TqdmProgress: nothing can be written to file={type(file).__name__}")
    with import_lock:
        from tqdm.std import tqdm  # type: ignore[import-untyped]  # a notebook's would be shown
    tried = {name: value for name, value in options.items() if name not in _OF_THE_PLACE}
    try:
        bar = TqdmBar(tqdm, **tried, file=io.StringIO())
        bar.update(_TRIED)
        bar.close()
        return
    except Exception as error:  # noqa: BLE001 - whatever it says of the options
        pass_on(error, foreign_code=True)
        problem = excerpt(f"{type(error).__name__}: {error}", _LONGEST_REASON)
    raise ConfigurationError(f"TqdmProgress: tqdm refuses the options ({problem})")


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
        self._options = {"dynamic_ncols": "ncols" not in options, **options}
        self._bar: Any = None
        self._unit = ""  # of the progress in the bar: tqdm's own may be one of the options, or left out
        self._owns_format = True  # whether the bar's format is tqdm's own, which may be replaced

    def update(self, progress: ProgressSnapshot) -> None:
        """Show `progress`: in a new bar if it is less than before, or counted in another unit."""
        if self._bar is None or progress.done < self._bar.n or progress.unit != self._unit:
            self._restart(progress)
        bar = self._bar
        if bar.total != (progress.total or None):
            self._resize(progress.total or None)
        bar.n = progress.done
        bar.set_description_str(progress.state, refresh=False)
        bar.set_postfix_str(self._encodable(", ".join(self._fitting(progress).texts())), refresh=False)
        bar.refresh()

    def _encodable(self, text: str) -> str:
        """`text`, with question marks for what the file of the bar cannot encode: its writing would raise."""
        encoding = getattr(getattr(self._bar, "fp", None), "encoding", None)
        return text.encode(encoding, "replace").decode(encoding) if isinstance(encoding, str) else text

    def _fitting(self, progress: ProgressSnapshot) -> Details:
        """The details that there is room for."""
        size = self.kind.format_sizeof(progress.size, "B") if progress.size else ""
        failed = f"{progress.failed:,} failed" if progress.failed else ""
        details = Details(size, failed, progress.subject)
        if self._bar.disable:  # then it has no width, nor much else
            return details
        self._bar.set_postfix_str("", refresh=False)
        if self._owns_format:
            self._bar.bar_format = None
        drawn = self._bar.format_dict
        columns = drawn["ncols"]
        if not isinstance(columns, int) or columns < 1:  # in a file, or a notebook
            return details._replace(subject=cut_in_middle(progress.subject, _SUBJECT_WIDTH))
        return self._laid_out(details, drawn, columns)

    def _laid_out(self, details: Details, drawn: Dict[str, Any], columns: int) -> Details:
        """The details that fit `columns`; the bar is told to leave out its rate if there is no room for it."""
        room = columns - self._width(drawn)
        if not (self._owns_format and drawn["total"]):
            return layout(room, 0, details, _disp_len()).details
        without_rate = columns - self._width({**drawn, "bar_format": _FORMAT_WITHOUT_RATE})
        found = layout(without_rate, without_rate - room, details, _disp_len())
        self._bar.bar_format = None if found.with_rate else _FORMAT_WITHOUT_RATE
        return found.details

    def _width(self, drawn: Dict[str, Any]) -> int:
        """Columns of what is always shown, the bar at its least."""
        text = self.kind.format_meter(**{**drawn, "ncols": None})
        has_bar = bool(drawn["total"] or drawn["bar_format"])
        return int(_disp_len()(text)) + (LEAST_BAR - _BAR_OF_NO_WIDTH if has_bar else 0)

    def _restart(self, progress: ProgressSnapshot) -> None:
        if self._bar is not None:
            self._bar.leave = False
            self.close()
        options: Dict[str, Any] = {
            "desc": progress.state,
            "initial": progress.done,  # so that the rate counts from the first poll
            "total": progress.total or None,
            "unit": progress.unit,
            "unit_scale": progress.unit == BYTES,
            "bar_format": _FORMAT_WITHOUT_TIME_LEFT if progress.unit == TASKS else None,
            **self._options,
        }
        if sys.stderr is None and options.get("file") is None:  # pythonw, a service, `2>&-`
            options["disable"] = True
        self._bar = self.kind(**options)
        self._unit = progress.unit
        self._owns_format = not self._bar.disable and self._bar.bar_format is None

    def _resize(self, total: Optional[int]) -> None:
        bar = self._bar
        if total is not None and hasattr(bar, "container"):
            # The widget of a notebook has a total of its own. Only `reset` changes it, and it resets the time too.
            began = bar.start_t
            bar.reset(total)
            bar.start_t = began
        bar.total = total

    def close(self) -> None:
        """End the bar and leave it on the screen. The next `update` makes another."""
        if self._bar is not None:
            bar, self._bar = self._bar, None
            bar.close()

    def switch_off(self) -> None:
        """Draw nothing any more: the file takes nothing. Not even the end of a bar, which its destructor would draw."""
        self._options["disable"] = True
        self._bar = None
        for bar in list(self.kind._instances):  # also one whose first line could not be written
            if type(bar) is self.kind:
                bar.disable = True


def _disp_len() -> Callable[[str], int]:
    """What gives the columns of a text: tqdm's own, so that both count alike."""
    with import_lock:
        from tqdm.utils import disp_len  # type: ignore[import-untyped]

    found: Callable[[str], int] = disp_len
    return found
