"""An error in a notebook is shown as the user's own lines and the message."""

import re

import pytest
from needing import needs

from rocketride_sync import MemoryTransport, RocketRideClient, TaskNotFoundError, TransportError
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")
needs("IPython", reason="needs IPython")

LONGEST = 25
KEY, TOKEN = "a-key-of-the-notebook", "tk_5f3a0123456789abcdef"
CALLS = (
    "client.get_task_status(token)",
    "client.wait_until_complete(token)",
    "list(client.iter_task_status(token))",
    "client.task(token).get_status()",
    "client.wait_all([token])[0].result()",
    "client.terminate(token)",
    "client.send(token, 'text')",
    "client.use(pipeline={'source': 'a', 'components': [{'id': 'a', 'provider': 'magic'}]})",
    "client.run(pipeline={'source': 'a', 'components': [{'id': 'a', 'provider': 'magic'}]})",
    "client.get_task_status('')",
    "stranger.get_task_status(token)",
)


@pytest.fixture(scope="module")
def server():
    with Emulator(api_key=KEY) as running:
        yield running


@pytest.fixture
def cell(tmp_path, monkeypatch, capsys):
    """Runs a cell of a notebook, and returns what is shown, without colours."""
    from IPython.core import interactiveshell

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = interactiveshell.InteractiveShell.instance()
    shell.history_manager.enabled = False

    def run(code, mode="Context", **names):
        shell.user_ns.update(names)
        shell.run_line_magic("xmode", mode)
        capsys.readouterr()
        shell.run_cell(code)
        printed = capsys.readouterr()
        return re.sub(r"\x1b\[[\d;]*m", "", printed.out + printed.err)

    yield run
    interactiveshell.InteractiveShell.clear_instance()


@pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
def test_a_refusal_is_a_short_traceback(server, cell, transport):
    with RocketRideClient(server.uri, KEY, transport=transport) as client:
        with RocketRideClient(server.uri, "another-key", transport=transport) as stranger:
            for call in CALLS:
                shown = cell(call, client=client, stranger=stranger, token=TOKEN)
                lines = shown.strip().splitlines()
                assert "Error" in lines[1], shown
                assert call in shown, "the user's own line"
                assert len(lines) <= LONGEST, shown
                assert "frames of rocketride_sync are left out" in lines[-1]


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])
def test_no_mode_shows_a_secret(server, cell, mode):
    with RocketRideClient(server.uri, KEY) as client:
        shown = cell("client.get_task_status(load())", mode, client=client, load=lambda: TOKEN)
    assert "TaskNotFoundError" in shown
    assert KEY not in shown
    assert TOKEN not in shown


def test_an_error_of_a_callback_shows_the_callback(cell):
    client = RocketRideClient("h", KEY, transport=MemoryTransport([{"state": 3}]))

    def follow(status):
        raise TransportError("of my own")

    shown = cell("client.wait_until_complete('t', on_progress=follow)", client=client, follow=follow)
    assert 'raise TransportError("of my own")' in shown
    assert len(shown.splitlines()) <= LONGEST


def test_an_error_that_the_user_raises_is_shown_as_any(cell):
    shown = cell("raise error", error=TaskNotFoundError("mine"))
    assert "TaskNotFoundError: mine" in shown
    assert "left out" not in shown


def test_elsewhere_the_traceback_is_whole():
    with pytest.raises(TaskNotFoundError) as raised:
        RocketRideClient("h", KEY, transport=MemoryTransport([TaskNotFoundError("no")])).get_task_status("t")
    assert len(raised.traceback) > 3
