"""Run commands in a terminal of their own against a local server, and draw what it shows: docs/terminal/*.svg.

python tools/record_terminal.py [FOLDER]
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import itertools
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import Dict, Iterator, Optional

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "terminal"
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
COLUMNS, LINES = 80, 24
PAUSE = 0.25  # seconds between two lines that are drawn, at least
KEY = "a-key-for-the-recording"
STORY = "It was a dark and stormy night. "
INBOX = {"id": "inbox", "provider": "dropper", "config": {}}
FOLDER = {"id": "files", "provider": "files", "config": {"paths": ["."], "delay": 1.2}}
ENDS = {
    "Invoices of November": {"total": 120},
    "Nightly import": {
        "total": 40,
        "failed": 2,
        "errors": ["cannot read minutes-07.pdf: not a PDF"],
        "exit_code": 3,
        "exit_message": "the disk is full",
    },
    "Customers, all of them, with their orders": {"total": 60},
}


def counting(source: Dict[str, object], project: str) -> Dict[str, object]:
    counter = {"id": "count", "provider": "wordcount", "input": [{"lane": "text", "from": source["id"]}]}
    return {"project_id": project, "source": source["id"], "components": [source, counter]}


def start(client: RocketRideClient, name: str, config: Dict[str, object]) -> str:
    """Start a task that ends as `config` says; return its token."""
    source = {"id": "s", "provider": "simulate", "name": "Folder", "config": {"seconds": 0.5, **config}}
    pipeline = {"project_id": name, "source": "s", "components": [source]}
    return client.use(pipeline=pipeline, name=name).token


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

    def _coloured(self) -> Text:
        """The text in its colours."""
        text = Text()
        for number in range(len(self.text().split("\n"))):
            row = [self._screen.buffer[number][column] for column in range(COLUMNS)]
            for style, chars in itertools.groupby(row, key=_style):
                text.append("".join(char.data for char in chars), style)
            text.rstrip()
            text.append("\n")
        return text

    def draw(self) -> str:
        """What it shows now, as SVG that loads nothing from anywhere."""
        console = Console(width=COLUMNS, record=True, file=io.StringIO(), legacy_windows=False)
        console.print(self._coloured(), soft_wrap=True)
        svg = console.export_svg(title="", unique_id="terminal")
        return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def _style(char: pyte.screens.Char) -> Style:
    colour = {"default": None, "brown": "yellow"}.get(char.fg, char.fg)  # brown is an old name of yellow
    return Style(color=colour, bold=char.bold)


def _output(line: str, environment: Dict[str, str]) -> Iterator[bytes]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with subprocess.Popen(
        ["/bin/sh", "-c", line], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ):
        os.close(theirs)
        output = _read(ours)
        while output:
            # A line is drawn byte by byte over the one before. No picture shows half of both.
            while select.select([ours], [], [], PAUSE)[0]:
                more = _read(ours)
                if not more:
                    break
                output += more
            yield output
            output = _read(ours)
    os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: nobody holds the other end any more
        return b""


def record(folder: Path) -> None:
    """Make every picture."""
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        texts = place / "texts"
        texts.mkdir()
        for number in range(1, 13):
            name = f"minutes of the meeting in {MONTHS[number - 1]}, with all appendices-{number:02}.txt"
            (texts / name).write_text(STORY * 10 * number, "utf-8")
        minutes = place / "minutes"
        minutes.mkdir()
        for number in (1, 6, 7):
            (minutes / f"{MONTHS[number - 1].lower()}.txt").write_text(STORY * 10 * number, "utf-8")
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
        run.run("rocketride-sync run words.pipe minutes/*.txt", environment)
        environment["ROCKETRIDE_TOKEN"] = client.use(pipeline=counting(FOLDER, "folder")).token
        wait = Terminal()
        wait.run(
            "rocketride-sync wait --interval 0.5 --timeout 60", environment, until=r"\b[3-7]\d%.*<\d\d:.*…"
        )
        tokens = [start(client, name, config) for name, config in ENDS.items()]
        client.wait_all(tokens)  # so that they are printed in this order
        (place / "tokens").write_text("\n".join(tokens), "utf-8")
        several = Terminal()
        several.run("rocketride-sync wait --no-progress - < tokens", environment)
        folder.mkdir(exist_ok=True)
        pictures = {
            "run": run.draw(),
            "waiting": wait.picture,
            "waited": wait.draw(),
            "several": several.draw(),
        }
        for name, picture in pictures.items():
            (folder / f"{name}.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    record(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
