"""Run the tests on several Pythons, each in an environment of its own: .venv-3.8, .venv-3.13, ….

Without a PYTHON, looks for python3.8 to python3.15 on the PATH and among pyenv's versions. A PYTHON is the path of an
interpreter, its name, or a command that ends in one, such as "chroot /srv/sid python3.15".
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from built_wheel import build, copy_without_package

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = [f"3.{minor}" for minor in range(8, 16)]
# The tests of the generator look at the generated sources of a checkout.
LEFT_OUT_OF_WHEEL = ["--ignore=tests/codegen"]


def version_of(command: list[str]) -> str:
    """As in "3.11"; "" if it does not work: a shim may stand for nothing, a part of it may not be installed."""
    probe = "import ensurepip, ssl, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([*command, "-c", probe], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def find(version: str) -> list[str] | None:
    """The command that runs this version, None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        shutil.which(f"python{version}"),
        *map(str, pyenv.glob(f"versions/{version}[.-]*/bin/python")),
    ]
    return next(([python] for python in candidates if python and version_of([python]) == version), None)


def run(version: str, command: list[str], options: argparse.Namespace) -> bool:
    """Whether the tests pass on it."""
    lowest = bool(options.constraint)
    kind = f"{'-wheel' if options.wheel else ''}{'-lowest' if lowest else ''}"
    folder = ROOT / f".venv-{version}{kind}"
    print(
        f"== Python {version}{', the wheel' * options.wheel}{', the lowest dependencies' * lowest}",
        flush=True,
    )
    launcher, inside = command[:-1], folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    python = [*launcher, str(inside)]
    if options.wheel:
        shutil.rmtree(folder, ignore_errors=True)
    # A link may lead to an interpreter that is seen only by `launcher`.
    if not os.path.lexists(inside):
        subprocess.run([*command, "-m", "venv", str(folder)], check=True)
    needs = ["dev", "conformance"] if options.brief else ["dev", "conformance", "examples", "docs"]
    install = [*python, str(ROOT / "tools" / "install.py"), *needs]
    install += ["--wheel", str(build(folder / "dist"))] if options.wheel else []
    install += ["--constraint", options.constraint] if lowest else []
    subprocess.run(install, check=True, cwd=ROOT)
    place = copy_without_package(folder / "checkout") if options.wheel else ROOT
    arguments = [*(LEFT_OUT_OF_WHEEL if options.wheel else []), *options.pytest]
    tests = [*python, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(tests, cwd=place, check=False).returncode == 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="pytest's arguments follow --",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--oldest", action="store_true", help="the oldest only")
    which.add_argument("--newest", action="store_true", help="the newest only")
    parser.add_argument(
        "--wheel", action="store_true", help="against the built wheel, in an empty environment"
    )
    parser.add_argument("--constraint", help="a pip constraints file")
    parser.add_argument("--brief", action="store_true", help="without the lengthy tests")
    parser.add_argument("pythons", metavar="PYTHON", nargs="*")
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_args(words[:end])
    options.pytest = [*words[end + 1 :], *(["-m", "not lengthy"] if options.brief else [])]
    return options


def main() -> int:
    options = parse()
    commands = [shlex.split(python) for python in options.pythons] or list(filter(None, map(find, SUPPORTED)))
    found = [(version_of(command), command) for command in commands]
    broken = [shlex.join(command) for version, command in found if not version]
    if broken or not found:
        problem = (
            f"no Python: {', '.join(broken)}" if broken else f"no Python of {', '.join(SUPPORTED)} found"
        )
        print(problem, file=sys.stderr)
        return 1
    found.sort(key=lambda python: tuple(map(int, python[0].split("."))))
    chosen = found[:1] if options.oldest else found[-1:] if options.newest else found
    failed = [version for version, command in chosen if not run(version, command, options)]
    print("failed on Python " + ", ".join(failed) if failed else "passed on every Python tried", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
