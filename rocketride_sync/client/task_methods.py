"""The methods of a task's handle that are those of its client, for the task's token and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Generator, List, Mapping, Optional, Sequence, Union

from ..errors import TaskLostError
from ..handler_exceptions import pass_on
from ..models import TaskStatus
from ..options import CLIENT_TIMEOUT, Seconds
from ..sending.pipe import Pipe
from .status_methods import OnProgress

if TYPE_CHECKING:
    from ..models._task_start import TaskStart
    from ..sending.file_upload import FileEntry, OnUpload
    from ..sending.question import Question
    from ..sending.upload_events import UploadResult
    from .client import RocketRideClient


class TaskMethods:
    """The base of `Task`: what it hands on to its client."""

    start: TaskStart
    status: Optional[TaskStatus]
    _client: RocketRideClient

    @property
    def token(self) -> str:
        """The task's token. A secret."""
        return self.start.token

    def done(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> bool:
        """Whether the run has ended, by its present status. Also true if the server has forgotten or replaced the
        run.

        Raises:
            TaskNotFoundError: the server does not know the task, and nothing was seen of it before.
        """
        try:
            return self.get_status(timeout=timeout).is_terminal
        except TaskLostError as error:
            pass_on(error)
            return True

    def get_status(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> TaskStatus:
        """As `RocketRideClient.get_task_status`, of this run."""
        return self._client.get_task_status(self.token, previous=self.status, timeout=timeout)

    def wait_until_complete(
        self,
        timeout: Optional[Seconds] = None,
        interval: Seconds = 2.0,
        on_progress: Optional[OnProgress] = None,
        *,
        check: bool = False,
        cancel_on_timeout: bool = False,
        cancel_on_interrupt: bool = False,
    ) -> TaskStatus:
        """As `RocketRideClient.wait_until_complete`, for this run."""
        return self._client.wait_until_complete(
            self.token,
            timeout,
            interval,
            on_progress,
            previous=self.status,
            check=check,
            cancel_on_timeout=cancel_on_timeout,
            cancel_on_interrupt=cancel_on_interrupt,
        )

    def iter_status(
        self, *, timeout: Optional[Seconds] = None, interval: Seconds = 2.0
    ) -> Generator[TaskStatus, None, None]:
        """As `RocketRideClient.iter_task_status`, of this run."""
        return self._client.iter_task_status(
            self.token, previous=self.status, timeout=timeout, interval=interval
        )

    def send(
        self,
        data: Union[str, bytes],
        objinfo: Optional[Mapping[str, Any]] = None,
        mimetype: Optional[str] = None,
        *,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> Dict[str, Any]:
        """As `RocketRideClient.send`."""
        return self._client.send(self.token, data, objinfo, mimetype, timeout=timeout)

    def send_files(
        self,
        files: Sequence[FileEntry],
        *,
        max_workers: Optional[int] = None,
        on_progress: Optional[OnUpload] = None,
        timeout: Optional[Seconds] = None,
    ) -> List[UploadResult]:
        """As `RocketRideClient.send_files`."""
        return self._client.send_files(
            files, self.token, max_workers=max_workers, on_progress=on_progress, timeout=timeout
        )

    def pipe(
        self,
        objinfo: Optional[Mapping[str, Any]] = None,
        mime_type: Optional[str] = None,
        provider: Optional[str] = None,
        *,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> Pipe:
        """As `RocketRideClient.pipe`."""
        return self._client.pipe(self.token, objinfo, mime_type, provider, timeout=timeout)

    def chat(
        self, question: Question, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT, **parts: Any
    ) -> Dict[str, Any]:
        """As `RocketRideClient.chat`, which lists `parts`."""
        return self._client.chat(self.token, question, timeout=timeout, **parts)

    def get_pipeline(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> Optional[Dict[str, Any]]:
        """As `RocketRideClient.get_task_pipeline`."""
        return self._client.get_task_pipeline(self.token, timeout=timeout)
