"""Running an emulator in a separate process, for tests and demonstrations."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from types import TracebackType
from typing import IO, Any, Dict, List, Mapping, Optional, Tuple, Type, Union

import attrs

from ..errors import ConfigurationError, ServerError, TransportError, TransportTimeoutError
from ..handler_exceptions import pass_on
from ..redact import printable, reason_of
from .settings import Settings

_STARTUP_SECONDS = 60.0
_STOP_SECONDS = 10.0
_ANNOUNCEMENT = "Serving on "
_INSIDE = "ROCKETRIDE_EMULATOR_PROCESS"  # set in the environment of the server's process


class Emulator:
    """A local RocketRide server that runs during a ``with`` block, and never outlives this process::

        with Emulator(root="docs", api_key="secret") as server:
            client = RocketRideClient(server.uri, "secret")
            token = server.start({"project_id": "p", "source": "s", "components": [
                {"id": "s", "provider": "simulate", "config": {"seconds": 2}}]})
            client.wait_until_complete(token)

    Args:
        root: the only directory whose files pipelines may read; None forbids reading files.
        api_key: the key that clients must have; None accepts any non-empty credential.
        host: the address to listen on.
        port: the port; with 0, the system chooses one.
        settings: delays and limits: fields of `Settings`, by name.

    Attributes:
        uri: ``http://HOST:PORT``; empty until the ``with`` block begins.
        port: the port it listens on; before that, the one that was asked for.
        pid: its process id, None while it is not running.

    Raises:
        ConfigurationError: it did not start, and the message contains its error output; or it cannot be started here:
            in a frozen program, without a Python to run it, without a directory for temporary files, or where the
            system has no room for another process.
    """

    def __init__(
        self,
        *,
        root: Union[str, os.PathLike[str], None] = None,
        api_key: Optional[str] = None,
        host: str = "127.0.0.1",
        port: int = 0,
        **settings: Any,
    ) -> None:
        self.port = port
        self.uri = ""
        self._host = host
        self._root = root
        self._api_key = api_key
        self._settings = _checked_settings(settings)
        self._process: Optional[subprocess.Popen[str]] = None
        self._owner = os.getpid()

    def __enter__(self) -> Emulator:
        self._launch()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    @property
    def pid(self) -> Optional[int]:
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Stop it with SIGTERM: it closes its connections and loses all tasks. May be called twice.

        In a process that was forked from the one that started it, this does nothing: it is still in use there.
        """
        if self._process and self._owner == os.getpid():
            self._process.terminate()
            self._reap(_STOP_SECONDS)

    def kill(self) -> None:
        """Stop it with SIGKILL: it does not even close its connections. May be called twice."""
        if self._process and self._owner == os.getpid():
            self._process.kill()
            self._reap(_STOP_SECONDS)

    def restart(self) -> None:
        """Stop it if it is running, and start it again on the same port. All tasks are lost."""
        self.stop()
        self._launch()

    def start(self, pipeline: Mapping[str, Any]) -> str:
        """Start a task by ``POST /task`` and return its token, once it is RUNNING.

        Raises:
            ServerError: the server refused the pipeline, or the task ended before it was RUNNING.
            TransportError: it does not answer, as one that something else has killed.
            ConfigurationError: the emulator is not running.
        """
        if self._process is None:
            raise ConfigurationError("the emulator is not up: use it in a with block")
        status, body = self._post("/task", json.dumps(pipeline))
        if status != 200:
            raise ServerError(f"the emulator refused the pipeline: {body.decode()}", http_status=status)
        return str(json.loads(body)["data"]["token"])

    def _post(self, path: str, body: str) -> Tuple[int, bytes]:
        """The HTTP status of the answer, and its body."""
        headers = {"Authorization": f"Bearer {self._api_key or 'any'}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(self._host, self.port, timeout=_STARTUP_SECONDS)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            pass_on(error, foreign_code=True)
            kind = TransportTimeoutError if isinstance(error, socket.timeout) else TransportError
            reason = _reason(error)
        finally:
            connection.close()
        raise kind(f"the emulator did not answer: {reason}")

    def _launch(self) -> None:
        python = _python()
        with _error_file() as stderr_file:
            line = self._started(python, stderr_file)
            if line.startswith(_ANNOUNCEMENT):
                self.uri = line[len(_ANNOUNCEMENT) :]
                self.port = int(self.uri.rpartition(":")[2])
                return
            self.kill()
            stderr_file.seek(0)
            error_output = stderr_file.read().decode("utf-8", "replace").strip()
        raise ConfigurationError(f"the emulator did not start: {error_output or 'it said nothing'}")

    def _started(self, python: List[str], stderr_file: IO[bytes]) -> str:
        """Start the process, and return the first line that it prints. If this raises, none is left."""
        self._owner = os.getpid()
        try:
            self._process = self._spawn(python, stderr_file)
            return self._read_first_line()
        except (OSError, RuntimeError) as error:
            self.kill()
            pass_on(error, foreign_code=True)
            reason = _reason(error)
        except BaseException:
            self.kill()  # a `with` block that was not entered is not left: nobody else would, after Ctrl-C
            raise
        raise ConfigurationError(f"the emulator cannot be started here: {reason}")

    def _spawn(self, python: List[str], stderr_file: IO[bytes]) -> subprocess.Popen[str]:
        command = [*python, "--host", self._host, "--parent", str(self._owner)]
        command += ["--port", str(self.port), "--settings", json.dumps(self._settings.to_dict())]
        if self._root is not None:
            command += ["--root", os.fspath(self._root)]
        return subprocess.Popen(  # noqa: S603  (our own command line, no shell)
            command,
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr_file,
            encoding="utf-8",
            # Ctrl-C is meant for this process only. The server stops when its stdin is closed.
            start_new_session=True,  # no effect on Windows, whose way is the next
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def _environment(self) -> Dict[str, str]:
        environment = {key: value for key, value in os.environ.items() if key != "ROCKETRIDE_APIKEY"}
        if self._api_key is not None:
            environment["ROCKETRIDE_APIKEY"] = self._api_key
        return {**environment, _INSIDE: "1"}

    def _read_first_line(self) -> str:
        """The first line that the server prints, without its newline; empty if it ends or times out before that."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        watchdog = threading.Timer(_STARTUP_SECONDS, process.kill)
        # A Ctrl-C may keep it from being cancelled: the interpreter does not wait for it then.
        watchdog.daemon = True
        try:
            watchdog.start()
            return process.stdout.readline().strip()
        finally:
            watchdog.cancel()

    def _reap(self, seconds: float) -> None:
        process, self._process = self._process, None
        assert process is not None
        with process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()


# Not `python -m`, which looks for every module in the current directory first, also for those of the standard library.
# This package is the one of the parent process, wherever that found it.
_BOOTSTRAP = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
spec = PathFinder.find_spec({package!r}, [{folder!r}])
sys.modules[{package!r}] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from {package}.emulator.__main__ import main
sys.exit(main())
"""


def _python() -> List[str]:
    """The command that runs the server, without its options.

    Raises:
        ConfigurationError: this is a frozen program or one that has no Python of its own: it would start itself again.
    """
    frozen = getattr(sys, "frozen", False)
    if frozen or not sys.executable or os.environ.get(_INSIDE):
        what = "a frozen program" if frozen else "a program that contains Python"
        raise ConfigurationError(
            f"the emulator cannot be started from {what}: it needs a Python interpreter, which sys.executable does "
            "not name here; run rocketride-sync serve in another process"
        )
    package = __name__.partition(".")[0]
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [sys.executable, *_flags(), "-c", _BOOTSTRAP.format(package=package, folder=folder)]


def _flags() -> List[str]:
    """The options with which this interpreter was told what not to trust."""
    flags = {
        "-I": sys.flags.isolated,
        "-E": sys.flags.ignore_environment,
        "-s": sys.flags.no_user_site,
        "-P": getattr(sys.flags, "safe_path", False),  # from Python 3.11 on
    }
    return [option for option, is_set in flags.items() if is_set]


def _reason(error: Exception) -> str:
    return reason_of(error) if isinstance(error, OSError) else printable(str(error)) or type(error).__name__


def _error_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        reason = reason_of(error)
    raise ConfigurationError(
        f"the emulator needs a directory for temporary files ({reason}): set TMPDIR to one that can be written"
    )


def _checked_settings(settings: Mapping[str, Any]) -> Settings:
    """Create `Settings` of these values. Raises ConfigurationError for a wrong name or value."""
    known = [field.name for field in attrs.fields(Settings)]
    unknown = ", ".join(sorted(set(settings) - set(known)))
    if unknown:
        raise ConfigurationError(f"the emulator has no setting {unknown}; it has {', '.join(known)}")
    try:
        return Settings(**settings)
    except (TypeError, ValueError) as error:
        reason = str(error.args[0])
    raise ConfigurationError(f"a setting of the emulator is wrong: {reason}")
