"""Build the wheel, install it in an empty environment, and run the tests against what was installed.

The tests run in a copy of this checkout without the package, so that nothing but the wheel can be imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from check_dist import check_wheel

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".venv-wheel"
PACKAGE = "rocketride_sync"
# The tests of the generator look at the generated sources of a checkout.
LEFT_OUT = ["--ignore=tests/codegen"]


def build(folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def copy_without_package(folder: Path) -> None:
    unwanted = shutil.ignore_patterns(".*", PACKAGE, "*.egg-info", "build", "dist", "site", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=unwanted)


def main() -> int:
    shutil.rmtree(PLACE, ignore_errors=True)
    wheel = build(PLACE / "dist")
    check_wheel(wheel)
    python = PLACE / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*install, f"{wheel}[dev,conformance]"], check=True)
    copy_without_package(PLACE / "checkout")
    tests = [str(python), "-m", "pytest", *LEFT_OUT, *sys.argv[1:]]
    return subprocess.run(tests, cwd=PLACE / "checkout", check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
