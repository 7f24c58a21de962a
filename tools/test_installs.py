"""Build the wheel, install it into the environment this runs in with what freezes and zips it, and run tests/installs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from built_wheel import build, copy_without_package

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    wheel = build(Path(sys.prefix) / "dist")
    install = [
        str(ROOT / "tools" / "install.py"),
        "--wheel",
        str(wheel),
        "--extras",
        "emulator,report",
        "installs",
    ]
    subprocess.run([sys.executable, *install], check=True)
    place = copy_without_package(Path(sys.prefix) / "checkout")
    tests = ["-m", "pytest", "-p", "no:cacheprovider", "--numprocesses=0", "tests/installs"]
    return subprocess.run([sys.executable, *tests], cwd=place, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
