"""Run commands in a terminal of their own against a local server, and draw what it shows: docs/terminal/*.svg.

python tools/record_terminal.py [FOLDER]
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import Dict, Iterator, Optional

import pyte
from rich.console import Console

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "terminal"
COLUMNS, LINES = 100, 20
KEY = "a-key-for-the-recording"
INBOX = {"id": "inbox", "provider": "dropper", "config": {}}
FOLDER = {"id": "files", "provider": "files", "config": {"paths": ["."], "delay": 0.4}}


def counting(source: Dict[str, object], project: str) -> Dict[str, object]:
    counter = {"id": "count", "provider": "wordcount", "input": [{"lane": "text", "from": source["id"]}]}
    return {"project_id": project, "source": source["id"], "components": [source, counter]}


class Terminal:
    """A screen, and what runs in it."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def run(self, line: str, environment: Dict[str, str], until: Optional[str] = None) -> None:
        """Type `line` and show what comes of it: to its end, or first until something like `until` is seen."""
        self._stream.feed(f"$ {line}\r\n".encode())
        for output in _output(line, environment):
            self._stream.feed(output)
            if until and re.search(until, self.text()):
                self.picture = self.draw()
                until = None
        if until:
            raise SystemExit(f"{line}: nothing like {until!r} was seen:\n{self.text()}")

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def draw(self) -> str:
        """What it shows now, as SVG that loads nothing from anywhere."""
        console = Console(width=COLUMNS, record=True, file=io.StringIO(), legacy_windows=False)
        console.print(self.text(), markup=False, highlight=False, emoji=False)
        svg = console.export_svg(title="", unique_id="terminal")
        return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def _output(line: str, environment: Dict[str, str]) -> Iterator[bytes]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with subprocess.Popen(
        ["/bin/sh", "-c", line], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ):
        os.close(theirs)
        with contextlib.suppress(OSError):  # EIO: nobody holds the other end any more
            while True:
                output = os.read(ours, 65536)
                if not output:
                    break
                yield output
    os.close(ours)


def record(folder: Path) -> None:
    """Make every picture."""
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        texts = place / "texts"
        texts.mkdir()
        for number in range(1, 13):
            (texts / f"chapter-{number}.txt").write_text("It was a dark and stormy night. " * number, "utf-8")
        (place / "words.pipe").write_text(json.dumps(counting(INBOX, "words")), "utf-8")
        server = stack.enter_context(Emulator(root=texts, api_key=KEY))
        client = stack.enter_context(RocketRideClient(server.uri, KEY))
        stack.enter_context(contextlib.chdir(place))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ROCKETRIDE_")},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "ROCKETRIDE_URI": server.uri,
            "ROCKETRIDE_APIKEY": KEY,
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
        }
        run = Terminal()
        run.run("rocketride-sync run words.pipe texts/chapter-[123].txt", environment)
        environment["ROCKETRIDE_TOKEN"] = client.use(pipeline=counting(FOLDER, "folder")).token
        wait = Terminal()
        wait.run("rocketride-sync wait --interval 0.5 --timeout 60", environment, until=r"\b[4-7]\d%")
        folder.mkdir(exist_ok=True)
        for name, picture in (("run", run.draw()), ("waiting", wait.picture), ("waited", wait.draw())):
            (folder / f"{name}.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
