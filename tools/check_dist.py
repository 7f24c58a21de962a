"""Check what the sdist and the wheel hold: all that belongs there and nothing else.

python tools/check_dist.py FOLDER
"""

from __future__ import annotations

import re
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "rocketride_sync"
SOURCES = {
    "benchmarks", "codegen", "constraints", "docs", "examples", "man", PACKAGE, f"{PACKAGE}.egg-info", "requirements", "schema",
    "tests", "tools",
    "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "Makefile", "PKG-INFO", "README.md", "SECURITY.md",
    "CODE_OF_CONDUCT.md", "CITATION.cff", "pyproject.toml", "setup.cfg", "setup.py",
}  # fmt: skip
RUBBISH = re.compile(r"__pycache__|\.py[cod]$|(^|/)\.(?!well-known)")


def schemas() -> set[str]:
    return {path.name for path in (ROOT / "schema").glob("*.json")}


def man_pages() -> set[str]:
    return {path.name for path in (ROOT / "man").glob("*.1")}


def check_wheel(wheel: Path) -> None:
    """The package, typed and with its schemas, its manual, and its metadata; no tests, no generator."""
    names = set(ZipFile(wheel).namelist())
    manual = f"{'-'.join(wheel.name.split('-')[:2])}.data/data/share/man/man1"
    strangers = {name for name in names if not name.startswith((f"{PACKAGE}/", f"{PACKAGE}-"))}
    wanted = {f"{PACKAGE}/py.typed", *(f"{PACKAGE}/schema/{name}" for name in schemas())}
    wanted |= {f"{manual}/{name}" for name in man_pages()}
    wanted |= {path.relative_to(ROOT).as_posix() for path in (ROOT / PACKAGE).glob("reporting/templates/*")}
    report(wheel, strangers | rubbish(names), wanted - names)


def check_sdist(sdist: Path) -> None:
    """All that a packager needs to build, check and test; nothing that building or testing left behind."""
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    strangers = {name for name in names if name.split("/")[0] not in SOURCES}
    wanted = {
        *(SOURCES & {name.name for name in ROOT.iterdir() if name.is_file()}),
        *(f"schema/{name}" for name in schemas()),
        *(f"man/{name}" for name in man_pages()),
    }
    report(sdist, strangers | rubbish(names), wanted - names)


def rubbish(names: set[str]) -> set[str]:
    return {name for name in names if RUBBISH.search(name)}


def report(archive: Path, unexpected: set[str], missing: set[str]) -> None:
    if unexpected or missing:
        raise SystemExit(f"{archive.name}: unexpected {sorted(unexpected)}, missing {sorted(missing)}")
    print(f"{archive.name}: what belongs there, and nothing else", flush=True)


def main() -> None:
    (folder,) = map(Path, sys.argv[1:])
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    check_wheel(wheel)
    check_sdist(sdist)


if __name__ == "__main__":
    main()
