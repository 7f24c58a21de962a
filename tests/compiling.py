"""Compiles the tests once for all workers, which else would each compile them all at the same time: 20 s more of work."""

import os
import subprocess
import sys

# Of fewer, each worker may as well compile its own.
MANY = 30
_PROCESSES = 2


def compile_once(config):
    """Compile the tests that `config` names, if many are not compiled yet.

    Pytest compiles what it collects, and offers no other way.
    """
    files = [path for path in _files(config) if not is_compiled(path)]
    if sys.dont_write_bytecode or len(files) < MANY:
        return
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "--numprocesses=0"]
    collect += ["-p", "no:cacheprovider"]
    processes = [
        subprocess.Popen(
            [*collect, *map(str, files[first::_PROCESSES])],
            cwd=str(config.rootpath),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for first in range(_PROCESSES)
    ]
    for process in processes:
        process.wait()  # what cannot be collected, the workers report


def _files(config):
    for word in config.args:
        path = config.rootpath / word.partition("::")[0]
        yield from sorted(path.rglob("test_*.py")) if path.is_dir() else [path]


def is_compiled(path):
    """Whether pytest has compiled this file, as it is now, for this Python."""
    name = f"{path.stem}.{sys.implementation.cache_tag}-pytest-*.pyc"
    written = [found.stat().st_mtime for found in path.parent.glob(os.path.join("__pycache__", name))]
    return bool(written) and max(written) >= path.stat().st_mtime
