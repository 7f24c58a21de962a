"""What of the documentation is made by programs is as they make it today."""

from __future__ import annotations

import argparse
import ast
import html
import inspect
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import rocketride_sync
from rocketride_sync.cli.exit_codes import ExitCode
from rocketride_sync.cli.main import make_parser

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=100,
        check=False,
    )


def test_the_reference_of_the_command_line():
    done = run("tools/cli_reference.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_manual():
    done = run("tools/man_pages.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_the_manual_is_as_its_formatter_wants_it():
    pages = sorted(map(str, (ROOT / "man").glob("*.1")))
    assert len(pages) > 9
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", *pages],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_manual_says_what_the_help_says():
    parser = make_parser()
    (commands,) = (
        action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    )
    for name, child in {"": parser, **commands}.items():
        page = (ROOT / "man" / f"{'-'.join(filter(None, ('rocketride-sync', name)))}.1").read_text("utf-8")
        shown = page.replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "").replace("\\e", "\\")
        for action in child._actions:
            assert all(option in shown for option in action.option_strings)
            assert (action.help or "") % vars(action) in shown
        assert (child.epilog or "").strip() in shown.replace(".nf\n", "").replace(".fi\n", "")


def test_every_exit_code_is_explained():
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert explained == {int(code) for code in ExitCode}


def test_every_exit_code_is_a_row_of_the_reference():
    """Lines of a block would be broken anywhere in a narrow window."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    codes = {int(code) for code in re.findall(r"^\| `(\d+)` \| \w.* \|$", page, re.MULTILINE)}
    assert codes == {int(code) for code in ExitCode}


def test_every_error_is_explained():
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    explained = set(re.findall(r"^\| [├│└ ]*`(\w+Error)` \|", page, re.MULTILINE))
    errors = {name for name in rocketride_sync.__all__ if name.endswith("Error")}
    assert explained == errors - {"RocketRideError"}


def internal_errors() -> set[str]:
    """The names of the errors that may come out of a call, and are not public."""
    bases: dict[str, set[str]] = {}
    for path in (ROOT / "rocketride_sync").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    known = public = {name for name in rocketride_sync.__all__ if name.endswith("Error")}
    while True:
        more = {name for name, of in bases.items() if of & known} - known
        if not more:
            return known - public
        known = known | more


def test_every_error_that_a_traceback_may_name_is_explained_where_its_parents_are():
    page = (ROOT / "docs" / "errors.md").read_text("utf-8").partition("### How it ended")[0]
    names = internal_errors()
    assert "UpgradeSilentError" in names
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_every_public_name_is_in_the_reference():
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    missing = [name for name in rocketride_sync.__all__ if not re.search(rf"\b{name}\b", page)]
    assert missing == ["__version__"]


def test_properties_are_described_by_a_sentence():
    """Sphinx takes what stands before a colon in the first line for the type."""
    values = (getattr(rocketride_sync, name) for name in rocketride_sync.__all__)
    members = (member for cls in values if isinstance(cls, type) for _, member in inspect.getmembers(cls))
    lines = [
        member.__doc__.split("\n")[0] for member in members if isinstance(member, property) and member.__doc__
    ]
    assert lines
    assert [line for line in lines if ":" in line] == []


def shown(picture: Path) -> str:
    """The text in a picture of a terminal, without what differs from one recording to the next."""
    lines = re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text("utf-8"), re.DOTALL)
    text = html.unescape("".join(lines)).replace("\xa0", " ")
    text = re.sub(r"\|[ \u2588-\u258f]*\|", "|bar|", text)
    return re.sub(r"\b[0-9a-f]{8}\.|[\d:,.]+", "0", " ".join(text.split()))


@pytest.mark.skipif(
    sys.platform == "win32" or not find_spec("pyte"), reason="it takes requirements/docs.txt, and a pty"
)
def test_the_recordings(tmp_path):
    done = run("tools/record_terminal.py", str(tmp_path))
    assert done.returncode == 0, done.stderr
    for name in ("run.svg", "waiting.svg", "waited.svg", "several.svg"):
        assert shown(tmp_path / name) == shown(ROOT / "docs" / "terminal" / name)
