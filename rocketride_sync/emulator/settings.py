"""The settings of an emulator: delays, limits and intervals. The defaults are the real server's values."""

from __future__ import annotations

import os
from typing import Any, Dict

import attrs
from attrs.validators import ge, in_, instance_of

OLDER, NEWER = "older", "newer"
GENERATIONS = (NEWER, OLDER)


def _seconds(default: Any) -> Any:
    return attrs.field(default=default, converter=float, validator=ge(0))


def _count(default: Any) -> Any:
    return attrs.field(default=default, validator=[instance_of(int), ge(1)])


def _by_generation(older: Any, newer: Any) -> Any:
    """A default that depends on the generation."""
    return attrs.Factory(lambda self: newer if self.generation == NEWER else older, takes_self=True)


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of an emulator. Times are in seconds, sizes in bytes. Source: docs/protocol.md.

    Attributes:
        generation: which servers it behaves as: ``newer`` (since about September 2026) or ``older``. They differ in
            what the end of a task looks like, in events, error codes and the run log.
        retention: how long a finished task is kept.
        ttl: idle time after which a task is cancelled, unless it was started with its own ttl; 0 for never.
        scan_interval: how often tasks are checked against retention and ttl.
        early_end: how long a start waits after RUNNING. If the task ends within that time, the start fails, and the
            task is removed at once. With 0, such a task is kept.
        init_seconds: how long a task stays in INITIALIZING.
        stop_seconds: how long after the end of the task `terminate` returns.
        message_limit: how many errors, and how many warnings, a status keeps: the newest ones. The default is 1000, of
            the older generation 50.
        metrics_interval: how often CPU and memory are sampled.
        status_interval: how often subscribers get the status of a running task.
        connection_slots: how many connections of one address may be unauthenticated at a time.
        handshake_seconds: how long an HTTP call holds one of those slots.
        auth_attempts: how often one WebSocket connection may authenticate.
        ping_interval: how often WebSocket connections are pinged.
        ping_timeout: how long the server waits for a pong. The default is 285, of the older generation 60.
        pipe_idle: how long a pipe may get no data before it is aborted; 0 for no limit.
        keep_alive: how long an idle HTTP connection stays open; uvicorn accepts whole seconds only.
        log_retention: how long the run log keeps the runs of a person. The older generation has no run log.
        deployment_log_retention: how long it keeps the runs of a team's deployments.
        log_delay: how long after the end of a task the run log knows it.
        run_log_file: the file in which the run log outlives the server; empty to keep it in memory only.
        max_log_bytes: how many bytes of events the run log keeps; beyond that, the oldest go.
        max_pipeline_bytes: the largest HTTP request body, except for ``POST /task/data``.
        max_data_bytes: the largest HTTP request body of ``POST /task/data``.
        max_message_bytes: the largest WebSocket message.
        max_connections: how many connections there may be. Further ones are refused: with 503 over HTTP, with 403 for
            WebSocket.
        max_requests: how many requests of one WebSocket connection may be in flight. With more, it is closed.
        max_tasks: how many tasks are kept. A further one replaces the oldest that has ended.
    """

    generation: str = attrs.field(default=NEWER, validator=in_(GENERATIONS))
    retention: float = _seconds(300.0)
    ttl: float = _seconds(900.0)
    scan_interval: float = _seconds(60.0)
    early_end: float = _seconds(0.25)
    init_seconds: float = _seconds(0.05)
    stop_seconds: float = _seconds(0.1)
    message_limit: int = _count(_by_generation(50, 1000))
    metrics_interval: float = _seconds(0.25)
    status_interval: float = _seconds(1.0)
    connection_slots: int = _count(10)
    handshake_seconds: float = _seconds(0.003)
    auth_attempts: int = _count(5)
    ping_interval: float = _seconds(15.0)
    ping_timeout: float = _seconds(_by_generation(60.0, 285.0))
    pipe_idle: float = _seconds(60.0)
    keep_alive: int = _count(5)
    log_retention: float = _seconds(7 * 86_400.0)
    deployment_log_retention: float = _seconds(30 * 86_400.0)
    log_delay: float = _seconds(0.05)
    run_log_file: str = attrs.field(default="", converter=os.fspath, validator=instance_of(str))
    max_log_bytes: int = _count(64 * 2**20)
    max_pipeline_bytes: int = _count(4 * 2**20)
    max_data_bytes: int = _count(2**32)
    max_message_bytes: int = _count(250 * 2**20)
    max_connections: int = _count(1000)
    max_requests: int = _count(1000)
    max_tasks: int = _count(10_000)

    @property
    def is_newer(self) -> bool:
        """Whether the server behaves as the newer generation."""
        return self.generation == NEWER

    def to_dict(self) -> Dict[str, Any]:
        """The settings as a JSON-serializable dict. ``Settings(**settings.to_dict())`` restores them."""
        return attrs.asdict(self)
