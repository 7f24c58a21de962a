"""What an emulator can be told: every delay, limit and interval, with the real server's values as defaults."""

from __future__ import annotations

from typing import Any, Dict

import attrs
from attrs.validators import ge, instance_of


def _seconds(default: float) -> Any:
    return attrs.field(default=default, converter=float, validator=ge(0))


def _count(default: int) -> Any:
    return attrs.field(default=default, validator=[instance_of(int), ge(1)])


@attrs.frozen(kw_only=True)
class Settings:
    """How an emulator behaves. Times are in seconds, sizes in bytes. Source: docs/protocol.md.

    Attributes:
        retention: how long a finished task is remembered.
        ttl: idle time after which a task is cancelled, unless it was started with one of its own; 0 is never.
        scan_interval: how often retention and ttl are looked at.
        early_end: how long a start goes on watching after RUNNING: a task that ends meanwhile makes it fail, and is
            forgotten at once. With 0 such a task is kept.
        init_seconds: how long a task stays in INITIALIZING.
        stop_seconds: how much longer `terminate` takes than the end of the task.
        message_limit: how many errors and warnings a status keeps, the newest.
        metrics_interval: how often CPU and memory are sampled.
        status_interval: how often subscribers get the status of a running task.
        connection_slots: connections of one address that may be unauthenticated at a time.
        handshake_seconds: how long an HTTP call holds one of those slots.
        auth_attempts: how often one WebSocket connection may authenticate.
        ping_interval: how often WebSocket connections are pinged.
        ping_timeout: how long a pong may take.
        pipe_idle: how long a pipe may get no data before it is dropped; 0 is for ever.
        keep_alive: how long an idle HTTP connection stays open; uvicorn takes whole seconds.
        max_pipeline_bytes: the largest HTTP request body, apart from data.
        max_data_bytes: the largest HTTP request body with data.
        max_message_bytes: the largest WebSocket message.
        max_connections: how many connections there may be: more are refused, with HTTP 503 or, for WebSocket, 403.
        max_requests: how many requests of one WebSocket connection may wait for their answers: with more, it is closed.
        max_tasks: how many tasks are remembered: the next one takes the place of the first that has ended.
    """

    retention: float = _seconds(300.0)
    ttl: float = _seconds(900.0)
    scan_interval: float = _seconds(60.0)
    early_end: float = _seconds(0.25)
    init_seconds: float = _seconds(0.05)
    stop_seconds: float = _seconds(0.1)
    message_limit: int = _count(50)
    metrics_interval: float = _seconds(0.25)
    status_interval: float = _seconds(1.0)
    connection_slots: int = _count(10)
    handshake_seconds: float = _seconds(0.003)
    auth_attempts: int = _count(5)
    ping_interval: float = _seconds(15.0)
    ping_timeout: float = _seconds(60.0)
    pipe_idle: float = _seconds(60.0)
    keep_alive: int = _count(5)
    max_pipeline_bytes: int = _count(4 * 2**20)
    max_data_bytes: int = _count(2**32)
    max_message_bytes: int = _count(250 * 2**20)
    max_connections: int = _count(1000)
    max_requests: int = _count(1000)
    max_tasks: int = _count(10_000)

    def to_dict(self) -> Dict[str, Any]:
        """The settings as a dict that JSON can carry; ``Settings(**settings.to_dict())`` makes them again."""
        return attrs.asdict(self)
