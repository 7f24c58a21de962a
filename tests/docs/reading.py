"""Read one page of the documentation as a user does: run what it shows, from top to bottom, in the current folder.

    python tests/docs/reading.py PAGE

* Python blocks share one namespace. It holds `client`, `token`, that of a task that runs for a second, and a list of `tokens`. A block whose first
  line is a file name in a comment, such as `# report.py`, is saved under that name instead, for a later command.
* Shell blocks (`sh`) are typed into one shell; a command that fails ends the reading. One that begins with `#!` is a script of
  its own. One that begins with `rocketride-sync serve`, with a folder before it or none, runs in another window until the page is through.
* A `text` block is what the block before it prints, where … stands for anything, and times and tokens for any others.
* Other blocks show contents of files, or diagrams. `<!-- skip: next "reason" -->` is the way to leave a block out,
  `<!-- invisible-code-block: python … -->` to run what readers need not see.

ROCKETRIDE_URI names an emulator of the folder `docs`, or else one is started. Where a page names places of a production machine, there are others of its own.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator
from unittest import SkipTest

import certifi
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

sys.path.append(str(Path(__file__).resolve().parents[1]))

KEY = "a-key-of-the-documentation"
SECONDS = 280
_END = "that was all"
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_CHANGING = (
    (r"\btk_[0-9a-zA-Z_]+…?", "tk_…"),
    (r"\b[0-9a-f]{8}\.", "…."),  # in a task's name, the beginning of its token
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\+00:00)?", "TIME"),
    (r"\d+\.\d+", "0.0"),
)
A_SECOND = {
    "project_id": "a-second",
    "source": "work",
    "components": [{"id": "work", "provider": "simulate", "config": {"seconds": 1, "total": 3}}],
}


class Shell:
    """One `sh`, as somebody has open while reading."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.type("set -eu")

    def type(self, commands: str) -> str:
        """Run `commands`; what they print."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Without its standard input, which holds the commands to come.
        self._process.stdin.write(f"{{ {commands}\n}} </dev/null\nprintf '\\n%s\\n' '{_END}'\n")
        self._process.stdin.flush()
        printed = []
        for line in self._process.stdout:
            if line.rstrip() == _END:
                return "".join(printed)[:-1]
            printed.append(line)
        raise AssertionError(f"the shell ended: exit code {self._process.wait()}\n{''.join(printed)}")

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


class Reader:
    """Who reads the page: with a shell, other windows, and an eye on what was printed last."""

    def __init__(self, places: Dict[str, str]) -> None:
        self._places = places
        self._shell = Shell()
        self._printed = ""
        self._windows: list[subprocess.Popen[str]] = []

    def python(self, example: Example) -> None:
        source = self._placed(example.parsed)
        name = re.match(r"# ([\w.-]+\.py)\n", source)
        if name:
            Path(name[1]).write_text(source, "utf-8")
            return
        lines = "\n" * (example.line + example.parsed.line_offset)
        code = compile(lines + source, example.path, "exec", dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            try:
                exec(code, example.namespace)
            except SystemExit as end:
                if end.code:
                    raise AssertionError(f"exit code {end.code}") from end
        self._printed = printed.getvalue()

    def sh(self, example: Example) -> None:
        commands = self._placed(example.parsed)
        if re.match(r"\S*rocketride-sync serve\b", commands):
            self._printed = self._serve(commands)
        elif commands.startswith("#!"):
            Path("script").write_text(commands, "utf-8")
            self._printed = self._shell.type("chmod +x script; ./script")
        else:
            self._printed = self._shell.type(commands)

    def text(self, example: Example) -> None:
        expected, printed = (_steady(self._placed(text)) for text in (example.parsed, self._printed))
        checker = doctest.OutputChecker()
        if not checker.check_output(expected.replace("…", "..."), printed.replace("…", "..."), _FLAGS):
            raise AssertionError(f"the page shows\n{expected}\nand it printed\n{printed}")

    def _serve(self, command: str) -> str:
        settings = {name: value for name, value in os.environ.items() if not name.startswith("ROCKETRIDE_")}
        window = subprocess.Popen(
            ["sh", "-c", f"exec {command}"], stdout=subprocess.PIPE, text=True, env=settings
        )
        self._windows.append(window)
        assert window.stdout is not None
        return window.stdout.readline()

    def _placed(self, text: str) -> str:
        for place, ours in self._places.items():
            text = text.replace(place, ours)
        return text

    def close(self) -> None:
        self._shell.close()
        for window in self._windows:
            with window:
                window.send_signal(signal.SIGINT)


def _steady(text: str) -> str:
    for pattern, constant in _CHANGING:
        text = re.sub(pattern, constant, text)
    return text


def read(page: Path, reader: Reader, namespace: Dict[str, object]) -> Iterator[str]:
    """Run every block of `page`; yields what was left out, and why."""
    languages = {"python": reader.python, "sh": reader.sh, "text": reader.text}
    parsers = [CodeBlockParser(language, evaluate) for language, evaluate in languages.items()]
    document = Sybil([*parsers, SkipParser()]).parse(page)
    document.namespace.update(namespace)
    for example in document.examples():
        try:
            example.evaluate()
        except SkipTest as reason:
            yield f"line {example.line}: {reason}"
        except Exception as error:
            raise AssertionError(
                f"{page.name}, line {example.line}: {type(error).__name__}: {error}"
            ) from error


def main() -> None:
    from serving import free_port

    signal.alarm(SECONDS)
    (page,) = sys.argv[1:]
    with contextlib.ExitStack() as stack:
        if "ROCKETRIDE_URI" not in os.environ:
            server = stack.enter_context(Emulator(root="docs", api_key=KEY))
            os.environ.update(ROCKETRIDE_URI=server.uri, ROCKETRIDE_APIKEY=KEY)
        client = stack.enter_context(RocketRideClient())
        places = {
            "https://api.rocketride.ai": os.environ["ROCKETRIDE_URI"],
            "/etc/ssl/internal-ca.pem": certifi.where(),
            "/etc/rocketride": f"{Path.cwd()}/etc",
            ".venv/bin": str(Path(sys.executable).parent),  # before those in which it would be found again
            "/srv/venv/bin": str(Path(sys.executable).parent),
            "/srv/nightly.pipe": f"{Path.cwd()}/examples/nightly.pipe",
            "/var/lib/nightly": f"{Path.cwd()}/var",
            "5565": str(free_port()),
        }
        reader = stack.enter_context(contextlib.closing(Reader(places)))
        token = client.use(pipeline=A_SECOND, ttl=0).token
        furnish(token)
        names = {"__name__": "__main__", "client": client, "token": token, "tokens": [token]}
        for skipped in read(Path(page), reader, names):
            print(skipped)


def furnish(token: str) -> None:
    """The files that pages speak of."""
    files = {
        "a.txt": "The quick brown fox\n",
        "b.txt": "jumps over the lazy dog\n",
        "etc/key": KEY,
        "var/token": token,
    }
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
