"""The tasks a server knows: started, found by token, replaced by the next run, forgotten after a while."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Any, Dict, List, Optional

from .constant_time import equal_in_constant_time
from .event_hub import Hub
from .pipeline import parse
from .request_errors import NOT_RUNNING, RequestError
from .run_options import RunOptions
from .settings import Settings
from .sources import make_source
from .task import Task


class Registry:
    """All tasks of one server. It lives in memory: a new server knows none.

    Args:
        settings: delays and limits.
        api_key: goes into the tokens, so that they cannot be guessed without it.
        root: the directory that `files` sources may read, or None.
        hub: where tasks publish their events.
    """

    def __init__(self, settings: Settings, api_key: Optional[str], root: Optional[Path], hub: Hub) -> None:
        self._settings = settings
        self._secret = (api_key or "").encode("utf-8", "replace")
        self._root = root.resolve() if root else None
        self._hub = hub
        self._tasks: Dict[str, Task] = {}

    def get(self, token: Any) -> Task:
        """The task of `token`. Raises RequestError when there is none."""
        if not token:
            raise RequestError("Task token is required")
        if not isinstance(token, str) or token not in self._tasks:
            raise RequestError(NOT_RUNNING)
        return self._tasks[token]

    def find(self, project_id: Any, source: Any) -> Optional[Task]:
        """The latest task of a project and source, finished or not, or None."""
        for task in reversed(list(self._tasks.values())):
            if task.pipeline.key == (project_id, source):
                return task
        return None

    def find_by_credential(self, credential: str) -> Optional[Task]:
        """The task that a token or a public token opens, or None."""
        for task in self._tasks.values():
            if equal_in_constant_time(credential, task.token):
                return task
            if equal_in_constant_time(credential, task.public_token):
                return task
        return None

    @property
    def active(self) -> List[Task]:
        return [task for task in self._tasks.values() if not task.ended.is_set()]

    async def execute(
        self,
        document: Any,
        *,
        token: Optional[str] = None,
        use_existing: bool = False,
        options: RunOptions,
    ) -> Task:
        """Run a pipeline; returns once it is RUNNING. A finished task of the same token is replaced.

        Args:
            document: the pipeline document.
            token: the token to run it under; by default one made from project and source.
            use_existing: return the task that is running already under that token, instead of failing.
            options: how to run it.

        Raises:
            RequestError: the document is wrong, it runs already, or it ended before it was RUNNING.
        """
        pipeline = parse(document, options.env)
        token = token or self._derive("tk_", pipeline.project_id, pipeline.source.id)
        running = self._tasks.get(token)
        if running and not running.ended.is_set():
            if use_existing:
                await running.joined()
                return running
            raise RequestError("Pipeline is already running.")
        self._make_room()
        task = Task(
            pipeline,
            make_source(pipeline, self._root, options.threads, self._settings),
            token=token,
            public_token=self._derive("pk_", token),
            settings=self._settings,
            hub=self._hub,
            options=options,
        )
        self._tasks.pop(token, None)
        self._tasks[token] = task
        await self._start(task)
        return task

    def _make_room(self) -> None:
        """Forget the first task that has ended, if there are too many. Raises RequestError when none has."""
        if len(self._tasks) < self._settings.max_tasks:
            return
        ended = next((task for task in self._tasks.values() if task.ended.is_set()), None)
        if ended is None:
            raise RequestError(f"This server runs {len(self._tasks)} tasks, and may run no more")
        self._forget(ended)

    async def _start(self, task: Task) -> None:
        try:
            await task.start()
        except RequestError:
            self._forget(task)
            raise

    async def restart(self, token: Any, document: Any) -> Task:
        """Run a task again from the start, running or finished; returns once it is RUNNING.

        Args:
            token: its token.
            document: the pipeline, of the same project and source; None for the one it had.

        Raises:
            RequestError: no such task, another pipeline, or it ended before it was RUNNING.
        """
        if not token:
            raise RequestError("Task token is required for restart")
        task = self.get(token)
        pipeline = task.pipeline if document is None else parse(document, task.options.env)
        if pipeline.key != task.pipeline.key:
            raise RequestError("A restart must keep the pipeline's project and source")
        source = make_source(pipeline, self._root, task.options.threads, self._settings)
        try:
            await task.restart(pipeline, source)
        except RequestError:
            self._forget(task)
            raise
        return task

    async def scan(self) -> None:
        """Cancel what is idle for too long and forget what ended long ago, again and again."""
        while True:
            await asyncio.sleep(self._settings.scan_interval)
            for task in list(self._tasks.values()):
                if task.forgettable:
                    self._forget(task)
                elif task.expired:
                    await task.stop()

    async def close(self) -> None:
        """Drop every task."""
        await asyncio.gather(*(task.abandon() for task in self.active))
        self._tasks.clear()

    def _forget(self, task: Task) -> None:
        if self._tasks.get(task.token) is task:
            del self._tasks[task.token]
            self._hub.forget(*task.pipeline.key)

    def _derive(self, prefix: str, *parts: str) -> str:
        text = "\0".join((prefix, *parts)).encode("utf-8", "replace")
        return prefix + hmac.new(self._secret, text, "sha256").hexdigest()[:32]
