"""Clients that nobody closed: thrown away, or open when the interpreter ends."""

import pytest
from transports.either_transport import either
from transports.loopback import Server

from .peers import run, run_loaded, status_of, wait_until

START = """
import gc, sys, threading, warnings
from rocketride_sync import RocketRideClient
def make():
    return RocketRideClient(sys.argv[1], "key", transport=sys.argv[2])
"""

transports = pytest.mark.parametrize("transport", ["auto", "websocket", "http"])


@pytest.fixture
def server():
    with Server(either(status_of)) as running:
        yield running


@transports
@pytest.mark.parametrize("end", ["del client", "client.itself = client; del client; gc.collect()"])
def test_one_that_is_thrown_away_says_so_once_and_closes_its_sockets(server, transport, end):
    script = f"""{START}
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    client = make()
    client.get_task_status("tk_1")
    for status in client.iter_task_status("tk_1"):
        break
    {end}
    gc.collect()
    print(*[(warning.category.__name__, str(warning.message)) for warning in said], sep="\\n")
sys.stdin.read()
"""
    said = run_loaded(script, server.url, transport).splitlines()
    assert len(said) == 1, said
    assert "ResourceWarning" in said[0]
    assert f"127.0.0.1:{server.port}" in said[0]
    assert "close()" in said[0]
    wait_until(lambda: server.open == 0, "the end of the connections")


@transports
@pytest.mark.parametrize(
    "use", ["", 'client.get_task_status("tk_1"); client.close()', "client.__init__(timeout=-1)"]
)
def test_one_without_connections_says_nothing(server, transport, use):
    run_loaded(
        f"{START}client = make()\ntry:\n    {use or 'pass'}\nexcept ValueError:\n    pass\ndel client",
        server.url,
        transport,
    )


def test_one_that_could_not_be_made_says_nothing():
    run_loaded(
        "from rocketride_sync import *\ntry:\n    RocketRideClient('host', 'key', timeout=-1)\nexcept ValueError:\n    pass"
    )


@transports
@pytest.mark.parametrize(
    "use",
    [
        "client = make(); client.get_task_status('tk_1')",
        "client = make(); client.itself = client; client.get_task_status('tk_1')",
        "import functools; make = functools.lru_cache(None)(make); make().get_task_status('tk_1')",
        "threading.outlives_our_modules = make(); threading.outlives_our_modules.get_task_status('tk_1')",
    ],
    ids=["global", "cycle", "cached", "in another module"],
)
def test_the_end_of_the_program_with_an_open_client_is_silent(server, transport, use):
    run(START + use, server.url, transport)


@transports
def test_the_end_of_the_program_with_a_wait_in_a_daemon_thread_is_silent(server, transport):
    script = f"""{START}
client = make()
polled = threading.Event()
def wait():
    client.wait_until_complete("tk_1", interval=0.01, on_progress=lambda _: polled.set())
for _ in range(4):
    threading.Thread(target=wait, daemon=True).start()
polled.wait()
"""
    run(script, server.url, transport)


@transports
def test_a_loop_that_is_left_and_forgotten_is_no_leak(server, transport):
    """Its connection goes back to the client, which is still in use."""
    script = f"""{START}
with make() as client:
    for _ in range(20):
        for status in client.iter_task_status("tk_1"):
            break
        del status
"""
    run_loaded(script, server.url, transport)
    assert server.connections == 1


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_first_call_as_python_shuts_down_says_so(server, transport):
    """What it needs cannot be loaded any more; the installation is not to blame."""
    script = f"""{START}
import os
class Late:
    def __init__(self):
        self.client, self.write = make(), os.write
    def __del__(self):
        try:
            self.client.get_task_status("tk_1")
        except Exception as error:
            self.write(1, f"{{type(error).__name__}} {{error}}".encode())
        self.client.close()
late = Late()
"""
    said = run(script, server.url, transport)
    assert said == "TransportError a module that this needs could not be loaded: Python is shutting down"
