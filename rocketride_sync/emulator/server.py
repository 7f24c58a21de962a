"""Running an emulator in this process, as ``rocketride-sync serve`` does."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import signal
import socket
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional, Union

from ..address import DEFAULT_PORT, bracketed
from ..errors import ConfigurationError
from ..extras import install
from ..redact import reason_of
from .settings import Settings

if TYPE_CHECKING:
    import uvicorn

SHUTDOWN_SECONDS = 1
_CLIENT_FAULTS = ("socket.send() raised exception.", "Invalid HTTP request received.")
_BACKLOG = 2048  # connections that wait to be accepted
_PARENT_SECONDS = 1.0  # how often it is checked whether the parent process has ended


def _print_line(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (this line is the interface)


def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    root: Union[str, os.PathLike[str], None] = None,
    api_key: Optional[str] = None,
    *,
    settings: Optional[Settings] = None,
    lifeline: Optional[int] = None,
    parent: Optional[int] = None,
    announce: Callable[[str], None] = _print_line,
    when_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT, SIGTERM, SIGHUP or the end of `lifeline` or `parent`.

    Prints ``Serving on http://HOST:PORT`` on stdout once it accepts connections, and nothing else on stdout.

    Args:
        host: the address to listen on; the default is reachable from this machine only.
        port: the port; with 0, the system chooses one.
        root: the only directory whose files pipelines may read; None forbids reading files.
        api_key: the key that clients must have; None or empty accepts any non-empty credential.
        settings: delays and limits.
        lifeline: the file descriptor of a pipe from the parent process; the server stops when the pipe is closed.
        parent: the parent's process id; the server stops also when that process has ended, though a process that was
            forked from it still holds the pipe.
        announce: prints that line; an OSError that it raises stops the server.
        when_ready: called once the address is printed.

    Raises:
        ConfigurationError: the server cannot listen on the address, or cannot print it; `root` is not a directory; the
            run log cannot be used; or the packages of the extra ``emulator`` are missing.
        KeyboardInterrupt: SIGINT was received; the server has stopped.
    """
    require_extra()
    directory = _resolve_root(root)
    listener = _listen(host, port)
    with listener:
        print_errors: List[str] = []
        server = _make_server(
            host,
            listener,
            directory,
            api_key or None,
            settings or Settings(),
            print_errors,
            announce,
            when_ready,
        )
        if lifeline is not None:
            threading.Thread(target=_stop_after_parent, args=(lifeline, parent, server), daemon=True).start()
        with _stopping_at_signals(server), client_faults_unlogged():
            server.run(sockets=[listener])
    if print_errors:
        raise ConfigurationError(f"cannot print the address on standard output: {print_errors[0]}")


def require_extra() -> None:
    """Raise ConfigurationError if a package of the extra ``emulator`` is missing."""
    for package in ("fastapi", "psutil", "python_multipart", "uvicorn", "websockets"):
        if find_spec(package) is None:
            raise ConfigurationError(f"the emulator needs the package {package!r}: {install('emulator')}")


def _resolve_root(root: Union[str, os.PathLike[str], None]) -> Optional[Path]:
    if root is None:
        return None
    if not os.path.isdir(root):
        raise ConfigurationError(f"the root {os.fspath(root)!r} is no directory")
    try:
        return Path(root).resolve()
    except OSError as error:  # a relative one, where the current directory was removed
        reason = reason_of(error)
    raise ConfigurationError(f"the root {os.fspath(root)!r} cannot be used: {reason}")


def _listen(host: str, port: int) -> socket.socket:
    reason, in_use = "", False
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
        # asyncio sets it only on sockets that it creates itself. Without it, an answer's body waits 40 ms for the ACK
        # of the answer's head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = str(error)
        in_use = getattr(error, "errno", None) == errno.EADDRINUSE
    if in_use:
        raise ConfigurationError(f"{host}:{port} is in use already: choose another port=")
    raise ConfigurationError(f"cannot listen on {host}:{port}: {reason}")


def _make_server(
    host: str,
    listener: socket.socket,
    root: Optional[Path],
    api_key: Optional[str],
    settings: Settings,
    print_errors: List[str],
    announce: Callable[[str], None],
    when_ready: Callable[[], None],
) -> uvicorn.Server:
    """A server that prints its address with `announce`, and then calls `when_ready`. If printing fails, it adds the reason to
    `print_errors` and stops.
    """
    import uvicorn

    from .browser_checks import BrowserChecks
    from .http_app import make_app
    from .server_state import ServerState
    from .websocket_protocol import LimitedWebSocketProtocol

    class AnnouncingServer(uvicorn.Server):
        async def main_loop(self) -> None:
            listener.listen(_BACKLOG)  # again: see `backlog` below
            try:
                announce(f"Serving on {_uri(listener)}")
            except OSError as error:
                print_errors.append(str(error))  # an exception here would skip the orderly shutdown
            else:
                when_ready()
                await super().main_loop()

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            # Left to `_stopping_at_signals`. That of uvicorn ends within the event loop, which a signal then breaks off,
            # and takes a second Ctrl-C for a wish to leave connections and the application as they are.
            yield

    state = ServerState(api_key=api_key, root=root, settings=settings)
    return AnnouncingServer(
        uvicorn.Config(
            BrowserChecks(make_app(state), host=host, has_key=api_key is not None),
            ws=LimitedWebSocketProtocol,
            loop="asyncio",
            http="h11",
            # asyncio listens with it, and then accepts that many connections in a row: without descriptors, it would fail
            # as often, with a traceback each time.
            backlog=1,
            log_config=None,
            access_log=False,  # request lines hold task tokens
            limit_concurrency=settings.max_connections,
            timeout_keep_alive=settings.keep_alive,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            ws_ping_interval=settings.ping_interval,
            ws_ping_timeout=settings.ping_timeout,
            ws_max_size=settings.max_message_bytes,
        )
    )


@contextlib.contextmanager
def client_faults_unlogged() -> Iterator[None]:
    """Keep warnings about what clients do wrong out of the log of the servers below: they are none of this program's.

    Who interrupts a client, or takes https for http, looks at the client.
    """

    def is_of_the_server(record: logging.LogRecord) -> bool:
        return record.msg not in _CLIENT_FAULTS

    loggers = [logging.getLogger(name) for name in ("asyncio", "uvicorn.error")]
    for logger in loggers:
        logger.addFilter(is_of_the_server)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_of_the_server)


@contextlib.contextmanager
def _stopping_at_signals(server: uvicorn.Server) -> Iterator[None]:
    """Have a signal stop `server`, in order. Once it has stopped, the first signal is handled as without the server.

    Further signals change nothing: the shutdown has a limit of its own, `SHUTDOWN_SECONDS`.
    """
    received: List[int] = []

    def stop(number: int, _: Any) -> None:
        received.append(number)
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in _stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        signal.raise_signal(received[0])


def _stop_signals() -> List[int]:
    """The signals to handle here: none outside of the main thread, and no SIGHUP that is ignored, as under nohup."""
    if threading.current_thread() is not threading.main_thread():
        return []
    named = (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"))
    known = [number for number in named if number is not None and signal.getsignal(number) is not None]
    hangup = getattr(signal, "SIGHUP", None)
    return [number for number in known if number != hangup or signal.getsignal(number) is not signal.SIG_IGN]


def _uri(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{bracketed(host)}:{port}"


def _stop_after_parent(lifeline: int, parent: Optional[int], server: uvicorn.Server) -> None:
    """Stop `server` when the parent process has ended.

    That closes its end of the pipe, unless a process that it forked has it too. This reads with `os.read`, because a
    blocked read of a file object holds its lock, and the interpreter aborts when it cannot take that lock at exit.
    """
    # Where the interpreter is started by another program, as on Windows, that one is the parent, and only the pipe counts.
    has_parent = os.name == "posix" and os.getppid() == parent
    while not has_parent or os.getppid() == parent:
        if has_parent and not select.select([lifeline], [], [], _PARENT_SECONDS)[0]:
            continue
        if not os.read(lifeline, 4096):
            break
    server.should_exit = True
