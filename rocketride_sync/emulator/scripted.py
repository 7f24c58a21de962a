"""Tasks whose course is decided by who starts them: for tests of code that waits for tasks."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Optional, Sequence, Type

from ..client.client import RocketRideClient

if TYPE_CHECKING:
    from ..client.task import Task


class ScriptedTasks:
    """Starts such tasks on an emulator, and ends them all on leaving its ``with`` block.

    Args:
        uri: the emulator's address.
        api_key: its key.
    """

    def __init__(self, uri: str, api_key: str = "any") -> None:
        self._ending = ExitStack()
        # Not through a proxy of the environment: the server is on this machine.
        self._client = self._ending.enter_context(RocketRideClient(uri, api_key, proxies={}))

    def __call__(
        self,
        *,
        seconds: float = 0.2,
        total: int = 4,
        failed: int = 0,
        errors: Sequence[str] = (),
        warnings: Sequence[str] = (),
        exit_code: Optional[int] = 0,
        exit_message: str = "",
        forever: bool = False,
        stopping_seconds: float = 0.0,
        name: Optional[str] = None,
    ) -> Task:
        """Start a task. Returns once it runs.

        Args:
            seconds: how long it works. With less than `Settings.early_end`, which `rocketride_server` sets to 0, the
                start fails.
            total: how many items it has, of 1,000 bytes each.
            failed: how many of them fail, the last ones, each with an error.
            errors: further error messages, spread over the work.
            warnings: warning messages, spread over the work.
            exit_code: with any but 0 and None, the task fails.
            exit_message: why.
            forever: it does not end after its work, but goes on running until somebody ends it.
            stopping_seconds: how long it is `completed`, but still STOPPING.
            name: its name.

        Raises:
            RocketRideError: the server refuses; the message says why.
        """
        config = {
            "seconds": seconds,
            "total": total,
            "failed": failed,
            "errors": list(errors),
            "warnings": list(warnings),
            "exit_code": exit_code,
            "exit_message": exit_message,
            "forever": forever,
            "stopping_seconds": stopping_seconds,
        }
        pipeline = {
            "project_id": f"scripted-{uuid.uuid4()}",  # or it would be another run of the same task
            "source": "scripted",
            "components": [{"id": "scripted", "provider": "simulate", "config": config}],
        }
        return self._ending.enter_context(self._client.use(pipeline=pipeline, name=name, env={}))

    def __enter__(self) -> ScriptedTasks:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._ending.close()
