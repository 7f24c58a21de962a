"""Change one thing at a time in a copy of the package, and see whether a test notices.

    python tools/mutants.py waiting                 a part: its modules, with the tests that belong to it
    python tools/mutants.py waiting --only outage   of its modules those with this in their name

tests/mutants.json names the parts, the modules that nobody has walked through yet, and the changes that no test can notice, each
with the reason. The run fails if another change survives, or if one of those is noticed by now. A module that was not walked
through yet is left out, unless `--only` names it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import attr  # noqa: F401 - see `start_tests`
import cattrs  # noqa: F401
import pytest
import requests  # noqa: F401
import websocket  # noqa: F401
from mutations import Mutation, count_mutations, mutations_of

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "tests" / "mutants.json"
COPIED = ("rocketride_sync", "tests", "schema", "examples", "pyproject.toml", "setup.cfg", "README.md")
# A change may make a loop endless. The machine may be busy meanwhile.
LEAST_SECONDS = 20.0
TIMES_AS_LONG = 5.0


class Running(NamedTuple):
    """A test run in a process of its own, over a copy of the project."""

    copy: Path
    mutation: Mutation
    began: float


def copy_of_project(folder: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def start_tests(copy: Path, stages: List[List[str]], quiet: bool = True) -> int:
    """Run tests in a forked process, those of a stage if those of the last one passed; the id of the process.

    It has loaded already what takes long, and what is not changed.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.setsid()  # so that what the tests start can be ended with them
        if quiet:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        os.chdir(copy)
        sys.path[0] = os.environ["PYTHONPATH"] = str(copy)
        # A module that is changed within a second, and keeps its size, looks as the one that was compiled before.
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        for tests in stages:
            status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--numprocesses=0", *tests]))
            if status:
                break
    finally:
        sys.stdout.flush()
        os._exit(status)


def end_tests(pid: int) -> None:
    """End the process group of a test run, whatever is left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def unchanged_seconds(copy: Path, tests: List[str]) -> float:
    """How long the tests take without a change, which they must pass."""
    began = time.monotonic()
    pid = start_tests(copy, [tests], quiet=False)
    _, status = os.waitpid(pid, 0)
    if status:
        raise SystemExit("the tests fail without any change: mend that first")
    return time.monotonic() - began


class Walk:
    """Goes through all changes of some modules, `jobs` at a time."""

    def __init__(self, modules: List[str], tests: List[str], jobs: int, known: Set[Mutation]) -> None:
        self._modules = modules
        self._tests = tests
        self._jobs = jobs
        self._known = known
        self._running: Dict[int, Running] = {}
        self.found: Set[Mutation] = set()  # all changes there are
        self.survived: Set[Mutation] = set()
        self.timed_out = self.done = 0

    def run(self, folder: Path) -> None:
        copies = [copy_of_project(folder / str(number)) for number in range(self._jobs)]
        seconds = unchanged_seconds(copies[0], self._tests)
        self._limit = max(LEAST_SECONDS, seconds * TIMES_AS_LONG)
        self._total = sum(count_mutations(ROOT, module) for module in self._modules)
        self._began = self._told = time.monotonic()
        print(
            f"{self._total} changes of {len(self._modules)} modules; unchanged, the tests take {seconds:.1f} s"
        )
        try:
            for mutation, text in self._mutations():
                while not copies:
                    copies += self._wait()
                copy = copies.pop()
                (copy / mutation.module).write_text(text, encoding="utf-8")
                pid = start_tests(copy, self._stages(mutation.module))
                self._running[pid] = Running(copy, mutation, time.monotonic())
            while self._running:
                self._wait()
        finally:
            for pid in self._running:
                end_tests(pid)

    def _mutations(self) -> Iterator[Tuple[Mutation, str]]:
        for module in self._modules:
            for mutation, text in mutations_of(ROOT, module):
                self.found.add(mutation)
                yield mutation, text

    def _stages(self, module: str) -> List[List[str]]:
        """The tests named as the module, else the first of the part, which notice most; then all."""
        own = [str(path.relative_to(ROOT)) for path in ROOT.glob(f"tests/**/test_{Path(module).stem}.py")]
        return [[path for path in own if path.startswith(tuple(self._tests))] or self._tests[:1], self._tests]

    def _wait(self) -> List[Path]:
        """Wait for test runs to end; the copies that are free then, without their change."""
        free = []
        for pid, run in list(self._running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            late = time.monotonic() - run.began > self._limit
            if not (ended or late):
                continue
            end_tests(pid)
            if not ended:
                os.waitpid(pid, 0)
                self.timed_out += 1
            elif status == 0:
                self._add_survivor(run.mutation)
            del self._running[pid]
            shutil.copy(ROOT / run.mutation.module, run.copy / run.mutation.module)
            free.append(run.copy)
            self.done += 1
        if not free:
            time.sleep(0.02)
        self._tell()
        return free

    def _add_survivor(self, mutation: Mutation) -> None:
        self.survived.add(mutation)
        if mutation not in self._known:
            print(f"survived: {described(mutation)}", flush=True)

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told < 15.0 or not self.done:
            return
        self._told = now
        spent = now - self._began
        left = spent / self.done * (self._total - self.done)
        print(
            f"{self.done} of {self._total}, {spent / 60:.1f} min, about {left / 60:.1f} min to go", flush=True
        )


def described(mutation: Mutation) -> str:
    return f"{mutation.module}, {mutation.place or 'module'}\n    {mutation.was}\n    {mutation.becomes}"


def modules_of(part: Dict[str, Any], only: Optional[str], not_walked: Set[str]) -> List[str]:
    """The modules of a part that are to be walked through."""
    found: List[str] = []
    for name in part["modules"]:
        paths = sorted((ROOT / name).glob("[a-z]*.py")) if (ROOT / name).is_dir() else [ROOT / name]
        found += [path.relative_to(ROOT).as_posix() for path in paths]
    if only:
        return [module for module in found if only in Path(module).name]
    return [module for module in found if module not in not_walked]


def verdict(walk: Walk, modules: List[str], known: Set[Mutation]) -> int:
    """Compare what survived with what is known to; 0 if they are the same."""
    known = {mutation for mutation in known if mutation.module in modules}
    groups = {
        "survived, and is not listed: write a test that notices it, or list it with the reason": walk.survived
        - known,
        "listed, but noticed by a test now: take it out": (known - walk.survived) & walk.found,
        "listed, but there is no such line any more: take it out": known - walk.found,
    }
    for what, mutations in groups.items():
        for mutation in sorted(mutations):
            print(f"\n{what}\n  {described(mutation)}")
    wrong = sum(map(len, groups.values()))
    print(
        f"\n{walk.done} changes: {len(walk.survived)} survived, {len(known & walk.survived)} of these as listed; "
        f"{walk.timed_out} ended by the time limit. {'FAILED' if wrong else 'passed'}"
    )
    return 1 if wrong else 0


def main() -> int:
    book = json.loads(BOOK.read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=sorted(book["parts"]))
    parser.add_argument("--only", help="modules with this in their name, walked through before or not")
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time; default %(default)s")
    options = parser.parse_args()
    part, not_walked = book["parts"][options.part], set(book["not_walked"])
    modules = modules_of(part, options.only, not_walked)
    if not modules:
        parser.error("no module to walk through: see `not_walked` in tests/mutants.json, and --only")
    known = {Mutation(*(entry[key] for key in Mutation._fields)) for entry in book["survivors"]}
    walk = Walk(modules, part["tests"], options.jobs, known)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        walk.run(Path(folder))
    result = verdict(walk, modules, known)
    for module in sorted(set(modules_of(part, None, set())) & not_walked):
        print(f"not walked through yet: {module}")
    return result


if __name__ == "__main__":
    sys.exit(main())
