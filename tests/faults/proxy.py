"""A proxy on loopback between a client and a server, which spoils what it is told to spoil."""

import contextlib
import select
import socket
import ssl
import threading

from transports.loopback import HOST, Server, shake_hands

from .messages import (
    STATUS,
    Messages,
    OverError,
    for_the_server,
    is_object,
    is_question,
    is_upgrade,
)
from .spoiling import Moment

_ANSWERED_WITHIN = 30.0


class Proxy(Server):
    """A context manager, as every `loopback.Server`; passes everything on unless it is told to spoil it.

    Args:
        target: the port of the server.
        tls: an `ssl.SSLContext` to speak TLS to clients with; it may be changed for connections to come.
        socks: whether it is a SOCKS proxy.

    Attributes:
        spoiled: how many times something was spoiled.
        requests_read: how many requests, or frames, came from clients.
    """

    def __init__(self, target, tls=None, socks=False):
        super().__init__(lambda peer: Link(self, peer).run())
        self.target = target
        self.tls = tls
        self.socks = socks
        self.spoiled = 0
        self.requests_read = 0
        self.links = set()
        self._plan = iter(())
        self._next = None
        self._lock = threading.Lock()

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}"

    def spoil(self, plan):
        """From now on, do each `Spoiling` of `plan` when its moment has come, one after the other."""
        with self._lock:
            self._plan = iter(plan)
            self._next = next(self._plan, None)
            cut = self._next is not None and self._next.cut
        for link in list(self.links):
            link.old = True
        if cut:
            self.cut()

    def cut(self):
        """End all connections, as a server does with those that have been idle for some time."""
        for link in list(self.links):
            link.cut()

    def spoiling(self, *moments):
        """What to do now, or None."""
        with self._lock:
            found = self._next
            if found is None or found.at not in moments:
                return None
            self._next = next(self._plan, None)
            self.spoiled += 1
            return found


class Link:
    """One connection of a client, joined with one to the server.

    Attributes:
        old: whether it was there when the present spoiling began.
    """

    def __init__(self, proxy, peer):
        self.proxy = proxy
        self.old = False
        self._peer = peer
        self._server = None
        self._requests = Messages()
        self._answers = Messages()

    def run(self):
        """Serve the connection to its end."""
        self.proxy.links.add(self)
        try:
            spoiling = self.proxy.spoiling(Moment.ACCEPT)
            if spoiling is not None:
                return spoiling.act(self, b"")
            if self.proxy.tls is not None:
                self._encrypt()
            if self.proxy.socks:
                self._greet()
            self._server = socket.create_connection((HOST, self.proxy.target), _ANSWERED_WITHIN)
            self._server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                self._step()
        finally:
            self.proxy.links.discard(self)
            for sock in filter(None, (self._server, self._peer.sock)):
                sock.close()

    def _encrypt(self):
        self._peer.sock = self.proxy.tls.wrap_socket(
            self._peer.sock, server_side=True, do_handshake_on_connect=False
        )
        shake_hands(self._peer.sock)

    def _step(self):
        client = self._peer.sock
        for sock in self._readable(client, self._server):
            (self._requests if sock is client else self._answers).receive(sock)
        request = self._requests.take()
        while request is not None:
            self._request(request)
            request = self._requests.take()
        answer = self._next_answer()
        while answer is not None:
            self._peer.send(answer)
            answer = self._next_answer()

    @staticmethod
    def _readable(*socks):
        pending = [sock for sock in socks if isinstance(sock, ssl.SSLSocket) and sock.pending()]
        return pending or select.select(socks, [], [])[0]

    def _request(self, request):
        self.proxy.requests_read += 1
        if request.startswith(b"CONNECT "):
            spoiling = self.proxy.spoiling(Moment.PROXY)
            if spoiling is None:
                return self._peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return spoiling.act(self, request)
        onward = for_the_server(request)
        request = onward or request
        spoiling = self.proxy.spoiling(*self._moments(request, onward is not None))
        if spoiling is None:
            self._server.sendall(request)
        else:
            spoiling.act(self, request)
        return None

    def _moments(self, request, whole_url):
        framed = self._requests.framed
        met = {
            Moment.PROXY: whole_url,
            Moment.HTTP: not framed,
            Moment.UPGRADE: is_upgrade(request, framed),
            Moment.OBJECT: is_object(request, framed),
            Moment.QUESTION: is_question(request, framed),
        }
        return [moment for moment, is_met in met.items() if is_met]

    def _greet(self):
        """The part of a SOCKS 5 proxy: it connects with the server, whatever it is asked."""
        client = self._peer.sock
        client.recv(2 + client.recv(2, socket.MSG_PEEK)[1])
        client.sendall(b"\5\0")
        client.recv(10)  # of an IPv4 address
        client.sendall(b"\5\0\0\1" + bytes(6))

    def _next_answer(self):
        answer = self._answers.take()
        if answer is not None and answer.startswith(b"HTTP/1.1 101 "):
            self._requests.framed = self._answers.framed = True
        return answer

    # What a spoiling may do.

    def pass_on(self, request):
        """Let it be."""
        self._server.sendall(request)

    def ask(self, request):
        """The server's answer to `request`, which the client does not get; events before it pass."""
        framed = self._answers.framed
        self._server.sendall(request)
        while True:
            answer = self._next_answer()
            if answer is None:
                self._answers.receive(self._server)
            elif framed and STATUS.encode() not in answer:
                self._peer.send(answer)
            else:
                return answer

    def send(self, data):
        """Send to the client."""
        self._peer.send(data)

    def drip(self, data):
        """One byte each 100 ms."""
        self._peer.drip(data, 0.1)

    def pause(self, seconds):
        """Nothing happens."""
        self.proxy.stopped.wait(seconds)

    def until_gone(self):
        """Nothing happens until the client closes the connection."""
        while not self.proxy.stopped.is_set():
            if select.select([self._peer.sock], [], [], 0.05)[0] and not self._peer.sock.recv(65536):
                return

    def hold(self):
        """Nothing happens any more."""
        self.until_gone()
        self.end()

    def end(self):
        """End it in good form."""
        raise OverError

    def reset(self):
        """Break it without a farewell."""
        self._peer.reset()
        raise OverError

    def cut(self):
        """End it from another thread."""
        # Not SSLSocket's own, which is not made for that.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._peer.sock, socket.SHUT_RDWR)
