"""The server's side of a WebSocket connection."""

from __future__ import annotations

import json
import struct

from . import frames
from .ends import NEWER
from .engine import NOT_RUNNING

_PING_EVERY = 15.0
_PATIENCE = {"older": 75.0, "newer": 300.0}


class DeadEnd:
    """A proxy that accepts an upgrade and lets nothing pass after it: it swallows all, or ends the connection."""

    def __init__(self, connection, variant):
        self._connection = connection
        self._swallows, self._says_so = variant % 3 == 0, variant % 3 == 1

    def gone(self):
        pass

    def arrived(self):
        ended = self._connection.to_server.ended or self._connection.to_server.failure
        if self._says_so and not ended:
            self._connection.write(frames.encode(frames.CLOSE, struct.pack("!H", 1008)))
        self._connection.read()
        if ended or not self._swallows:
            self._connection.close()


class WebSocketSession:
    def __init__(self, server, connection):
        self._server = server
        self._connection = connection
        self._world = server.world
        self._buffer = b""
        self._seq = 0
        self._key = None
        self.locked_to = None  # the token, for a connection with a `tk_` or `pk_` as credential
        server.admission.unauthenticated.add(self)
        self._heard = self._world.now
        self._closing = False
        self.subscribed = {}  # (project, source): types
        self.passes_over_monitor = False  # whether a mute server has not worked on a request to unsubscribe
        self.pipes = {}
        self._world.later(_PING_EVERY, self._ping)

    def gone(self):
        self._forget()

    def _forget(self):
        self._server.admission.unauthenticated.discard(self)
        if self in self._server.engine.subscribers:
            self._server.engine.subscribers.remove(self)

    def _ping(self):
        if self._connection.gone or not self._connection.held:
            return
        if self._world.now - self._heard > _PATIENCE[self._server.engine.generation]:
            self.close(1011)
            return
        self._connection.write(frames.encode(frames.PING, b"sign"))
        self._world.later(_PING_EVERY, self._ping)

    def close(self, code):
        if not self._closing:
            self._closing = True
            self._connection.write(frames.encode(frames.CLOSE, struct.pack("!H", code)))
            self._connection.close()

    def arrived(self):
        if self._connection.to_server.failure:
            self._connection.close()
            return
        self.receive(self._connection.read())
        if self._connection.to_server.ended:
            self._connection.close()

    def receive(self, data):
        self._buffer += data
        while True:
            frame = frames.decode(self._buffer)
            if frame is None or self._connection.gone:
                return
            opcode, payload, size = frame
            self._buffer = self._buffer[size:]
            self._heard = self._world.now
            if opcode == frames.CLOSE:
                self.close(1000)
            elif opcode == frames.PING:
                self._connection.write(frames.encode(frames.PONG, payload))
            elif opcode in (frames.TEXT, frames.BINARY):
                self._request(opcode, payload)

    def _request(self, opcode, payload):
        header, _, data = payload.partition(b"\n") if opcode == frames.BINARY else (payload, b"", b"")
        request = json.loads(str(header, "utf-8"))
        if opcode == frames.BINARY:
            request["arguments"]["data"] = data
        # Requests are worked on concurrently, each for its own time: they may overtake each other.
        self._world.later(self._server.think(), self._serve, request)

    def _serve(self, request):
        if self._connection.gone or not self._server.alive:
            return
        command, arguments = request["command"], request["arguments"]
        self._world.tell("connection %s: %s %s", self._connection.number, request["seq"], command)
        if command == "auth":
            self._auth(request, arguments)
        elif self._key is None:
            self.answer(request, error="Not authenticated")
            self.close(1000)
        elif self._server.faults.now("mute"):
            self.passes_over_monitor = self.passes_over_monitor or command == "rrext_monitor"
        else:
            self._server.answers.websocket_request(self, request, command, arguments)

    def _auth(self, request, arguments):
        locked = self._server.admission.token_of(arguments["auth"])
        if locked is False:
            of_task = arguments["auth"].startswith(("tk_", "pk_"))
            self.answer(request, error="Bad request" if of_task else "Invalid API key")
            self.close(1000)
            return
        self._key, self.locked_to = arguments["auth"], locked
        self._server.admission.unauthenticated.discard(self)
        self.answer(request, {"userToken": self._key, "clientName": arguments.get("clientName")})

    def answer(self, request, body=None, error=None, code=None):
        message = {"type": "response", "request_seq": request["seq"], "command": request["command"]}
        if error is None:
            message["success"] = True
            if body is not None:
                message["body"] = body
        else:
            message.update(success=False, message=error, trace={"file": "x.py", "lineno": 1})
            if code and self._server.engine.generation == NEWER:
                message["code"] = code
        self._send(message)

    @property
    def is_public(self):
        """Whether the credential is a public key: no events come then after the first, and there is no run log."""
        return self._key is not None and self._key.startswith("pk_")

    def not_running(self, request):
        self.answer(request, error=NOT_RUNNING, code="TASK_NOT_REGISTERED")

    def _send(self, message):
        if self._connection.gone:
            return
        self._seq += 1
        message["seq"] = self._seq
        payload = json.dumps(message).encode()
        if len(payload) > 2 and self._world.rng.random() < 0.05:
            middle = len(payload) // 2
            frame = frames.encode(frames.TEXT, payload[:middle], final=False)
            if self._world.rng.random() < 0.3:
                frame += frames.encode(frames.PING, b"in between")
            frame += frames.encode(0, payload[middle:])
        else:
            frame = frames.encode(frames.TEXT, payload)
        self._server.spoil(self._connection, frame)

    # Subscriptions.

    def subscribe(self, request, project, source, types):
        place = (project, source)
        if not types:
            self.unsubscribe(place)
        else:
            self.subscribed[place] = types
            if self not in self._server.engine.subscribers:
                self._server.engine.subscribers.append(self)
            running = [
                {"id": run.id, "projectId": run.project, "source": run.source}
                for run in self._server.engine.known.values()
                if run.active
            ]
            self._send(
                {"type": "event", "event": "apaevt_task", "body": {"action": "running", "tasks": running}}
            )
        self.answer(request)

    def unsubscribe(self, place):
        self.subscribed.pop(place, None)
        if not self.subscribed and self in self._server.engine.subscribers:
            self._server.engine.subscribers.remove(self)

    def publish(self, run, body):
        """An event of `run` to this subscriber, if it is one of this project and source."""
        self._send_unasked(run, body)
        if (
            (run.project, run.source) not in self.subscribed
            or self.is_public
            or self._server.faults.now("events lost")
        ):
            return
        for _ in range(2 if self._server.faults.now("events doubled") else 1):
            self._send({"type": "event", "event": "apaevt_task", "body": dict(body)})

    def _send_unasked(self, run, body):
        """What newer servers may send and nobody subscribed to: statuses, of any task, and events of other kinds."""
        if not self._server.engine.talkative:
            return
        self._world.count("an event that nobody subscribed to")
        status = {**self._server.engine.document(run), "__id": body["__id"]}
        status["final"] = body["action"] == "end"
        self._send({"type": "event", "event": "apaevt_status_update", "body": status})
        self._send({"type": "event", "event": "apaext_account", "body": {"action": "end", "plan": None}})
