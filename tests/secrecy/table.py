"""What a case of the table is: a server as unkind as can be, and what a client does to it."""

from __future__ import annotations

from typing import Any, Callable, Dict

import attrs

from rocketride_sync import RetryPolicy, RocketRideError, TransientError

from .marks import HEADER, KEY, VARIABLE

SOON = 0.3
PIPELINE = {
    "project_id": "p",
    "source": "s",
    "components": [{"id": "s", "provider": "webhook", "config": {"x": "${ROCKETRIDE_MARK}"}}],
}


def ask(client, token):
    client.get_task_status(token)


def wait(client, token):
    client.wait_until_complete(token, timeout=10.0, interval=0.01)


def wait_briefly(client, token):
    client.wait_until_complete(token, timeout=SOON, interval=0.05)


def start(client, token):
    client.use(pipeline=PIPELINE, env={"ROCKETRIDE_MARK": VARIABLE}, token=token)


def start_plainly(client, token):
    client.use(pipeline=PIPELINE, token=token)


def start_briefly(client, token):
    client.use(pipeline=PIPELINE, token=token, timeout=SOON)


def terminate(client, token):
    client.terminate(token)


def look_at_the_server(client, token):
    """Without the key. But whoever has seen it may repeat it."""
    client.get_server_info()


def send(client, token):
    client.send(token, "some text", {"name": "a.txt"}, "text/plain")


def send_through_pipe(client, token):
    with client.pipe(token, {"name": "a.txt"}, "text/plain") as pipe:
        pipe.write(b"some text")


def restart(client, token):
    client.restart(project_id="p", source="s", pipeline=PIPELINE, token=token)


def command(client, token):
    client.call("rrext_something", token=token)


@attrs.frozen
class Case:
    """One error path.

    Attributes:
        name: what it is called in the test's report.
        transport: the transport it is about.
        handler: serves a connection, see `transports.loopback`.
        act: what is done, with the client and the task's token; it must fail.
        expected: the error.
        options: more of the client's arguments, from the server.
        url: the client's address, from the server.
        tls: the server's TLS context, or None.
        traced: whether the trace of websocket-client is checked. It shows the answer to an upgrade, before which
            no secret goes over a connection.
    """

    name: str
    transport: str
    handler: Callable[[Any], None]
    act: Callable[[Any, str], None] = ask
    expected: type = RocketRideError
    options: Callable[[Any], Dict[str, Any]] = lambda server: {}
    url: Callable[[Any], str] = lambda server: server.url
    tls: Any = None
    traced: bool = True

    def __str__(self) -> str:
        return f"{self.transport}-{self.name}"

    def arguments(self, server: Any) -> Dict[str, Any]:
        """The client's."""
        # What is repeated shows nothing new. But on a busy machine a poll may be late, which is not the error to be seen.
        is_fault = issubclass(TransientError, self.expected) or issubclass(self.expected, TransientError)
        retry = RetryPolicy(max_outage=0.05 if is_fault else 60.0, initial_delay=0.01)
        return {
            "auth": KEY,
            "headers": {"X-Gateway": f"Bearer {HEADER}"},
            "transport": self.transport,
            "timeout": 20.0,
            "retry": retry,
            **self.options(server),
        }
