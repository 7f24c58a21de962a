"""Ctrl-C during every step that blocks: it comes out promptly, and the connection is closed.

Twice: as a terminal sends it, and so late that the operating system does not cut the step short for it.
"""

import contextlib
import os
import queue
import signal
import socket
import sys
import tempfile
import threading

import psutil
import pytest
from preloaded import ForkedWithPipes
from transports.dap_peer import RUNNING, DapPeer
from transports.loopback import HOST, Server, answer, black_hole

from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.tcp import connect

from .peers import SECONDS, until_gone, wait_until

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")

PROMPT = 15.0
"""Seconds of room; without the signal, each of these steps would last for 50."""


class Child:
    """A process of `interruptible.py`."""

    def __init__(self, uri, transport, action):
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed with this)
        words = ["interruptible", uri, transport, action]
        self.process = ForkedWithPipes("process.interruptible", words, os.environ, self._errors)
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.strip())

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.process.kill()
        self._reader.join()
        self.process.__exit__(*exc_info)
        self._errors.close()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def interrupt(self, late):
        if late:
            self.tell("late")
        else:
            self.process.send_signal(signal.SIGINT)
        self._says("interrupted")

    def close_client(self):
        self.tell("close")
        self._says("closed")

    def _says(self, expected):
        said = None
        with contextlib.suppress(queue.Empty):
            said = self._lines.get(timeout=PROMPT)
        if said != expected:
            self._errors.seek(0)
            pytest.fail(f"it said {said!r}, not {expected!r}; on stderr: {self._errors.read()}")

    def end(self):
        """It must end of itself, without a word."""
        self.process.stdin.close()
        code = self.process.wait(SECONDS)
        self._errors.seek(0)
        assert (code, self._errors.read()) == (0, "")


class Step:
    """Where the peer leaves a client waiting; `reached` is set there, `released` once the client was interrupted."""

    def __init__(self):
        self.reached = threading.Event()
        self.released = threading.Event()

    def leave_waiting(self, peer):
        self.reached.set()
        until_gone(peer)

    def handshake(self, peer):
        peer.sock.recv(65536)
        self.leave_waiting(peer)

    def header(self, peer):
        peer.read_request()
        self.leave_waiting(peer)

    def body(self, peer):
        peer.read_request()
        whole = answer(b" " * 10_000)
        peer.send(whole[:-9_000])
        self.reached.set()
        peer.drip(whole[-9_000:])

    def http_pause(self, peer):
        peer.read_request()
        peer.send(answer(RUNNING))
        self.leave_waiting(peer)

    def http_backoff(self, peer):
        peer.read_request()
        peer.send(answer(b"", "503 Service Unavailable", Retry_After=50))
        self.leave_waiting(peer)

    def overload(self, peer):
        peer.read_request()
        body = b'{"status":"Error","error":{"message":"server rejected WebSocket connection: HTTP 403","file":"transport_websocket.py"}}'
        peer.send(answer(body, "400 Bad Request"))
        self.leave_waiting(peer)

    def half_taken(self, peer):
        """Takes the beginning of an object, and then no more: the client's buffers are full soon."""
        peer.sock.recv(1000)
        self.reached.set()
        self.released.wait(SECONDS)
        until_gone(peer)

    def http_chunk(self, peer):
        peer.read_request()
        self.half_taken(peer)

    def authentication(self, peer):
        it = DapPeer(peer)
        it.upgrade()
        it.request()
        self.leave_waiting(peer)

    def status(self, peer):
        it = DapPeer(peer)
        it.welcome()
        while it.request()["command"] != "rrext_get_task_status":
            pass
        self.leave_waiting(peer)

    def websocket_pause(self, peer):
        it = DapPeer(peer)
        it.welcome()
        request = it.request()
        while request["command"] != "rrext_get_task_status":
            request = it.request()
        it.answer(request, RUNNING)
        self.leave_waiting(peer)

    def chunk(self, peer):
        it = DapPeer(peer)
        it.welcome()
        it.answer(it.request(), {"pipe_id": 1})
        self.half_taken(peer)


CUT = [  # transport, what the client does, where its peer leaves it waiting
    ("http", "status", "handshake"),
    ("http", "status", "header"),
    ("http", "status", "body"),
    ("http", "send", "http_chunk"),
    ("websocket", "status", "handshake"),
    ("websocket", "status", "header"),
    ("websocket", "status", "authentication"),
    ("websocket", "status", "status"),
    ("websocket", "wait", "status"),
    ("websocket", "many", "status"),
    ("http", "many", "header"),
    ("websocket", "send", "chunk"),
]
KEPT = [  # the client may keep the connection until it is closed
    ("http", "wait", "http_pause"),
    ("http", "wait", "http_backoff"),
    ("http", "status", "overload"),
    ("http", "callback", "http_pause"),
    ("websocket", "wait", "websocket_pause"),
    ("http", "many", "http_pause"),
    ("http", "many", "http_backoff"),
    ("websocket", "many", "websocket_pause"),
    ("websocket", "many", "http_backoff"),
    ("websocket", "wait", "http_backoff"),
    ("websocket", "callback", "websocket_pause"),
]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("transport", "action", "step"), [*CUT, *KEPT])
def test_ctrl_c(transport, action, step, late):
    if late and action == "callback":
        pytest.skip("a callback that sleeps decides itself when it listens")
    there = Step()
    handler = getattr(there, step)
    with Server(lambda peer: handler(peer)) as server:
        uri = server.url.replace("http:", "https:") if step == "handshake" else server.url
        with Child(uri, transport, action) as child:
            assert there.reached.wait(SECONDS)
            child.interrupt(late)
            there.released.set()
            if (transport, action, step) in CUT:
                wait_until(lambda: server.open == 0, "the end of the connection")
            child.close_client()
            wait_until(lambda: server.open == 0, "the end of the connection")
            child.end()


def connecting(pid):
    """The connections that a process is making."""
    process = psutil.Process(pid)
    connections = getattr(process, "net_connections", None) or process.connections
    return [one for one in connections() if one.status == psutil.CONN_SYN_SENT]


linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full backlog refuses")


@linux
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_ctrl_c_while_connecting(transport, late):
    with black_hole() as listener, Child(
        f"http://{HOST}:{listener.getsockname()[1]}", transport, "status"
    ) as child:
        wait_until(lambda: connecting(child.process.pid), "the attempt to connect")
        child.interrupt(late)
        assert not connecting(child.process.pid)
        child.close_client()
        child.end()


@linux
def test_a_connection_that_takes_long_is_made_all_the_same():
    with black_hole() as listener, contextlib.ExitStack() as stack:
        made = []
        before = len(connecting(os.getpid()))
        thread = threading.Thread(
            target=lambda: made.append(connect(*listener.getsockname(), Deadline(SECONDS)))
        )
        thread.start()
        wait_until(lambda: len(connecting(os.getpid())) > before, "the attempt to connect")
        listener.settimeout(0.1)
        while thread.is_alive():
            with contextlib.suppress(socket.timeout):
                stack.enter_context(listener.accept()[0])
        stack.enter_context(made[0])
