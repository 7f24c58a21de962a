"""Change one thing at a time in a copy of the package, and see whether a test notices.

    python tools/mutants.py waiting                 a part: its modules, with the tests that belong to it
    python tools/mutants.py waiting --only outage   of its modules those with this in their name

tests/mutants.json names the parts: groups of modules, each with the tests that belong to it. It also names the modules that
nobody has walked through yet, and the changes that no test can notice, each with the reason. The run fails if another change
survives, or if one of those is noticed by now. A module that was not walked through yet is left out, unless `--only` names it.

Tests run in processes that have loaded them already (`loaded_tests.py`), which takes a tenth of the time. A change that survives
there, and is not listed, is tried again in a new process: one of more than functions and constants can be noticed only there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from loaded_tests import LoadedTests
from mutations import Mutation, count_mutations, mutations_of

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "tests" / "mutants.json"
COPIED = ("rocketride_sync", "tests", "schema", "examples", "pyproject.toml", "setup.cfg", "README.md")
# A change may make the tests wait for ever. The machine may be busy meanwhile.
LEAST_SECONDS = 60.0
TIMES_AS_LONG = 10.0


class Running(NamedTuple):
    """A run of the tests."""

    change: Tuple[Mutation, str]  # and the whole text of its module with it
    latest: float  # monotonic; of a new process
    noticed_by: Optional[int]  # see `LoadedTests.start`
    copy: Optional[Path]  # of a new process: where its change is


def copy_of_project(folder: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def start_new(copy: Path, tests: List[str]) -> int:
    """Run tests in a new process, which leads a group; its id."""
    # A module that is changed within a second, and keeps its size, looks as the one that was compiled before.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(ROOT / "tools" / "loaded_tests.py"), str(copy), *tests]
    quiet = [(os.POSIX_SPAWN_OPEN, output, os.devnull, os.O_WRONLY, 0) for output in (1, 2)]
    return os.posix_spawn(sys.executable, command, environment, file_actions=quiet, setsid=True)


def end_tests(pid: int) -> None:
    """End the process group of a test run, whatever is left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class Walk:
    """Goes through all changes of some modules, `jobs` at a time."""

    def __init__(self, tests_of: Dict[str, List[str]], jobs: int, known: Set[Mutation]) -> None:
        self._tests_of = tests_of
        self._modules = list(tests_of)
        self._jobs = jobs
        self._known = known
        self._running: Dict[int, Running] = {}
        self._again: List[Tuple[Mutation, str]] = []  # to be run in a new process
        self.found: Set[Mutation] = set()  # all changes there are
        self.survived: Set[Mutation] = set()
        self.timed_out = self.done = 0

    def run(self, folder: Path) -> None:
        self._folder = folder
        # Each forked process ends without taking away its temporary folder, and pytest looks through all that it finds beside its own.
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
        self._loaded = LoadedTests(copy_of_project(folder / "loaded"), self._run_all)
        tests = {name: None for named in self._tests_of.values() for name in named}
        if self._loaded.run(list(tests)):
            raise SystemExit("the tests cannot be loaded")

    def _run_all(self) -> None:
        seconds = self._loaded.measure(self._modules)
        self._total = sum(count_mutations(ROOT, module) for module in self._modules)
        self._began = self._told = time.monotonic()
        print(
            f"{self._total} changes of {len(self._modules)} modules; unchanged, the tests take {seconds:.1f} s",
            flush=True,
        )
        try:
            self._run_loaded()
            self._run_new()
        finally:
            for pid in self._running:
                end_tests(pid)

    def _run_loaded(self) -> None:
        for module in self._modules:
            for mutation, text in mutations_of(ROOT, module):
                self.found.add(mutation)
                self._wait_for_less_than(self._jobs)
                pid, noticed_by = self._loaded.start(module, text, self._tests_of[module])
                self._running[pid] = Running((mutation, text), math.inf, noticed_by, None)
        self._wait_for_less_than(1)

    def _run_new(self) -> None:
        print(f"{len(self._again)} of {self._total} in a new process each", flush=True)
        copies = []
        for number in range(self._jobs):
            copies.append(self._folder / str(number))
            shutil.copytree(self._folder / "loaded", copies[-1])  # with what was compiled
        for mutation, text in self._again:
            self._wait_for_less_than(self._jobs)
            copy = next(copy for copy in copies if all(run.copy != copy for run in self._running.values()))
            (copy / mutation.module).write_text(text, encoding="utf-8")
            pid = start_new(copy, self._own_tests_first(mutation.module))
            latest = time.monotonic() + max(LEAST_SECONDS, TIMES_AS_LONG * self._seconds_of(mutation.module))
            self._running[pid] = Running((mutation, text), latest, None, copy)
        self._wait_for_less_than(1)

    def _own_tests_first(self, module: str) -> List[str]:
        """The tests of the module; first those that are named as it, which probably notice."""
        tests = self._tests_of[module]
        own = [str(path.relative_to(ROOT)) for path in ROOT.glob(f"tests/**/test_{Path(module).stem}.py")]
        return [*(path for path in own if path.startswith(tuple(tests))), *tests]

    def _seconds_of(self, module: str) -> float:
        return self._loaded.seconds_of(self._tests_of[module])

    def _wait_for_less_than(self, running: int) -> None:
        while len(self._running) >= running:
            for pid, run in list(self._running.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended or self._is_late(run):
                    end_tests(pid)
                    self.timed_out += not ended
                    self._take(run, bool(ended) and status == 0)
                    del self._running[pid]
                    if not ended:
                        os.waitpid(pid, 0)
            time.sleep(0.005)
            self._tell()

    def _is_late(self, run: Running) -> bool:
        if run.noticed_by is not None:
            return self._loaded.hangs(run.noticed_by)
        return time.monotonic() > run.latest

    def _take(self, run: Running, survived: bool) -> None:
        """A run of the tests has ended."""
        mutation, _ = run.change
        if run.noticed_by is not None:
            self._loaded.take(run.noticed_by, not survived)
        if run.copy is not None:
            shutil.copy2(ROOT / mutation.module, run.copy / mutation.module)
        elif survived and mutation not in self._known:
            self._again.append(run.change)
            return
        self.done += 1
        if survived:
            self._add_survivor(mutation)

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


def tests_by_module(
    part: List[Dict[str, Any]], only: Optional[str], not_walked: Set[str]
) -> Dict[str, List[str]]:
    """The modules of a part that are to be walked through, each with its tests."""
    found = {
        module: group["tests"] for group in part for name in group["modules"] for module in _modules_in(name)
    }
    if only:
        return {module: tests for module, tests in found.items() if only in Path(module).name}
    return {module: tests for module, tests in found.items() if module not in not_walked}


def _modules_in(name: str) -> List[str]:
    paths = sorted((ROOT / name).glob("[a-z]*.py")) if (ROOT / name).is_dir() else [ROOT / name]
    return [path.relative_to(ROOT).as_posix() for path in paths]


def verdict(walk: Walk, modules: Set[str], known: Set[Mutation]) -> int:
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
    tests_of = tests_by_module(part, options.only, not_walked)
    if not tests_of:
        parser.error("no module to walk through: see `not_walked` in tests/mutants.json, and --only")
    known = {Mutation(*(entry[key] for key in Mutation._fields)) for entry in book["survivors"]}
    walk = Walk(tests_of, options.jobs, known)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        walk.run(Path(folder))
    result = verdict(walk, set(tests_of), known)
    for module in sorted(set(tests_by_module(part, None, set())) & not_walked):
        print(f"not walked through yet: {module}")
    return result


if __name__ == "__main__":
    sys.exit(main())
