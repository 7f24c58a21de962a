"""Servers that speak both transports on one port, and answer every poll with a status."""

import socket

from .dap_peer import serve
from .loopback import answer

STATUS = "rrext_get_task_status"


def is_upgrade(peer):
    """Whether the client asks for a WebSocket; nothing is read yet."""
    return b"/task/service" in peer.sock.recv(4096, socket.MSG_PEEK)


def replying(status):
    """A reply over WebSocket: `status(token)` for each poll; subscriptions are accepted."""

    def reply(peer, request):
        is_poll = request["command"] == STATUS
        peer.answer(request, status(request["arguments"]["token"]) if is_poll else None)

    return reply


def over_http(peer, status):
    """Answer polls over HTTP with `status(token)`, which may be a whole answer too."""
    request = peer.read_request()
    while request is not None:
        found = status(request.split("token=")[1].split()[0])
        peer.send(found if isinstance(found, bytes) else answer(found))
        request = peer.read_request()


def either(status, reply=None):
    """A handler for both transports: `status(token)` for each poll; `reply(peer, request)` in its place over WebSocket."""
    reply = reply or replying(status)
    return lambda peer: serve(reply)(peer) if is_upgrade(peer) else over_http(peer, status)
