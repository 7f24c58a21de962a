"""Install this project, the extras that its tests use, and what development needs, into the environment this runs in.

python tools/install.py dev examples: what requirements/dev.txt and requirements/examples.txt list. In requirements files, not in
extras: whoever installs the package is not offered them, and an old pip need not choose among all versions of everything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# All that users are offered, but the frameworks: the examples bring Celery, and Airflow has an environment of its own.
EXTRAS = "completion,emulator,json5,progress,report,testing"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheel", help="the built wheel; without it, this checkout, editable")
    parser.add_argument("--constraint", action="append", default=[], help="a pip constraints file")
    parser.add_argument("--extras", default=EXTRAS, help="instead of %(default)s")
    parser.add_argument("files", metavar="NAME", nargs="*", help="of requirements/NAME.txt")
    options = parser.parse_args()
    what = [f"{options.wheel}[{options.extras}]"] if options.wheel else ["-e", f".[{options.extras}]"]
    for name in options.files:
        what += ["-r", str(ROOT / "requirements" / f"{name}.txt")]
    for constraint in options.constraint:
        what += ["--constraint", constraint]
    # Not all is ever imported. What is, Python compiles then.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    return subprocess.run([*pip, *what], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
