"""A token that somebody has chosen has no form by which it is known: the command hides it in what its own task says."""

import importlib
from importlib.util import find_spec

import pytest
from cases import each
from command_call import process_as_before

from rocketride_sync import MemoryTransport, RocketRideClient
from rocketride_sync.cli.main import main

from .marks import CHOSEN_TOKEN, KEY, found_in

SEVERAL = [CHOSEN_TOKEN, "another"]


class Tasks(MemoryTransport):
    """Tasks all of whose words are their own token."""

    runs = False

    def __init__(self):
        super().__init__([])

    def call(self, operation, deadline):
        token = operation.arguments.get("token", CHOSEN_TOKEN)
        words = dict.fromkeys(
            ("name", "status", "currentObject", "exitMessage", "description"), f"of {token}"
        )
        told = {"errors": [token], "warnings": [token], "notes": [f"?token={token}"]}
        ended = {"state": 6, "completed": True, "exitCode": 1, "startTime": 1.0, "endTime": 2.0}
        running = {"state": 3, "startTime": 1.0}
        return {
            "rrext_get_task_status": {**words, **told, **(running if self.runs else ended)},
            "rrext_get_tasks": {"tasks": [{"token": CHOSEN_TOKEN, **words}]},
            "rrext_get_token": {"token": CHOSEN_TOKEN},
        }.get(operation.command)


COMMANDS = {
    "status": ["status", CHOSEN_TOKEN],
    "wait": ["wait", CHOSEN_TOKEN, "--progress"],
    "wait for a project": ["wait", "--project", "p", "--source", "s"],
    "wait for several": ["wait", *SEVERAL],
    "wait, quiet": ["wait", "--quiet", *SEVERAL],
    "stop": ["stop", CHOSEN_TOKEN],
    "stop of a project": ["stop", "--project", "p", "--source", "s"],
    "stop several": ["stop", *SEVERAL],
    "list": ["list"],
}


@pytest.fixture
def call(monkeypatch, capsys):
    def call(*words, runs=False):
        transport = Tasks()
        transport.runs = runs
        for name in ("status_command", "wait_command", "stop_command", "list_command", "wait_many"):
            module = importlib.import_module(f"rocketride_sync.cli.{name}")
            monkeypatch.setattr(
                module, "make_client", lambda *_: RocketRideClient("h", KEY, transport=transport)
            )
        return main(words), capsys.readouterr()

    with process_as_before():
        yield call


@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
@each("words", COMMANDS.values(), ids=COMMANDS)
def test_no_task_shows_its_chosen_token(call, words, as_json):
    runs = words[0] == "stop" and "--project" in words
    code, shown = call(*words, *(["--json"] if as_json else []), runs=runs)
    assert code in (0, 1)
    assert shown.out or "--quiet" in words
    assert code == 1 or words[0] != "wait"
    assert not found_in(shown.out + shown.err)


@pytest.mark.skipif(not (find_spec("pygal") and find_spec("jinja2")), reason="needs the extra report")
def test_the_report_of_a_task_does_not_show_its_chosen_token(call, tmp_path):
    code, shown = call("wait", CHOSEN_TOKEN, "--report", str(tmp_path / "run.html"))
    assert code == 1, shown.err
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "CANCELLED" in page.upper()
    assert not found_in(page)
