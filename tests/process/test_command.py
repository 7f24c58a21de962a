"""The command line is told to stop while it waits over WebSocket. (Over HTTP: tests/cli.)"""

import os
import signal
import subprocess
import sys

import pytest
from transports.dap_peer import KEY, TOKEN
from transports.either_transport import either
from transports.loopback import Server

from .peers import ROOT, SECONDS, status_of, wait_until


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_wait_ends_at_once_with_the_exit_code_of_the_signal(number, code):
    told = []

    def status(token):
        told.append(token)
        return status_of(token)

    with Server(either(status)) as server:
        command = [sys.executable, "-m", "rocketride_sync", "wait", TOKEN, "--transport", "websocket"]
        waiting = subprocess.Popen(
            [*command, "--interval", "50"],
            cwd=ROOT,
            env={**os.environ, "ROCKETRIDE_URI": server.url, "ROCKETRIDE_APIKEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: told, "the first poll")
        waiting.send_signal(number)
        output, trouble = waiting.communicate(timeout=SECONDS)
        wait_until(lambda: server.open == 0, "the end of the connection")
    # A shell says 128 and the number where the signal ended the process.
    shown = 128 - waiting.returncode if waiting.returncode < 0 else waiting.returncode
    assert (shown, output) == (code, ""), trouble
    assert "Traceback" not in trouble
