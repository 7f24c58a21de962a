"""Modules are loaded before the first byte of a call goes out, and never in the middle of a fork."""

import functools
import json
import os
import subprocess
import sys
import textwrap

import pytest
from transports.dap_peer import DONE, RUNNING, DapPeer, Gone, serve
from transports.either_transport import is_upgrade
from transports.loopback import Server, always, answer
from transports.object_peers import HttpPeer

from .peers import ROOT, SECONDS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def run(code, *arguments):
    """What a process that runs `code` says."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


FAULTS = [
    None,
    b"",
    b"\r\n\r\n",
    answer(
        b"<html><body>&lt;busy&gt; \x1b[2J</body></html>",
        "503 Busy",
        Retry_After="Wed, 21 Oct 2015 07:28:00 GMT",
    ),
    answer(b"", "429 Too Many Requests", Retry_After=0),
    answer(b'{"detail": [{"loc": ["query"], "msg": "\\u001b busy"}]}', "502 Bad Gateway"),
]


def faulty(peer):
    """Each connection serves one poll well; every second one is a fault in its place."""
    number = peer._server.connections
    if number % 2 == 0 and number // 2 <= len(FAULTS):
        peer.read_request()
        fault = FAULTS[number // 2 - 1]
        if fault is None:
            peer.reset()
        else:
            peer.send(fault)
        return
    last = number // 2 >= len(FAULTS)
    if not is_upgrade(peer):
        peer.read_request()
        peer.send(answer(DONE if last else RUNNING, Connection="close"))
        return
    it = DapPeer(peer)
    try:
        it.welcome()
        request = it.request()
        while request["command"] != "rrext_get_task_status":
            request = it.request()
        it.answer(request, DONE if last else RUNNING)
    except Gone:
        pass


WAITS = {
    "one": "client.wait_until_complete(TOKEN, timeout=40, interval=0.01)",
    "many": "client.wait_all([TOKEN], timeout=40, interval=0.01)[0].result()",
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
def test_a_wait_loads_nothing_once_it_has_begun(transport, wait):
    code = f"""
        import sys
        from rocketride_sync import RetryPolicy, RocketRideClient
        TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
        loaded, begun = [], []
        def hear(event, args):
            if event == "socket.connect":
                begun.append(True)
            elif event == "import" and begun:
                loaded.append(args[0])
        sys.addaudithook(hear)
        retry = RetryPolicy(initial_delay=0.01, max_delay=0.02)
        with RocketRideClient(sys.argv[1], "key", transport=sys.argv[2], retry=retry) as client:
            assert {wait}.succeeded
        begun.clear()
        print(*loaded)
    """
    with Server(faulty) as server:
        assert run(code, server.url, transport).split() == []
        assert server.connections > 2 * len(FAULTS)


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize(("timeout", "loaded"), [(4.9, "False"), (40, "True")])
def test_where_websocket_works_a_short_wait_does_not_load_http(timeout, loaded, wait):
    """It takes a tenth of a second and more: such a wait would be late, and blame the server."""
    code = f"""
        import sys
        from rocketride_sync import RocketRideClient
        TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
        with RocketRideClient(sys.argv[1], "key", timeout=4) as client:
            assert {wait.replace("=40", f"={timeout}")}.succeeded
        print("requests" in sys.modules)
    """
    with Server(serve(lambda peer, request: peer.answer(request, DONE))) as server:
        assert run(code, server.url).strip() == loaded


@pytest.mark.parametrize(
    ("transport", "slow"),
    [
        ("http", "requests"),
        ("http", "rocketride_sync.transports.http.session"),
        ("websocket", "rocketride_sync.transports.websocket.connection"),
    ],
)
def test_a_fork_while_another_thread_loads_leaves_the_child_able_to_ask(transport, slow):
    code = """
        import faulthandler, os, sys, threading
        from rocketride_sync import RocketRideClient
        loading, forked = threading.Event(), threading.Event()
        class Slow:
            def find_spec(self, name, path=None, target=None):
                if name == sys.argv[3] and not loading.is_set():
                    loading.set()
                    forked.wait(1.0)  # of a fork that waits for this, nothing is heard
        client = RocketRideClient(sys.argv[1], "key", transport=sys.argv[2], timeout=20)
        ask = lambda: client.get_task_status("tk_5f3a0123456789abcdef0123456789ab").state
        sys.meta_path.insert(0, Slow())
        thread = threading.Thread(target=ask)
        thread.start()
        loading.wait()
        child = os.fork()
        if child == 0:
            faulthandler.dump_traceback_later(15, exit=True)
            ask()
            client.close()
            os._exit(0)
        forked.set()
        thread.join()
        client.close()
        print(os.waitpid(child, 0)[1])
    """

    def handler(peer):
        if not is_upgrade(peer):
            while peer.read_request():
                peer.send(answer(RUNNING))
            return
        it = DapPeer(peer)
        try:
            it.welcome()
            while True:
                it.answer(it.request(), RUNNING)
        except Gone:
            pass

    with Server(handler) as server:
        assert run(code, server.url, transport, slow) == "0\n"


def test_a_fork_while_another_thread_asks_for_a_public_name_leaves_the_child_able_to_ask_for_it():
    code = """
        import faulthandler, os, sys, threading
        import rocketride_sync
        loading, forked = threading.Event(), threading.Event()
        class Slow:
            def find_spec(self, name, path=None, target=None):
                if name == "rocketride_sync.client.client" and not loading.is_set():
                    loading.set()
                    forked.wait(1.0)
        sys.meta_path.insert(0, Slow())
        thread = threading.Thread(target=lambda: rocketride_sync.RocketRideClient)
        thread.start()
        loading.wait()
        child = os.fork()
        if child == 0:
            faulthandler.dump_traceback_later(15, exit=True)
            rocketride_sync.RocketRideClient
            os._exit(0)
        forked.set()
        thread.join()
        print(os.waitpid(child, 0)[1])
    """
    assert run(code) == "0\n"


CALLS = {
    "status": "client.get_task_status(TOKEN)",
    "previous": "client.get_task_status(TOKEN, previous=TaskStatus.from_dict({}))",
    "wait": "client.wait_until_complete(TOKEN, timeout=2)",
    "many": "client.wait_all([TOKEN, 'tk_2'], timeout=2)[0].result()",
    "send": "client.send(TOKEN, b'data')",
    "pipe": "client.pipe(TOKEN).__enter__()",
    "use": "client.use(pipeline={'project_id': 'p', 'source': 's', 'components': []})",
}


@functools.lru_cache(maxsize=None)
def said_without_a_file_descriptor(transport):
    """What each of the `CALLS` says, by its name: each the first one in a process that has loaded nothing for it."""
    code = """
        import json, os, resource, sys
        from rocketride_sync import RocketRideClient, RocketRideError, TaskStatus
        TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
        client = RocketRideClient("localhost:9", "key", transport=sys.argv[1], timeout=3)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", 0))
        except OSError:
            pass
        children = {}
        for name, call in json.loads(sys.argv[2]).items():
            children[name] = os.fork()
            if children[name]:
                continue
            try:
                exec(call)
            except RocketRideError as error:
                assert error.__context__ is None or type(error).__name__ == "WaitTimeoutError"
                os.write(1, json.dumps([name, str(error)]).encode() + b"\\n")
            os._exit(0)
        for name, child in children.items():
            assert os.waitpid(child, 0)[1] == 0, name
    """
    return dict(map(json.loads, run(code, transport, json.dumps(CALLS)).splitlines()))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
def test_without_a_file_descriptor_an_error_of_ours_comes_out(transport, call):
    pytest.importorskip("resource")
    assert "Too many open files" in said_without_a_file_descriptor(transport)[call]


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("transport", ["websocket", "auto"])
def test_a_wait_that_begins_without_a_file_descriptor_goes_on_once_there_are_some(transport, wait):
    pytest.importorskip("resource")
    code = f"""
        import os, resource, sys, threading
        import rocketride_sync.deadline
        from rocketride_sync import RetryPolicy, RocketRideClient
        TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
        client = RocketRideClient(sys.argv[1], "key", transport=sys.argv[2], retry=RetryPolicy(max_delay=0.25))
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        held, failed = [], threading.Event()
        try:
            while True:
                held.append(os.open("/dev/null", 0))
        except OSError:
            pass
        def relent():
            failed.wait()
            while held:
                os.close(held.pop())
        sleep = rocketride_sync.deadline.system_time.sleep
        class Time:
            def __getattr__(self, name):
                return getattr(__import__("time"), name)
            def sleep(self, seconds):
                failed.set()
                sleep(seconds)
        rocketride_sync.deadline.system_time = Time()
        threading.Thread(target=relent, daemon=True).start()
        with client:
            assert {wait}.succeeded
        print(failed.is_set())
    """

    def handler(peer):
        if not is_upgrade(peer):
            peer.read_request()
            peer.send(answer(DONE, Connection="close"))
            return
        it = DapPeer(peer)
        try:
            it.welcome()
            while True:
                request = it.request()
                it.answer(request, DONE if request["command"] == "rrext_get_task_status" else {})
        except Gone:
            pass

    with Server(handler) as server:
        assert run(code, server.url, transport) == "True\n"


LOADED_BY_THREADS = """
import builtins, sys, threading
from rocketride_sync import RocketRideClient
real, at_fault = builtins.__import__, []
def noting(name, *args):
    if threading.current_thread() is not threading.main_thread() and name not in sys.modules:
        before = set(sys.modules)
        result = real(name, *args)
        at_fault.extend(sorted(set(sys.modules) - before))
        return result
    return real(name, *args)
builtins.__import__ = noting
with RocketRideClient(sys.argv[1], "key", transport="http") as client:
    exec(sys.argv[2])
print(at_fault)
"""


@pytest.mark.parametrize(
    ("call", "handler"),
    [
        ("client.send_files([sys.argv[3]] * 2, 'tk_1')", HttpPeer()),
        ("client.wait_all(['tk_1', 'tk_2'])", always(answer(DONE))),
    ],
    ids=["send_files", "wait_all"],
)
def test_threads_load_nothing(call, handler):
    """After Ctrl-C at a bad moment Python holds the lock of imports for ever: a thread that loads something never ends."""
    with Server(handler) as server:
        assert run(LOADED_BY_THREADS, server.url, call, __file__) == "[]\n"
