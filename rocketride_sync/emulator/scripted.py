"""Tasks that behave as a test specifies: how long they run, how they end. For testing code that waits for tasks."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Optional, Sequence, Type

from ..client.client import RocketRideClient

if TYPE_CHECKING:
    from ..client.task import Task


class ScriptedTasks:
    """Starts such tasks on an emulator, and ends all of them when its ``with`` block ends.

    Args:
        uri: the emulator's address.
        api_key: its key.
    """

    def __init__(self, uri: str, api_key: str = "any") -> None:
        self._cleanup = ExitStack()
        # Ignore the proxies of the environment: the server is on this machine.
        self._client = self._cleanup.enter_context(RocketRideClient(uri, api_key, proxies={}))

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
        exit_line: Optional[bool] = None,
        killed: bool = False,
        stop_line: Optional[str] = None,
        restart_code_seen: bool = False,
        logged: bool = True,
        stopping_seconds: float = 0.0,
        name: Optional[str] = None,
    ) -> Task:
        """Start a task, and return once it is RUNNING.

        Args:
            seconds: how long it works. Below `Settings.early_end`, which `rocketride_server` sets to 0, the start
                fails.
            total: how many items it has, of 1,000 bytes each.
            failed: how many of them fail: the last ones, with an error each.
            errors: further error messages, spread over the work.
            warnings: warning messages, spread over the work.
            exit_code: the task fails unless this is 0 or None. The status shows it if there is no exit line.
            exit_message: the reason for its end.
            exit_line: whether the engine prints an exit line, with code and message. With None it does so unless there
                is a code other than 0 and no message. Without a line, the code is the exit code of the process.
            killed: whether the engine is killed, before its last item is done.
            stop_line: the text of the exit line that the engine prints when the task is terminated, or when its ttl
                runs out; None for no such line.
            restart_code_seen: whether a server of the older generation sees the exit code after a restart, which is a
                race there.
            logged: whether the server's run log gets it.
            forever: whether it stays RUNNING after its work, until it is terminated.
            stopping_seconds: how long it is `completed` while its state is still STOPPING.
            name: its name.

        Raises:
            RocketRideError: the server refused the task; the message says why.
        """
        config = {
            "seconds": seconds,
            "total": total,
            "failed": failed,
            "errors": list(errors),
            "warnings": list(warnings),
            "exit_code": exit_code,
            "exit_message": exit_message,
            "exit_line": exit_line,
            "killed": killed,
            "stop_line": stop_line,
            "restart_code_seen": restart_code_seen,
            "logged": logged,
            "forever": forever,
            "stopping_seconds": stopping_seconds,
        }
        pipeline = {
            "project_id": f"scripted-{uuid.uuid4()}",  # a repeated one would be another run of the same task
            "source": "scripted",
            "components": [{"id": "scripted", "provider": "simulate", "config": config}],
        }
        return self._cleanup.enter_context(self._client.use(pipeline=pipeline, name=name, env={}))

    def __enter__(self) -> ScriptedTasks:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._cleanup.close()
