"""What the tests' workers need is compiled once, and not by each of them."""

import os
import sys
import types
from pathlib import Path

import compiling
import pytest


@pytest.fixture
def started(monkeypatch):
    """The commands that were started, instead of being run."""
    commands = []

    def start(command, **options):
        commands.append(command)
        return types.SimpleNamespace(wait=lambda: 0)

    monkeypatch.setattr(compiling, "subprocess", types.SimpleNamespace(Popen=start, DEVNULL=None))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return commands


@pytest.fixture
def config(tmp_path):
    for number in range(compiling.MANY):
        (tmp_path / f"test_{number}.py").touch()
    return types.SimpleNamespace(args=[str(tmp_path)], rootpath=tmp_path)


def compile_as_pytest_does(path):
    path.parent.joinpath("__pycache__").mkdir(exist_ok=True)
    path.parent.joinpath("__pycache__", f"{path.stem}.{sys.implementation.cache_tag}-pytest-1.pyc").touch()


@pytest.mark.skipif(sys.dont_write_bytecode, reason="nothing is compiled to a file")
def test_it_is_known_what_pytest_has_compiled():
    assert compiling.is_compiled(Path(__file__))


def test_a_file_that_has_changed_since_is_not_compiled(tmp_path):
    path = tmp_path / "test_it.py"
    path.touch()
    assert not compiling.is_compiled(path)
    compile_as_pytest_does(path)
    assert compiling.is_compiled(path)
    os.utime(path, (2**32, 2**32))
    assert not compiling.is_compiled(path)


def test_each_file_is_collected_once_before_the_workers_start(started, config, tmp_path):
    compiling.compile_once(config)
    collected = [word for command in started for word in command if word.endswith(".py")]
    assert sorted(collected) == sorted(map(str, tmp_path.glob("test_*.py")))
    assert len(started) == 2


def test_where_little_is_to_do_the_workers_do_it(started, config, tmp_path):
    compile_as_pytest_does(tmp_path / "test_0.py")
    compiling.compile_once(config)
    assert started == []


def test_where_nothing_is_written_it_would_be_in_vain(started, config, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    compiling.compile_once(config)
    assert started == []
