"""docs/architecture.md speaks of what there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FILES = sorted(set(re.findall(r"`([\w/]+\.(?:py|json))`", TEXT)))
QUOTED = set(re.findall(r"`((?:[A-Z]\w+|[a-z_]+)(?:\.\w+)*)(?:\(\w*\))?`", TEXT))
# Of the language and of the dependencies.
FOREIGN = ("None", "True", "fork", "attrs.", "cattrs.", "json.", "requests.")
NAMES = sorted(
    name for name in QUOTED if not name.endswith((".py", ".json")) and not name.startswith(FOREIGN)
)


@pytest.fixture(scope="module")
def source():
    return "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "rocketride_sync").rglob("*.py")))


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_there(name):
    places = [ROOT / name, *(ROOT / "rocketride_sync").rglob(Path(name).name)]
    assert any(place.is_file() and place.as_posix().endswith("/" + name) for place in places)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name, source):
    last = name.rpartition(".")[2]
    assert re.search(rf"\b(def|class) {last}\b|^\s*{last}\b\s*[:=]", source, re.MULTILINE)
