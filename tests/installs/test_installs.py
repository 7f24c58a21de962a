"""The built wheel, installed in odd ways, runs a task to its end over both transports.

`make test-installs` makes the environment for it, with the wheel in `dist`; elsewhere these tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

pytest.importorskip("PyInstaller", reason="make test-installs")
pytest.importorskip("shiv", reason="make test-installs")

import rocketride_sync
from rocketride_sync.emulator import Emulator

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).resolve().parents[2]
PIPELINE = {
    "project_id": "installs",
    "source": "work",
    "components": [{"id": "work", "provider": "simulate", "config": {"seconds": 0.5, "total": 4}}],
}
ENTRY = "import sys\nfrom rocketride_sync.__main__ import main\nsys.exit(main())\n"


def run(*command: object, **variables: str) -> str:
    """What it prints. Nothing of this process's environment decides what it imports."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ROCKETRIDE_"))
    }
    done = subprocess.run(
        [str(word) for word in command],
        cwd=variables.pop("cwd", None),
        env={**kept, **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments: object, python: object = sys.executable) -> None:
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *arguments)


@pytest.fixture(scope="module")
def wheel():
    (built,) = (Path(sys.prefix) / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def folder_of_wheel(wheel, tmp_path_factory):
    """The wheel and what it needs, in a folder."""
    folder = tmp_path_factory.mktemp("target")
    pip("--target", folder, wheel)
    return folder


@pytest.fixture(scope="module")
def server():
    with Emulator(api_key="key") as running:
        yield running


def works(server, folder: Path, *command: object) -> None:
    """The command knows its version, and runs a task to its end."""
    assert rocketride_sync.__version__ in run(*command, "--version", cwd=str(folder))
    (folder / "task.pipe").write_text(json.dumps(PIPELINE), "utf-8")
    for transport in ("websocket", "http"):
        printed = run(
            *command, "run", "task.pipe", "--transport", transport, "--json", "--timeout", "60",
            cwd=str(folder), ROCKETRIDE_URI=server.uri, ROCKETRIDE_APIKEY="key",
        )  # fmt: skip
        assert json.loads(printed)["outcome"] == "succeeded"


def test_the_wheel_alone(wheel, server, tmp_path):
    """With its four dependencies, in an empty environment."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    binaries = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip(wheel, python=binaries / "python")
    works(server, tmp_path, binaries / "rocketride-sync")


def test_a_zipapp(folder_of_wheel, server, tmp_path):
    zipapp.create_archive(folder_of_wheel, tmp_path / "app.pyz", main="rocketride_sync.__main__:main")
    works(server, tmp_path, sys.executable, "-I", tmp_path / "app.pyz")


def test_shiv(wheel, server, tmp_path):
    run(
        sys.executable,
        "-m",
        "shiv",
        "-c",
        "rocketride-sync",
        "-o",
        tmp_path / "app.pyz",
        "--no-cache-dir",
        wheel,
    )
    works(
        server, tmp_path,
        "env", f"SHIV_ROOT={tmp_path / 'shiv'}", sys.executable, "-I", tmp_path / "app.pyz",
    )  # fmt: skip


def test_pyinstaller_with_a_report(server, tmp_path):
    """From this environment, where the wheel is installed with the extra `report`."""
    (tmp_path / "entry.py").write_text(ENTRY)
    run(
        sys.executable,
        "-m",
        "PyInstaller",
        "--log-level",
        "ERROR",
        "--name",
        "app",
        "entry.py",
        cwd=str(tmp_path),
    )
    app = tmp_path / "dist" / "app" / "app"
    works(server, tmp_path, app)
    run(
        app, "run", "task.pipe", "--report", "page.html", "--timeout", "60",
        cwd=str(tmp_path), ROCKETRIDE_URI=server.uri, ROCKETRIDE_APIKEY="key",
    )  # fmt: skip
    assert (tmp_path / "page.html").read_text("utf-8").count("<svg") >= 2
