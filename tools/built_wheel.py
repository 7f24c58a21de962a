"""The wheel, and a copy of this checkout without the package, so that nothing but what is installed can be imported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from check_dist import check_wheel

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "rocketride_sync"


def build(folder: Path) -> Path:
    """Build the wheel into `folder`, and check it."""
    # Of an earlier build: its modules would be in the wheel too.
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    check_wheel(wheel)
    return wheel


def copy_without_package(folder: Path) -> Path:
    """Copy the checkout to `folder`, and return that."""
    unwanted = shutil.ignore_patterns(".*", PACKAGE, "*.egg-info", "build", "dist", "site", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=unwanted)
    return folder
