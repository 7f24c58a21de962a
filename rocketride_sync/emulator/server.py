"""Running a server in this process: what ``rocketride-sync serve`` does."""

from __future__ import annotations

import os
import socket
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional, Union

from ..errors import ConfigurationError
from .settings import Settings

if TYPE_CHECKING:
    import uvicorn

DEFAULT_PORT = 5565
SHUTDOWN_SECONDS = 1


def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    root: Union[str, os.PathLike[str], None] = None,
    api_key: Optional[str] = None,
    *,
    settings: Optional[Settings] = None,
    lifeline: Optional[int] = None,
) -> None:
    """Serve until SIGINT, SIGTERM or the end of `lifeline`.

    Prints ``Serving on http://HOST:PORT`` on stdout once connections are accepted, and nothing else there.

    Args:
        host: the address to listen on; only this machine can reach the default.
        port: the port; 0 lets the system choose one.
        root: the only directory whose files pipelines may read; None forbids reading files.
        api_key: the key clients must have; None or empty lets any non-empty credential pass.
        settings: delays and limits.
        lifeline: the file descriptor of a pipe from the parent process; the server goes down when that closes.

    Raises:
        ConfigurationError: the address cannot be listened on or printed, `root` is no directory, or the packages
            of the extra ``emulator`` are missing.
        KeyboardInterrupt: SIGINT came; the server is down.
    """
    _require_extra()
    directory = _directory(root)
    listener = _listen(host, port)
    with listener:
        complaints: List[str] = []
        server = _make_server(listener, directory, api_key or None, settings or Settings(), complaints)
        if lifeline is not None:
            threading.Thread(target=_follow, args=(lifeline, server), daemon=True).start()
        server.run(sockets=[listener])
    if complaints:
        raise ConfigurationError(f"cannot print the address on standard output: {complaints[0]}")


def _require_extra() -> None:
    for package in ("fastapi", "psutil", "python_multipart", "uvicorn", "websockets"):
        if find_spec(package) is None:
            raise ConfigurationError(
                f"the emulator needs the package {package!r}: pip install 'rocketride-sync[emulator]'"
            )


def _directory(root: Union[str, os.PathLike[str], None]) -> Optional[Path]:
    if root is None:
        return None
    if not os.path.isdir(root):
        raise ConfigurationError(f"the root {os.fspath(root)!r} is no directory")
    return Path(root).resolve()


def _listen(host: str, port: int) -> socket.socket:
    reason = ""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
        # asyncio does so only for sockets it makes itself; without it, an answer's body waits 40 ms for its head's ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = str(error)
    raise ConfigurationError(f"cannot listen on {host}:{port}: {reason}")


def _make_server(
    listener: socket.socket,
    root: Optional[Path],
    api_key: Optional[str],
    settings: Settings,
    complaints: List[str],
) -> uvicorn.Server:
    """A server that announces itself, or ends and adds to `complaints` why it cannot."""
    import uvicorn

    from .http_app import make_app
    from .server_state import ServerState

    class AnnouncingServer(uvicorn.Server):
        async def main_loop(self) -> None:
            try:
                print(f"Serving on {_uri(listener)}", flush=True)  # noqa: T201  (this line is the interface)
            except OSError as error:
                complaints.append(str(error))  # raised here, it would leave the rest without an orderly end
            else:
                await super().main_loop()

    core = ServerState(api_key=api_key, root=root, settings=settings)
    return AnnouncingServer(
        uvicorn.Config(
            make_app(core),
            loop="asyncio",
            http="h11",
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


def _uri(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _follow(lifeline: int, server: uvicorn.Server) -> None:
    """Stop `server` when the parent is gone: then its end of the pipe closes.

    A file object will not do: its lock would be held, and the interpreter aborts when it cannot take it at exit.
    """
    while os.read(lifeline, 4096):
        pass
    server.should_exit = True
