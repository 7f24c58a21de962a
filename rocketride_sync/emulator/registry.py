"""The tasks of a server: starting, finding, restarting and removing them."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .constant_time import equal_in_constant_time
from .event_hub import EventHub
from .pipeline import Pipeline, parse_pipeline
from .request_errors import RequestError, not_registered
from .run_log import RunLog
from .run_options import RunOptions
from .run_scope import OWN_RUNS, RunScope
from .settings import Settings
from .sources import make_source
from .task import Task


class TaskRegistry:
    """All tasks of one server, in memory only.

    Args:
        settings: delays and limits.
        api_key: the key that tokens are derived with, so that nobody without it can guess them.
        root: the directory that `files` sources may read, or None.
        event_hub: the hub for the events of the tasks.
        run_log: the log that they are kept in.
    """

    def __init__(
        self,
        settings: Settings,
        api_key: Optional[str],
        root: Optional[Path],
        event_hub: EventHub,
        run_log: RunLog,
    ) -> None:
        self._run_log = run_log
        self._settings = settings
        self._secret = (api_key or "").encode("utf-8", "replace")
        self._root = root.resolve() if root else None
        self._event_hub = event_hub
        self._tasks: Dict[str, Task] = {}

    def get(self, token: Any) -> Task:
        """The task with this token. Raises RequestError when there is none."""
        if not token:
            raise RequestError("Task token is required")
        if not isinstance(token, str) or token not in self._tasks:
            raise not_registered()
        return self._tasks[token]

    def find(self, project_id: Any, source: Any, scope: RunScope = OWN_RUNS) -> Optional[Task]:
        """The latest task of a project, source and scope, running or finished, or None."""
        for task in reversed(list(self._tasks.values())):
            if task.key == (project_id, source, scope):
                return task
        return None

    def find_by_credential(self, credential: str) -> Optional[Task]:
        """The task with this token or public token, or None."""
        for task in self._tasks.values():
            if equal_in_constant_time(credential, task.token):
                return task
            if equal_in_constant_time(credential, task.public_token):
                return task
        return None

    @property
    def active_tasks(self) -> List[Task]:
        """The tasks that have not ended."""
        return [task for task in self._tasks.values() if not task.ended.is_set()]

    async def execute(
        self,
        document: Any,
        *,
        token: Optional[str] = None,
        use_existing: bool = False,
        options: RunOptions,
    ) -> Tuple[Task, bool]:
        """Start a task, and return it once it is RUNNING, and whether it ran already.

        It replaces a finished task with the same token.

        Args:
            document: the pipeline document.
            token: the token of the task; by default one derived from project and source.
            use_existing: return the task that runs already with that token, instead of failing.
            options: how to run the task.

        Raises:
            RequestError: the document is invalid, the task runs already, or it ended before it was RUNNING.
        """
        pipeline = parse_pipeline(document, options.env)
        token = token or self._task_token(pipeline, options.scope)
        running = self._tasks.get(token)
        if running and not running.ended.is_set():
            if use_existing:
                await running.join_start()
                return running, True
            raise RequestError("Pipeline is already running.")
        self._make_room()
        task = Task(
            pipeline,
            make_source(pipeline, self._root, options.threads, self._settings),
            token=token,
            public_token=self._derive_token("pk_", token),
            settings=self._settings,
            event_hub=self._event_hub,
            run_log=self._run_log,
            options=options,
        )
        self._tasks.pop(token, None)
        self._tasks[token] = task
        await self._start(task)
        return task, False

    def _make_room(self) -> None:
        """If there are too many tasks, remove the oldest that has ended. Raises RequestError when none has."""
        if len(self._tasks) < self._settings.max_tasks:
            return
        ended = next((task for task in self._tasks.values() if task.ended.is_set()), None)
        if ended is None:
            raise RequestError(f"This server runs {len(self._tasks)} tasks, and may run no more")
        self._remove(ended)

    async def _start(self, task: Task) -> None:
        try:
            await task.start()
        except RequestError:
            self._remove(task)
            raise

    async def restart(self, token: Any, document: Any) -> Task:
        """Run a task again, whether it is running or finished, and return once it is RUNNING.

        Args:
            token: its token.
            document: the new pipeline, of the same project and source.

        Raises:
            RequestError: there is no such task, the pipeline is of another project or source, or the task ended before
                it was RUNNING.
        """
        if not token:
            raise RequestError("Task token is required for restart")
        task = self.get(token)
        pipeline = parse_pipeline(document, task.options.env)
        if pipeline.key != task.pipeline.key:
            if not self._settings.is_newer:
                await task.stop()
            raise RequestError("A restart must keep the pipeline's project and source")
        source = make_source(pipeline, self._root, task.options.threads, self._settings)
        try:
            await task.restart(pipeline, source)
        except RequestError:
            self._remove(task)
            raise
        return task

    async def clean_up_periodically(self) -> None:
        """Stop the tasks that are idle for too long and remove those that ended long ago, every `scan_interval`."""
        while True:
            await asyncio.sleep(self._settings.scan_interval)
            for task in list(self._tasks.values()):
                if task.retention_expired:
                    self._remove(task)
                elif task.ttl_expired:
                    await task.stop("ttl")
            self._run_log.expire()

    async def close(self) -> None:
        """Cancel all runs and remove all tasks."""
        await asyncio.gather(*(task.abandon() for task in self.active_tasks))
        self._tasks.clear()
        self._run_log.close()

    def _remove(self, task: Task) -> None:
        if self._tasks.get(task.token) is task:
            del self._tasks[task.token]
            self._event_hub.remove_subscriptions(task.key)

    def _task_token(self, pipeline: Pipeline, scope: RunScope) -> str:
        """The token of a run whose caller chose none: the same for each run of the same owner, project and source."""
        owner = (*scope.owner.values(), scope.kind) if self._settings.is_newer else ()
        return self._derive_token("tk_", *owner, *pipeline.key)

    def _derive_token(self, prefix: str, *parts: str) -> str:
        """A token that is the same for the same `parts` and API key."""
        text = "\0".join((prefix, *parts)).encode("utf-8", "replace")
        return prefix + hmac.new(self._secret, text, "sha256").hexdigest()[:32]
