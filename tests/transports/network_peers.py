"""Servers that speak either transport, with TLS or without, and proxies before them."""

import selectors
import socket
import ssl

from rocketride_sync import RocketRideClient

from .dap_peer import KEY, RUNNING, TOKEN, always, dap
from .loopback import HOST, answer


def tls(authority, name=HOST, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **options).configure_cert(context)
    return context


def both(peer):
    """A server that answers status requests over either transport."""
    request = peer.read_request()
    if request is None:
        return
    if "websocket" not in request.lower():
        peer.send(answer(RUNNING))
        while peer.read_request() is not None:
            peer.send(answer(RUNNING))
        return
    peer._received = (request + "\r\n\r\n").encode() + peer._received

    def action(it):
        while True:
            always(RUNNING)(it, it.request())

    dap(action)(peer)


def ask(server, transport, url=None, **options):
    options.setdefault("timeout", 20)
    with RocketRideClient(url or server.url, KEY, transport=transport, **options) as client:
        return client.get_task_status(TOKEN).state


class TunnelProxy:
    """A handler that answers CONNECT by joining the client with the target, and notes what it was asked."""

    def __init__(
        self,
        target,
        verdict="200 Connection established",
        before_joining=lambda: None,
        before_handing_on=lambda: None,
        line_end="\r\n",
    ):
        self.heads = []
        self._before_handing_on = before_handing_on
        self._before_joining = before_joining
        self._target = target
        self._verdict = verdict
        self._line_end = line_end

    def __call__(self, peer):
        head = peer.read_request()
        if head is None:
            return  # the client has given up before
        self.heads.append(head)
        if not head.startswith("CONNECT "):
            with socket.create_connection((HOST, self._target.port)) as onward:
                path = head.split(" ", 2)[1].split("/", 3)[3]
                onward.sendall(head.replace(head.split(" ", 2)[1], "/" + path, 1).encode() + b"\r\n\r\n")
                peer.send(onward.recv(65536))
            return
        peer.send(f"HTTP/1.1 {self._verdict}{self._line_end * 2}".encode())
        if "200" in self._verdict:
            self._before_joining()
            with socket.create_connection((HOST, self._target.port)) as onward:
                join(peer.sock, onward, self._before_handing_on)


def join(one, other, before=lambda: None):
    """Hand on what comes from either to the other, until one of them closes. What comes during `before` goes together."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select(20):
                before()
                data = key.fileobj.recv(65536)
                if not data:
                    return
                key.data.sendall(data)
                while isinstance(key.fileobj, ssl.SSLSocket) and key.fileobj.pending():
                    key.data.sendall(key.fileobj.recv(65536))


class SocksProxy:
    """A handler that is a SOCKS proxy before `target`, and notes what it was asked.

    Args:
        target: the server that it connects with, whatever it is asked.
        credentials: user and password that it wants.
        reply: of SOCKS 5, 0 for success; SOCKS 4 gets 90 or 91.
        before: called before each of its answers.
    """

    def __init__(self, target, credentials=None, reply=0, before=lambda: None):
        self.asked = []
        self._target = target
        self._credentials = credentials
        self._reply = reply
        self._before = before

    def __call__(self, peer):
        version = self._read(peer, 1)[0]
        (self._version_5 if version == 5 else self._version_4)(peer)
        if self._reply == 0:
            with socket.create_connection((HOST, self._target.port)) as onward:
                join(peer.sock, onward)

    def _version_5(self, peer):
        methods = self._read(peer, self._read(peer, 1)[0])
        wanted = 2 if self._credentials else 0
        self._answer(peer, bytes([5, wanted if wanted in methods else 255]))
        if wanted:
            self._read(peer, 1)
            found = [self._read(peer, self._read(peer, 1)[0]).decode() for _ in range(2)]
            self._answer(peer, bytes([1, found != list(self._credentials)]))
        _, _, _, kind = self._read(peer, 4)
        size = {1: 4, 4: 16}.get(kind) or self._read(peer, 1)[0]
        address = self._read(peer, size)
        self.asked.append(address.decode() if kind == 3 else address)
        self._read(peer, 2)
        self._answer(peer, bytes([5, self._reply, 0, 3, 3]) + b"abc" + bytes(2))

    def _version_4(self, peer):
        self._read(peer, 3)
        address = self._read(peer, 4)
        texts = []
        for _ in range(2 if address[:3] == bytes(3) else 1):
            text = b""
            while not text.endswith(bytes(1)):
                text += self._read(peer, 1)
            texts.append(text[:-1].decode())
        self.asked.append((address, *texts))
        self._answer(peer, bytes([0, 91 if self._reply else 90]) + bytes(6))

    def _answer(self, peer, data):
        self._before()
        peer.send(data)

    def _read(self, peer, size):
        data = b""
        while len(data) < size:
            piece = peer.sock.recv(size - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data
