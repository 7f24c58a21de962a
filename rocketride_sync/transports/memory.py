"""A scripted transport for tests of code that uses this library: no server, no network, no waiting."""

from __future__ import annotations

import copy
import threading
from typing import Any, Iterable, Iterator, List, Mapping, Sequence, Union

from ..deadline import Deadline
from ..errors import ConfigurationError, TransportTimeoutError
from ..protocol.operations import Operation
from ..redact import shorten
from .base import PollingWatch, Watch
from .poller import Poll
from .sequential_poller import SequentialPoller

Script = Iterable[Any]


class MemoryTransport:
    """Answers from a script, and records the calls. Nothing sleeps: a wait over it ends at once.

    Args:
        script: the answers in order, for any task; or a mapping from token to the answers for that task. An answer
            is a document as on the wire (missing keys get their defaults), a `TaskStatus`, or an exception to
            raise. `itertools.repeat(answer)` never runs out; a generator may run code between two answers.

    An object that is sent is read whole, and the script's answer is its result. Files are sent one at a time.

    Attributes:
        calls: the operations called so far, each with the `name` of the method that called it, the `command` of the
            wire, the task's `token` (None if it is about no task; shortened in the repr), and all `arguments`.
        pauses: the seconds that waits paused so far, one number a pause.
        sent: the bytes of the objects that were sent so far.

    Example::

        transport = MemoryTransport([
            {"state": 3, "completedCount": 1, "totalCount": 2},
            TransportError("the connection broke"),
            {"state": 5, "completed": True, "completedCount": 2, "totalCount": 2},
        ])
        with RocketRideClient("test", "key", transport=transport) as client:
            assert client.wait_until_complete("tk_1").succeeded
        assert len(transport.pauses) == 2
        assert {(call.command, call.token) for call in transport.calls} == {("rrext_get_task_status", "tk_1")}

    To see a wait time out, give it ``timeout=0`` and a document that is not terminal.
    """

    uploads_at_once = 1

    def __init__(self, script: Union[Script, Mapping[str, Script]]) -> None:
        if isinstance(script, Mapping):
            self._by_token = {token: iter(answers) for token, answers in script.items()}
            self._for_any: Iterator[Any] = iter(())
        else:
            self._by_token = {}
            self._for_any = iter(script)
        self._lock = threading.Lock()
        self.calls: List[Operation] = []
        self.pauses: List[float] = []
        self.sent: List[bytes] = []

    def __repr__(self) -> str:
        return f"<MemoryTransport: {len(self.calls)} calls, {len(self.pauses)} pauses>"

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """The next answer for the operation's task.

        Raises:
            ConfigurationError: the script has no answer left. This ends a wait too.
            BaseException: the exception that the script holds.
        """
        if operation.data is not None:
            self.sent.append(b"".join(map(bytes, operation.data)))
        token = str(operation.arguments.get("token"))
        with self._lock:
            self.calls.append(operation)
            answers = self._by_token.get(token, self._for_any)
            exhausted = object()
            answer = next(answers, exhausted)
        if deadline.expired:
            raise TransportTimeoutError(f"{operation.name} failed: its deadline has passed")
        if answer is exhausted:
            raise ConfigurationError(
                f"MemoryTransport: no answer left for {shorten(token)}; {operation.name} was call {len(self.calls)}"
            )
        if isinstance(answer, BaseException):
            raise answer
        return answer.to_dict() if hasattr(answer, "to_dict") else copy.deepcopy(answer)

    def watch(self, operation: Operation) -> Watch:  # noqa: ARG002 - the same watch for all tasks
        """A watch that calls here, and appends its pauses to `pauses` instead of sleeping."""
        return _MemoryWatch(self)

    def watch_many(self, polls: Sequence[Poll]) -> SequentialPoller:  # noqa: ARG002 - the same for all tasks
        """A poller that polls one task after the other, and appends its pauses to `pauses` instead of sleeping."""
        return SequentialPoller(self, self.pauses.append)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class _MemoryWatch(PollingWatch):
    def __init__(self, transport: MemoryTransport) -> None:
        super().__init__(transport)
        self._pauses = transport.pauses

    def pause(self, seconds: float) -> None:
        self._pauses.append(seconds)
