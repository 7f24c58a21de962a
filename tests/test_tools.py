"""What installs, and what chooses the Pythons that the tests run on."""

from __future__ import annotations

import configparser
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def pythons(monkeypatch):
    """`tools/test_pythons.py`; what it would run is gathered in its `ran`."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    # Its name is that of a test's module.
    import test_pythons

    ran = []
    monkeypatch.setattr(
        test_pythons, "run", lambda version, command, options: ran.append((version, command)) or True
    )
    monkeypatch.setattr(test_pythons, "ran", ran, raising=False)
    return test_pythons


def interpreter(folder: Path, version: str, works: bool = True) -> str:
    """A command that answers as a Python of this version, or one that has no `ensurepip`."""
    path = folder / f"python{version}"
    path.write_text(f"#!/bin/sh\necho {version}\n" if works else "#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return str(path)


posix = pytest.mark.skipif(sys.platform == "win32", reason="the interpreters are shell scripts")


@posix
@pytest.mark.parametrize(("which", "chosen"), [("--newest", "3.10"), ("--oldest", "3.8")])
def test_the_newest_and_the_oldest_are_so_by_number(which, chosen, pythons, tmp_path, monkeypatch):
    named = [interpreter(tmp_path, version) for version in ("3.9", "3.10", "3.8")]
    monkeypatch.setattr(sys, "argv", ["test_pythons.py", which, *named])
    assert pythons.main() == 0
    assert [version for version, _ in pythons.ran] == [chosen]


@posix
def test_the_newest_is_one_that_works(pythons, tmp_path, monkeypatch):
    interpreter(tmp_path, "3.12")
    interpreter(tmp_path, "3.15", works=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    monkeypatch.setattr(pythons, "SUPPORTED", ["3.12", "3.15"])
    monkeypatch.setattr(sys, "argv", ["test_pythons.py", "--newest"])
    assert pythons.main() == 0
    assert pythons.ran == [("3.12", [str(tmp_path / "python3.12")])]


@posix
def test_one_that_is_named_and_does_not_work_is_an_error(pythons, tmp_path, monkeypatch, capsys):
    named = interpreter(tmp_path, "3.15", works=False)
    monkeypatch.setattr(sys, "argv", ["test_pythons.py", named])
    assert pythons.main() == 1
    assert named in capsys.readouterr().err
    assert not pythons.ran


@posix
def test_a_command_that_ends_in_an_interpreter(pythons, tmp_path, monkeypatch):
    named = f"env {interpreter(tmp_path, '3.14')}"
    monkeypatch.setattr(sys, "argv", ["test_pythons.py", named])
    assert pythons.main() == 0
    assert pythons.ran == [("3.14", named.split())]


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    return parser


def test_the_supported_pythons_are_classified(pythons):
    listed = re.findall(r"Python :: (3\.\d+)$", setup_cfg()["metadata"]["classifiers"], re.MULTILINE)
    assert listed == pythons.SUPPORTED


def test_extras_are_for_users():
    """Each is one that a page tells of. What development needs is in requirements/."""
    pages = " ".join(
        path.read_text("utf-8") for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
    )
    extras = set(setup_cfg()["options.extras_require"])
    assert extras == {
        name
        for name in extras
        if re.search(rf"\[(\w+,)*{name}[],]|extras? `{name}`|extra:? {name}\b|`{name}`\)", pages)
    }


MUTANTS = json.loads((ROOT / "tests" / "mutants.json").read_text("utf-8"))


checkout = pytest.mark.skipif(not (ROOT / "rocketride_sync").is_dir(), reason="needs a checkout")


@checkout
def test_what_make_mutants_walks_through_is_there():
    groups = [group for part in MUTANTS["parts"].values() for group in part]
    named = [name for group in groups for name in group["modules"] + group["tests"]] + MUTANTS["not_walked"]
    assert [name for name in named if not (ROOT / name).exists()] == []
    modules = [name for group in groups for name in group["modules"]]
    assert len(set(modules)) == len(modules), "in one group, whose tests are those that count"


@checkout
def test_a_change_that_no_test_can_notice_is_one_of_a_line_that_is_there():
    for survivor in MUTANTS["survivors"]:
        assert survivor["was"] in " ".join((ROOT / survivor["module"]).read_text("utf-8").split())
        assert survivor["reason"]


def test_what_is_tested_are_extras(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import install

    assert set(install.EXTRAS.split(",")) <= set(setup_cfg()["options.extras_require"])
