"""Records every status of a wait and writes an HTML report with charts and messages (extra ``report``)."""

from __future__ import annotations

import html
import os
import time
from types import TracebackType
from typing import TYPE_CHECKING, Collection, Iterable, Optional, Sequence, Type, Union

from ..errors import ConfigurationError
from ..extras import install
from ..handler_exceptions import as_it_was_raised, pass_on
from ..import_lock import import_lock
from ..logs import log
from ..models import TaskStatus
from ..redact import excerpt
from . import report_file
from .ending import Ending, ending_of
from .observations import Record

if TYPE_CHECKING:
    from ..deadline import Clock

_LONGEST_REASON = 200
_FRAME = "width:100%;height:42em;border:1px solid rgba(128,128,128,.45);border-radius:6px;resize:vertical"
_NEEDED = {"pygal": "pygal", "jinja2": "Jinja2", "markupsafe": "Jinja2"}  # by the names of their modules


class RunRecorder(Record):
    """Records every status of a wait, as its `on_progress`, and makes a page of it at the end::

        with RunRecorder("run.html") as recorder:
            client.wait_until_complete(token, timeout=3600, on_progress=recorder)

    When the block is left, the page is written. It says in plain words what ended the block: the end of the task,
    Ctrl-C, the timeout or an error, and whether the task was ended then. Without a ``with`` block, call `finish` and
    then `save`. The page is one file, needs neither network nor JavaScript, and shows progress, rates and resources
    over time, and all messages.

    The recorder keeps what the server does not keep: the peaks of the metrics, which older servers set to 0 when the
    task ends, and all errors and warnings, of which the server has only the newest 50 or 1,000. Memory is bounded.
    When there are 2,000 observations, every second one is dropped. From then on, only every second new one is kept.
    So they stay evenly spread, and the first and the latest are always there. Of the messages, the newest 10,000 are
    kept, each cut at 1,000 characters.

    Args:
        path: where the page will be written; None leaves that to `save`. A named pipe must have a reader already.
        title: the title of the page; by default the name of the task.
        secrets: texts that must not be on the page, besides everything that has the form of a token. They are read at
            each poll and when the page is made, so a list may grow in between.
        clock: monotonic seconds.

    Attributes:
        observations: what the polls returned, oldest first.
        polls: how many polls there were.
        peaks: the most that was used.
        errors, warnings: the messages.
        began_at: the time of the first poll as Unix time, or None.
        last: the latest status, or None.
        files: the files that were sent, if `on_upload` was told of them.

    Raises:
        ConfigurationError: `path` cannot be written, `secrets` is or holds something else, or pygal or Jinja2 is not
            installed or does not work. This is raised here, before a long wait.
    """

    def __init__(
        self,
        path: Union[str, os.PathLike[str], None] = None,
        *,
        title: str = "",
        secrets: Iterable[str] = (),
        clock: Clock = time.monotonic,
    ) -> None:
        self._secrets = _several(secrets)
        self._pipe: Optional[report_file.OpenPipe] = None
        if path is not None:
            _check_drawing()
            self._pipe = report_file.check_writable(path)
        self._path = path
        self._title = title
        super().__init__(self._secrets, clock)

    def html(self, error: Optional[BaseException] = None) -> str:
        """The page. `error` is what ended the wait, if that was not the end of the task; by default that of `finish`.

        Raises:
            ConfigurationError: pygal or Jinja2 is not installed, or does not work.
        """
        ending = self.ending if error is None else ending_of(error)
        return _draw(self, ending, tuple(self._secrets), self._title)

    def _repr_html_(self) -> str:
        """What a notebook shows: the page, in a frame of its own. Without the extra, the latest status."""
        try:
            page = self.html()
        except ConfigurationError as error:
            pass_on(error)
            reason = str(error)
        else:
            return f'<iframe srcdoc="{html.escape(page)}" sandbox title="Report" style="{_FRAME}"></iframe>'
        return f"{self._latest_as_html()}<p>{html.escape(reason)}</p>"

    def _latest_as_html(self) -> str:
        with import_lock:
            from ..models import status_html  # few processes are notebooks

        if self.last is None:
            return ""
        secrets = tuple(self._secrets)
        return status_html.card(status_html.text(self.last.source, secrets) or "a task", self.last, secrets)

    def __repr__(self) -> str:
        return f"<RunRecorder: {self.polls} polls>"

    def save(
        self, path: Union[str, os.PathLike[str], None] = None, *, error: Optional[BaseException] = None
    ) -> None:
        """Write the page to `path`, by default to the path of the recorder. If that fails, an old page stays.

        Without a ``with`` block, call `finish` before this.

        Raises:
            ConfigurationError: the page cannot be drawn or written, or there is no path. A pipe or a terminal whose
                reader takes nothing for 2 s, or not all of it within 10 s, counts as one that cannot be written.
        """
        target = path or self._path
        if target is None:
            raise ConfigurationError("save: no path; give one here, or to RunRecorder")
        text = self.html(error)
        pipe = None if path else self._pipe
        try:
            if pipe is not None:
                self._pipe = None  # its reader has seen its end then; the next page needs another reader
                pipe.write(text)
            else:
                report_file.write(target, text)
        except OSError as error_of_file:
            pass_on(error_of_file, foreign_code=True)
            failure = error_of_file
        else:
            return
        raise report_file.not_writable(target, failure)

    def __enter__(self) -> RunRecorder:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.finish(error)
        if self._path is None:
            return
        try:
            self.save()
        except ConfigurationError as failure:
            pass_on(failure)
            if error is None:
                raise
            # The caller must see the error of the block, not this one.
            log.warning("no report was written: %s", failure)


def _several(secrets: Iterable[str]) -> Collection[str]:
    # The letters of one text would be several, too.
    if isinstance(secrets, (str, bytes)) or not isinstance(secrets, Iterable):
        raise ConfigurationError(f"secrets must be a list of strings, not {type(secrets).__name__}")
    several = secrets if isinstance(secrets, Collection) else tuple(secrets)
    for each in several:
        if not isinstance(each, str):
            raise ConfigurationError(f"secrets must be a list of strings, not of {type(each).__name__}")
    return several


def _draw(record: Record, ending: Ending, secrets: Sequence[str], title: str = "") -> str:
    """The page as HTML. Raises ConfigurationError, whatever goes wrong inside of pygal or Jinja2."""
    missing = ""
    try:
        return as_it_was_raised(_rendered, record, ending, secrets, title)
    except Exception as failure:  # noqa: BLE001  (an installation that is not whole can raise anything)
        pass_on(failure, foreign_code=True)
        if isinstance(failure, ImportError):
            missing = _NEEDED.get(failure.name or "", "")
        reason = f"{type(failure).__name__}: {excerpt(str(failure), _LONGEST_REASON, secrets)}"
    if missing:
        raise ConfigurationError(f"a report needs {missing}: {install('report')}")
    raise ConfigurationError(
        f"a report cannot be drawn with the pygal and Jinja2 that are installed ({reason}): "
        f"{install('report')}, or other versions of the two"
    )


def _rendered(record: Record, ending: Ending, secrets: Sequence[str], title: str) -> str:
    with import_lock:
        from .drawing import import_pygal
        from .page import render_page

    import_pygal()  # also for a page without charts: what can be drawn shall not depend on what was seen
    return render_page(record, ending, secrets, title)


def _check_drawing() -> None:
    """Draw a page of a small run. Raises ConfigurationError if that does not work."""
    trial = Record((), time.monotonic)
    for completed in (0, 1):
        trial(TaskStatus.from_dict({"state": 3, "totalCount": 2, "completedCount": completed}))
    trial.on_upload({"action": "open", "filepath": "file", "bytes_sent": 0, "file_size": 0})
    _draw(trial, Ending(), ())
