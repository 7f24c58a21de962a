"""docs/architecture.md speaks of what there is."""

import re
from pathlib import Path

import pytest
from cases import each

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FILES = sorted(set(re.findall(r"`([\w/]+\.(?:py|json))`", TEXT)))
LISTED_FILE = re.compile(r"^    (\w+\.py)  ", re.MULTILINE)
QUOTED = set(re.findall(r"`((?:[A-Z]\w+|[a-z_]+)(?:\.\w+)*)(?:\(\w*\))?`", TEXT))
# Of the language and of the dependencies.
FOREIGN = ("None", "True", "fork", "attrs.", "cattrs.", "json.", "requests.")
NAMES = sorted(
    name for name in QUOTED if not name.endswith((".py", ".json")) and not name.startswith(FOREIGN)
)


@pytest.fixture(scope="module")
def defined():
    """What the package defines or assigns, at any depth."""
    files = sorted((ROOT / "rocketride_sync").rglob("*.py"))
    source = "\n".join(path.read_text("utf-8") for path in files)
    found = re.findall(r"\b(?:def|class) (\w+)|^[ \t]*(\w+)\s*[:=]", source, re.MULTILINE)
    return {name for pair in found for name in pair if name}


@pytest.fixture(scope="module")
def package_files():
    return ["/" + path.as_posix() for path in (ROOT / "rocketride_sync").rglob("*.*")]


@each("name", FILES)
def test_every_file_is_there(name, package_files):
    assert (ROOT / name).is_file() or any(file.endswith("/" + name) for file in package_files)


@each("name", NAMES)
def test_every_name_is_there(name, defined):
    assert name.rpartition(".")[2] in defined


def test_a_package_that_lists_its_modules_lists_them_all():
    listing = {}
    for package in (ROOT / "rocketride_sync").rglob("__init__.py"):
        listed = LISTED_FILE.findall(package.read_text("utf-8"))
        if listed:
            listing[package.parent.name] = sorted(listed)
    assert sorted(listing) == ["http", "websocket"]
    for name, listed in listing.items():
        folder = ROOT / "rocketride_sync" / "transports" / name
        assert listed == sorted(path.name for path in folder.glob("*.py") if path.name != "__init__.py")
