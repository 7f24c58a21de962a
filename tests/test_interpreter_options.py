"""The command under options of the interpreter that users have: without docstrings and asserts, isolated, warnings as errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from transports.dap_peer import DONE, KEY, TOKEN, serve
from transports.either_transport import is_upgrade, replying
from transports.loopback import Server, answer

import rocketride_sync

FOLDER = os.path.dirname(os.path.dirname(rocketride_sync.__file__))
# Not `-m`: isolated, it would not find a checkout.
MAIN = (
    f"import sys; sys.path.insert(0, {FOLDER!r}); from rocketride_sync.__main__ import main; sys.exit(main())"
)


def both_ways(peer):
    """The task has ended, over either transport."""
    if is_upgrade(peer):
        serve(replying(lambda token: DONE))(peer)
    else:
        while peer.read_request():
            peer.send(answer(DONE))


def run(options, *arguments, **variables):
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ROCKETRIDE_"))
    }
    return subprocess.run(
        [sys.executable, *options, "-c", MAIN, *arguments],
        env={**kept, **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("transport", ["websocket", "http"])
@pytest.mark.parametrize("options", [["-OO", "-I"], ["-W", "error", "-X", "dev"]], ids=" ".join)
def test_a_wait(options, transport):
    with Server(both_ways) as server:
        done = run(
            options, "wait", TOKEN, "--transport", transport, "--json",
            ROCKETRIDE_URI=f"http://127.0.0.1:{server.port}", ROCKETRIDE_APIKEY=KEY,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["outcome"] == "succeeded"


def test_help_does_not_need_docstrings():
    """Help is made of constants: `-OO` removes docstrings."""
    texts = [run(options, "run", "--help").stdout for options in ([], ["-OO"])]
    assert texts[0] == texts[1]
    assert "pipeline" in texts[0]
