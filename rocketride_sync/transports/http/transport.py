"""The HTTP transport. It imports requests on the first call, because the import takes longer than a whole call.

What reads answers is imported with it: with ``transport="auto"`` most processes never need them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Sequence, Type

from ...config import Settings
from ...deadline import Deadline
from ...errors import TransportError, UnsupportedOperationError
from ...handler_exceptions import pass_on
from ...loading import load
from ...logs import DEBUG, log, timed
from ...protocol.operations import Operation
from ...redact import Secret
from ..base import PollingWatch, Watch
from ..caller import check_task, with_key

if TYPE_CHECKING:
    from ..pipe_interface import Uploads
    from ..poller import Poll
    from ..spooled_pipe import SpooledPipe
    from ..thread_poller import ThreadPoller
    from .session import Session


class HttpTransport:
    """Carries operations over HTTP. May be shared by threads, and used after a fork. Making one does no I/O.

    Args:
        settings: address, credential, timeouts, TLS, proxies, size limit.
    """

    # Each call takes one of the ten connection slots that a server has for all its users over HTTP.
    uploads_at_once = 4

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # By process id. A forked child does not touch the connections of its parent, which goes on using them.
        self._sessions: Dict[int, Session] = {}
        self._generation = object()  # as that of the WebSocket pool: another one each time that it is closed

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """Send `operation`, return the `data` of the answer's envelope, None where it has none.

        A repeatable operation is sent a second time if a connection from the pool proves dead.

        Raises:
            UnsupportedOperationError: the server offers the operation, or one of its arguments, over WebSocket only.
        """
        if not operation.over_http:
            raise _unsupported(operation)
        if log.isEnabledFor(DEBUG):
            return timed(operation, "HTTP", self._call, operation, deadline)
        return self._call(operation, deadline)

    def _call(self, operation: Operation, deadline: Deadline) -> Any:
        session = self._session()
        if operation.public:
            # The key is not sent. Who knows it all the same may repeat it.
            return session.call(operation, Secret("", self._settings.secrets), deadline)

        def step(key: str) -> Any:
            check_task(operation, key)
            return session.call(operation, key, deadline)

        return with_key(self._settings, step)

    def load(self) -> None:
        """Load what the calls of a wait may need. Raises TransportError if that is not possible."""
        load(_asking)
        load(_pages)()

    def pipe(self, operation: Operation, deadline: Deadline) -> SpooledPipe:  # noqa: ARG002 - no I/O yet
        """As `rocketride_sync.transports.PipingTransport.pipe`."""
        SpooledPipe = load(_spooling)  # noqa: N806
        if operation.http_lacks:
            raise _unsupported(operation)
        return SpooledPipe(self, operation)

    def uploads(self, deadline: Deadline) -> Optional[Uploads]:  # noqa: ARG002 - no I/O
        """None: objects are sent with `call`, in threads. What those need is loaded here, in the caller's thread.

        Python leaves the lock of imports held for ever if Ctrl-C comes at a bad moment: no thread could load anything then.
        """
        try:
            self.load()
            load(_asking).load_objects()
        except TransportError as error:
            pass_on(error)  # a want that may have passed when a thread needs it: each call tells its own
        return None

    def watch(self, operation: Operation) -> Watch:  # noqa: ARG002 - the same watch for all tasks
        """A watch that calls through this transport, and sleeps in between."""
        load(_pages)()
        return PollingWatch(self)

    def watch_many(self, polls: Sequence[Poll]) -> ThreadPoller:  # noqa: ARG002 - the same poller for all tasks
        """As `rocketride_sync.transports.poller.PollingTransport.watch_many`: with a few threads, for which all is loaded."""
        self.load()
        return self.make_poller()

    def make_poller(self) -> ThreadPoller:
        """As `watch_many`, but what its threads need is not loaded: call `load` before the first poll."""
        ThreadPoller = load(_polling)  # noqa: N806
        return ThreadPoller(self, self.uploads_at_once)

    @property
    def is_open(self) -> bool:
        """Whether there are connections to close."""
        session = self._sessions.get(os.getpid())
        return session is not None and session.is_open

    def close(self) -> None:
        """Close this process's connections. May be called twice; a later call opens new ones."""
        self._generation = object()
        self._close_session()

    def _close_session(self) -> None:
        session = self._sessions.pop(os.getpid(), None)
        if session is not None:
            session.close()

    def _session(self) -> Session:
        pid, generation = os.getpid(), self._generation
        session = self._sessions.get(pid)
        if session is None:
            Session = load(_asking)  # noqa: N806
            # If two threads get here, setdefault keeps one of the sessions.
            session = self._sessions.setdefault(pid, Session(self._settings))
            if self._generation is not generation:
                # Loading requests takes a while: another thread has closed this transport in the meantime.
                self._close_session()
        return session


# What is loaded when it is first needed.


def _asking() -> Type[Session]:
    from .session import Session

    return Session


def _pages() -> Callable[[], None]:
    from ...protocol.http_answers import load_for_pages

    return load_for_pages


def _polling() -> Type[ThreadPoller]:
    from ..thread_poller import ThreadPoller

    return ThreadPoller


def _spooling() -> Type[SpooledPipe]:
    from ..spooled_pipe import SpooledPipe

    return SpooledPipe


def _unsupported(operation: Operation) -> UnsupportedOperationError:
    return UnsupportedOperationError(
        f'{operation.unsupported_by_http}: the server does not offer this over HTTP; use transport="websocket"'
    )
