"""What the generator writes for a small schema, compared as whole files.

After a wanted change: ``python -m codegen`` and ``python tests/codegen/test_golden.py``; then read the difference.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from codegen.__main__ import ROOT
from codegen.parse import parse
from codegen.render import render

GOLDEN = Path(__file__).parent / "golden"


def outputs():
    text = (GOLDEN / "sample.schema.json").read_text("utf-8")
    files = render([parse(text, "schema/sample.schema.json")])
    return {Path(name).name: content for name, content in files.items()}


@pytest.mark.parametrize("name", ["_sample.py", "fields.md"])
def test_output_is_the_golden_file(name):
    assert outputs()[name] == (GOLDEN / name).read_text("utf-8")


def test_output_depends_on_nothing_but_the_schema():
    assert outputs() == outputs()


@pytest.mark.parametrize("path", [GOLDEN / "_sample.py", *sorted(ROOT.glob("rocketride_sync/models/_*.py"))])
def test_output_is_formatted(path):
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    checked = subprocess.run([ruff, "format", "--diff", str(path)], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


if __name__ == "__main__":
    for file_name, file_text in outputs().items():
        (GOLDEN / file_name).write_bytes(file_text.encode("utf-8"))
