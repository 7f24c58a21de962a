"""Small TCP servers on loopback whose every byte and pause a test decides."""

import contextlib
import fcntl
import json
import socket
import ssl
import struct
import termios
import threading
import time

HOST = "127.0.0.1"


@contextlib.contextmanager
def refusing_address():
    """An address whose port is taken, so that nobody else can listen there, but refuses connections."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield f"{HOST}:{taken.getsockname()[1]}"


def answer(body=b"", status="200 OK", length=True, **headers):
    """The bytes of an HTTP answer; a body that is not bytes is sent as the `data` of an envelope."""
    if not isinstance(body, bytes):
        body = json.dumps({"status": "OK", "data": body}).encode()
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Peer:
    """The server's side of one connection."""

    def __init__(self, server, sock):
        self._server = server
        self.sock = sock
        self._received = b""

    def read_request(self):
        """The next request without a body, as text; None when the client has gone."""
        while b"\r\n\r\n" not in self._received:
            received = self.sock.recv(65536)
            if not received:
                return None
            self._received += received
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        request = head.decode("latin-1")
        self._server.requests.append(request)
        return request

    def send(self, data):
        self.sock.sendall(data)

    def await_delivery(self):
        """Return when the client's system has taken all that was sent, which must fit there (on Linux)."""
        while any(fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4))):
            time.sleep(0.001)

    def drip(self, data, seconds=0.05):
        """Send byte by byte, until the test ends."""
        for value in data:
            self.send(bytes([value]))
            if self._server.stopped.wait(seconds):
                return

    def stall(self):
        """Say nothing, until the test ends."""
        self._server.stopped.wait(60)

    def reset(self):
        """Break the connection without a farewell."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def shake_hands(sock):
    """TLS; a client that is refused gets to read why, for a reset would overtake the alert."""
    try:
        sock.do_handshake()
    except ssl.SSLError:
        while socket.socket.recv(sock, 65536):
            pass
        raise


class Server:
    """A context manager; `handler(peer)` serves one connection, in a thread of its own.

    Attributes: `port`, `requests` (heads, as text), `connections` (how many there were), `open` (how many of them
    are served still).
    """

    def __init__(self, handler, tls=None):
        self._handler = handler
        self._tls = tls
        # It keeps the port while nothing listens: another test's server could have it, and answer.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind((HOST, 0))
        self.port = self._holder.getsockname()[1]
        self._listener = socket.create_server((HOST, self.port))
        self._socks = []
        self._threads = []
        self._faults = []
        self.stopped = threading.Event()
        self._refusing = threading.Event()
        self.requests = []
        self.connections = 0
        # In place of a number: before Python 3.10, `+=` and `-=` of two threads at once lose one of the two.
        self._served = set()

    @property
    def open(self):
        return len(self._served)

    @property
    def url(self):
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    def __enter__(self):
        self._accepting = self._start(self._accept)
        return self

    def __exit__(self, *exc_info):
        self.stopped.set()
        self.refuse()
        for sock in self._socks:
            # Not SSLSocket's own: it forgets the encryption first, and a handler would read ciphertext as frames.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        for sock in (*self._socks, self._holder):
            sock.close()
        if self._faults:
            raise self._faults[0]

    def refuse(self):
        """Accept no more connections; those that there are go on. May be called twice."""
        if self._listener is None:
            return
        # A listener that is merely closed leaves accept() hanging.
        self._refusing.set()
        with contextlib.suppress(OSError), socket.socket() as knock:
            knock.connect((HOST, self.port))
        self._accepting.join(10)
        self._listener.close()
        self._listener = None

    def accept_again(self):
        """After `refuse`, on the same port. May be called twice."""
        if self._listener is None:
            self._listener = socket.create_server((HOST, self.port))
            self._refusing.clear()
            self._accepting = self._start(self._accept)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self):
        while True:
            sock, _ = self._listener.accept()
            if self._refusing.is_set():
                sock.close()
                return
            # As every server has it; else the answer before a reset may never leave this machine's buffer.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._served.add(sock)
            self._socks.append(sock)
            self._start(self._serve, sock)

    def _serve(self, accepted):
        sock = accepted
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                self._socks.append(sock)
                shake_hands(sock)
            self._handler(Peer(self, sock))
        except OSError:
            pass  # the client went away: the test checks what the client saw
        except Exception as fault:
            self._faults.append(fault)
        finally:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            self._served.discard(accepted)


@contextlib.contextmanager
def black_hole():
    """A listener with a full queue: connections to it are neither accepted nor refused (on Linux)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HOST, 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener


def always(*answers):
    """A handler that gives these answers, the last one for ever, however many connections are used."""
    left = list(answers)

    def handler(peer):
        while peer.read_request() is not None:
            peer.send(left.pop(0) if len(left) > 1 else left[0])

    return handler


def after_request(action):
    """A handler that reads one request and then does `action(peer)`."""

    def handler(peer):
        if peer.read_request() is not None:
            action(peer)

    return handler
