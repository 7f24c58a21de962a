"""Run the tests on several Pythons, each in an environment of its own: .venv-3.8, .venv-3.13, ….

Looks for python3.8 to python3.13 on the PATH and among pyenv's versions.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]


def works(python: str | None, version: str) -> bool:
    """Whether it runs at all and is what its name says: a shim may stand for nothing."""
    if python is None:
        return False
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    result = subprocess.run([python, "-c", probe], capture_output=True, text=True, check=False)
    return result.stdout.strip() == version


def find(version: str) -> str | None:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python{version}"), *map(str, pyenv.glob(f"versions/{version}.*/bin/python"))]
    return next((python for python in candidates if works(python, version)), None)


def run(python: str, version: str, constraint: str | None, extras: str, pytest_arguments: list[str]) -> bool:
    folder = ROOT / (f".venv-{version}-lowest" if constraint else f".venv-{version}")
    inside = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    print(f"== Python {version}{' with the lowest dependencies' if constraint else ''}", flush=True)
    if not inside.exists():
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    install = [
        inside,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-e",
        f".[{extras}]",
    ]
    install += ["--constraint", constraint] if constraint else []
    subprocess.run(list(map(str, install)), check=True, cwd=ROOT)
    tests = [str(inside), "-m", "pytest", "-p", "no:cacheprovider", *pytest_arguments]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--ends", action="store_true", help="the oldest and the newest only")
    which.add_argument("--oldest", action="store_true", help="the oldest only")
    parser.add_argument("--constraint", help="a pip constraints file")
    parser.add_argument("--brief", action="store_true", help="without the lengthy tests")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args()
    found = [(version, python) for version in SUPPORTED for python in [find(version)] if python]
    if not found:
        print(f"no Python of {', '.join(SUPPORTED)} found", file=sys.stderr)
        return 1
    chosen = found[:1] if options.oldest else [found[0], *found[1:][-1:]] if options.ends else found
    extras = "dev,conformance"
    if options.brief:
        options.pytest += ["-m", "not lengthy"]
    else:
        extras += ",examples,docs"  # of use to lengthy tests alone
    failed = [v for v, python in chosen if not run(python, v, options.constraint, extras, options.pytest)]
    print("failed on Python " + ", ".join(failed) if failed else "passed on every Python tried", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
