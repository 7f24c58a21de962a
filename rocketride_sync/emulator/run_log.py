"""The run log of a server: what it remembers of the runs of each source, also after their tasks are forgotten."""

from __future__ import annotations

import functools
import json
import os
import time
from typing import IO, Dict, Optional, Tuple

from ..errors import ConfigurationError
from ..redact import reason_of
from .log_stream import LogStream
from .run_scope import DEVELOPMENT, RunScope
from .settings import Settings

StreamKey = Tuple[str, str, RunScope]

_CHECK_EVERY = 2**20


class RunLog:
    """The streams of all sources, in memory, and in a file if the settings name one.

    Args:
        settings: how long events are kept, how many bytes of them, and in which file.

    Raises:
        ConfigurationError: the file cannot be read or written, or is something else.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._streams: Dict[StreamKey, LogStream] = {}
        self._file: Optional[IO[str]] = None
        self._unchecked_bytes = 0
        if settings.is_newer and settings.run_log_file:
            self._open(settings.run_log_file)

    def find(self, key: StreamKey) -> Optional[LogStream]:
        """The stream of a source, or None if nothing is known of it."""
        return self._streams.get(key)

    def stream(self, key: StreamKey) -> LogStream:
        """The stream of a source. It is moved to the end, as the one that was active last."""
        stream = self._streams.pop(key, None) or self._new_stream(key)
        self._streams[key] = stream
        return stream

    def unlogged_stream(self, key: StreamKey) -> LogStream:
        """A stream that keeps nothing, for a run that is not logged."""
        project_id, source, scope = key
        stream = LogStream(
            {"project_id": project_id, "source": source, **scope.stamps},
            lambda _: stream.drop_oldest(),
        )
        return stream

    def expire(self) -> None:
        """Remove what is older than the retention time, or too much."""
        now = time.time()
        for (_, _, scope), stream in self._streams.items():
            own = scope.kind == DEVELOPMENT
            kept = self._settings.log_retention if own else self._settings.deployment_log_retention
            stream.drop_before(now - kept)
        self._make_room()
        for key, stream in list(self._streams.items()):
            if not stream.events and not any(chapter.live for chapter in stream.chapters):
                del self._streams[key]

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _new_stream(self, key: StreamKey) -> LogStream:
        project_id, source, scope = key
        identity = {"project_id": project_id, "source": source, **scope.stamps}
        return LogStream(identity, lambda text: self._take_event(scope, text))

    def _take_event(self, scope: RunScope, text: str) -> None:
        self._unchecked_bytes += len(text)
        if self._unchecked_bytes > _CHECK_EVERY:
            self._make_room()
        if self._file:
            self._file.write(_record(scope, text))
            self._file.flush()

    def _make_room(self) -> None:
        """If there are too many bytes, remove the oldest events of the streams that were active longest ago."""
        self._unchecked_bytes = 0
        excess = sum(stream.size for stream in self._streams.values()) - self._settings.max_log_bytes
        for stream in self._streams.values():
            while excess > 0 and stream.events:
                excess -= len(stream.events[0].text)
                stream.drop_oldest()

    def _open(self, path: str) -> None:
        try:
            self._load(path)
            self.expire()
            self._file = self._rewrite(path)
        except OSError as error:
            reason = reason_of(error)
        except (ValueError, KeyError, TypeError):
            reason = "it is no run log"
        else:
            return
        raise ConfigurationError(f"cannot use {path!r} for the run log: {reason}")

    def _load(self, path: str) -> None:
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if not line.endswith("\n"):
                    break  # the server died while it wrote this line
                record = json.loads(line)
                body = record["message"]["body"]
                scope = RunScope(record["team_id"], record["kind"])
                self.stream((body["project_id"], body["source"], scope)).load(record["message"])

    def _rewrite(self, path: str) -> IO[str]:
        """Write what was kept of the file, and return it, to append to. Nobody else may read it."""
        private = functools.partial(os.open, mode=0o600)
        with open(f"{path}.new", "w", encoding="utf-8", opener=private) as file:
            for (_, _, scope), stream in self._streams.items():
                file.writelines(_record(scope, event.text) for event in stream.events)
        os.replace(f"{path}.new", path)
        return open(path, "a", encoding="utf-8")


def _record(scope: RunScope, text: str) -> str:
    """The line of an event in the file."""
    owner = json.dumps({"team_id": scope.team_id, "kind": scope.kind}, separators=(",", ":"))
    return f'{owner[:-1]},"message":{text}}}\n'
