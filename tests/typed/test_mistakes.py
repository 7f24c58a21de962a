"""Type checkers find the mistakes of users, and nothing in what is right.

A process each, of some seconds: what a type checker says can be seen in no other way.
"""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("mistakes.py")
ROOT = FILE.parents[2]
MARKED = {
    number
    for number, line in enumerate(FILE.read_text("utf-8").splitlines(), 1)
    if line.endswith("# mistake")
}

# A busy machine takes them some minutes.
pytestmark = [pytest.mark.lengthy, pytest.mark.timeout(600)]


def output(*command, file=FILE):
    environment = {**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *command, str(file)], cwd=ROOT, env=environment, capture_output=True, text=True
    ).stdout


def assert_found(lines, said):
    found = set(lines)
    assert found - MARKED == set(), f"right, and taken for a mistake: {said}"
    assert MARKED - found == set(), f"mistakes that were not found: {said}"


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy():
    said = output("mypy", "--no-error-summary")
    assert_found(map(int, re.findall(r"mistakes\.py:(\d+): error", said)), said)


@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_finds_nothing_in_the_scripts_of_the_tutorial(tmp_path):
    page = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    scripts = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(scripts) == 3
    for name, script in scripts:
        (tmp_path / name).write_text(script, "utf-8")
    assert output("mypy", "--no-error-summary", "--strict", file=tmp_path) == ""


@pytest.mark.skipif(find_spec("basedpyright") is None, reason="basedpyright is not installed")
def test_pyright():
    said = output("basedpyright", "--outputjson", "--pythonpath", sys.executable)
    found = [problem for problem in json.loads(said)["generalDiagnostics"] if problem["severity"] == "error"]
    assert_found([problem["range"]["start"]["line"] + 1 for problem in found], found)
