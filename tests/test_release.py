"""What a release must be: its version, its changelog, the contents of its archives."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from rocketride_sync import __version__

ROOT = Path(__file__).resolve().parents[1]
HEADINGS = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
RELEASED = [heading for heading in HEADINGS if heading != "Unreleased"]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_headings_of_the_changelog():
    """`Unreleased` or the version on top, then `X.Y.Z - YYYY-MM-DD`, newest first."""
    assert "Unreleased" not in HEADINGS[1:]
    versions, dates = zip(*(heading.split(" - ") for heading in RELEASED)) if RELEASED else ((), ())
    assert list(versions) == sorted(versions, key=numbers, reverse=True)
    assert list(dates) == sorted(
        (datetime.date.fromisoformat(date).isoformat() for date in dates), reverse=True
    )


def test_the_changelog_fits_the_version():
    """A version is never older than what is released; it is the newest one once nothing is unreleased."""
    newest = RELEASED[0].split(" - ")[0] if RELEASED else "0.0.0"
    if HEADINGS[0] == "Unreleased":
        assert numbers(__version__) >= numbers(newest)
    else:
        assert __version__ == newest


def test_the_version_is_in_one_place():
    metadata = (ROOT / "setup.cfg").read_text("utf-8")
    assert "version = attr: rocketride_sync._version.__version__" in metadata


@pytest.mark.parametrize(
    ("extra", "missing", "complaint"),
    [
        ("tests/test_it.py", "", "tests/test_it.py"),
        ("rocketride_sync/client/__pycache__/client.cpython-311.pyc", "", "client.cpython-311.pyc"),
        ("", "rocketride_sync/schema/task_status.schema.json", "task_status.schema.json"),
        ("", "rocketride_sync/py.typed", "py.typed"),
    ],
)
def test_a_wheel_with_wrong_contents_is_noticed(tmp_path, extra, missing, complaint):
    schemas = {f"rocketride_sync/schema/{path.name}" for path in (ROOT / "schema").glob("*.json")}
    names = {"rocketride_sync/client/client.py", "rocketride_sync/py.typed", *schemas, extra} - {missing, ""}
    with ZipFile(tmp_path / "rocketride_sync-1-py3-none-any.whl", "w") as wheel:
        for name in names:
            wheel.writestr(name, "")
    (tmp_path / "rocketride_sync-1.tar.gz").touch()
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "check_dist.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert complaint in done.stderr


def test_a_build_takes_nothing_from_the_folder_of_an_earlier_one(tmp_path):
    """`pip install .` leaves it in the clone. A module that was removed since would be installed again."""
    pytest.importorskip("setuptools")
    stale = [tmp_path / "rocketride_sync" / name for name in ("gone.py", "cli/gone_command.py")]
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=100)
    assert (tmp_path / "rocketride_sync" / "cli" / "main.py").exists()
    assert [path for path in stale if path.exists()] == []


def test_a_build_into_the_sources_under_another_name_of_their_folder_deletes_none(tmp_path):
    """As a path in another letter case is on macOS: here a link, which is not resolved as that is not."""
    pytest.importorskip("setuptools")
    sources = tmp_path / "sources"
    (sources / "rocketride_sync").mkdir(parents=True)
    (tmp_path / "SOURCES").symlink_to(sources, target_is_directory=True)
    script = f"""
import runpy
from pathlib import Path
import setuptools
from setuptools.command.build_py import build_py
setuptools.setup = build_py.run = lambda *_, **__: None
made = runpy.run_path("setup.py")["BuildAnew"]
made.run.__globals__["ROOT"] = Path({str(sources)!r})
Path.resolve = Path.absolute
command = made.__new__(made)
command.build_lib, command.editable_mode = {str(tmp_path / "SOURCES")!r}, False
made.run(command)
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=100)
    assert (sources / "rocketride_sync").is_dir()
