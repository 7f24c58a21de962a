"""Whom the server lets in: ten connections at a time that are not authenticated yet, and three kinds of credential."""

from __future__ import annotations

_SLOTS = 10


class Admission:
    """Of one server.

    Attributes:
        unauthenticated: the WebSocket connections that are not authenticated yet.
        requests_in_service: over HTTP, for each of which the server makes a connection to itself.
        public_keys: the token of the task of each public key.
    """

    def __init__(self, server):
        self._server = server
        self.unauthenticated = set()
        self.requests_in_service = 0
        self.public_keys = {}

    def has_slot(self):
        """Whether one more connection may be without authentication: ten may, of all clients of an address."""
        busy = self._server.faults.now("busy neighbours")
        taken = len(self.unauthenticated) + self.requests_in_service + (7 + busy.variant % 4 if busy else 0)
        if taken >= _SLOTS:
            self._server.world.count("the eleventh connection is refused")
        return taken < _SLOTS

    def token_of(self, credential):
        """The token that a connection with this credential is locked to; None if that is any. False: it is refused."""
        if credential == self._server.key:
            return None
        token = self.public_keys.get(credential, credential)
        return token if self._server.engine.known.get(token) is not None else False
