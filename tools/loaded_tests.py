"""The tests of `make mutants`, loaded once: each change runs them in a forked process, in which functions get changed code.

python tools/loaded_tests.py COPY TEST ...    loads and runs them: for a change that survives there
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import inspect
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

Key = Tuple[str, int]  # the name of a function, and the number of its first line
NewCode = Dict[Key, CodeType]
# A test that computes for so much longer than it does without a change is in an endless loop.
LEAST_CPU_SECONDS = 0.5
TIMES_AS_LONG = 3.0
# And one that takes so much longer waits for ever. The machine may be busy meanwhile.
LEAST_SECONDS = 6.0
TIMES_AS_LATE = 5.0
_SETUP_SECONDS = 0.01  # about; of any test
_FAILED = 1


class LoadedTests:
    """Tests in a process that has imported them, and the copy of the project that they are of.

    Args:
        copy: the copy of the project.
        then: called once the tests are loaded.
    """

    def __init__(self, copy: Path, then: Callable[[], None]) -> None:
        self._copy = copy
        self._then = then
        self._items: List[Any] = []
        self._cpu_seconds: Dict[str, float] = {}  # by test
        self._seconds: Dict[str, float] = {}  # by test
        self._runs: Dict[int, _Begun] = {}
        self._noticed: Counter[str] = Counter()  # changes, by test
        self._functions: Dict[str, Dict[Key, List[FunctionType]]] = {}  # by module

    def run(self, tests: List[str]) -> int:
        """Load the tests, and call `then`. Returns the exit status of pytest."""
        os.chdir(self._copy)
        sys.path[0] = os.environ["PYTHONPATH"] = str(self._copy)
        # Nothing is captured: processes that are forked would share the files.
        options = ["-x", "-q", "-p", "no:cacheprovider", "--numprocesses=0", "--capture=no"]
        return int(pytest.main([*options, *tests], plugins=[self]))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Hypothesis makes the same examples each time, and does not look for the shortest one that fails."""
        import hypothesis  # not before pytest

        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        profile = hypothesis.settings(
            phases=phases, derandomize=True, database=None, deadline=None, max_examples=30
        )
        hypothesis.settings.register_profile("mutants", profile)
        hypothesis.settings.load_profile("mutants")

    def pytest_runtestloop(self, session: Any) -> bool:
        self._items = session.items
        if not session.testsfailed:
            self._then()
        return True

    def run_all(
        self, begins: Callable[[Any], object] = lambda _: None, tests: Optional[List[str]] = None
    ) -> None:
        """Run all tests, or until one fails; ends the process. `begins` is told each test before it is run.

        With `tests`, only those in these files and folders. Those that have noticed most changes for the time they take
        come first, then those that take little time.
        """
        status = _FAILED
        try:
            items = sorted(self._items_in(tests), key=self._rank)
            for item, following in zip(items, [*items[1:], None]):
                begins(item)
                # The signal that comes then ends the process.
                longest = LEAST_CPU_SECONDS + TIMES_AS_LONG * self._cpu_seconds.get(item.nodeid, 5.0)
                signal.setitimer(signal.ITIMER_PROF, longest)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if item.session.testsfailed:
                    break
            else:
                status = 0
        finally:
            os._exit(status)

    def _items_in(self, tests: Optional[List[str]]) -> List[Any]:
        if tests is None:
            return self._items
        starts = tuple(f"{name}::" if name.endswith(".py") else f"{name}/" for name in tests)
        return [item for item in self._items if item.nodeid.startswith(starts)]

    def seconds_of(self, tests: List[str]) -> float:
        """How long these tests take without a change."""
        return sum(self._seconds.get(item.nodeid, 0.0) for item in self._items_in(tests))

    def _rank(self, item: Any) -> Tuple[float, float]:
        seconds = self._seconds.get(item.nodeid, 0.0)
        return -self._noticed[item.nodeid] / (_SETUP_SECONDS + seconds), seconds

    def measure(self, modules: List[str]) -> float:
        """How long the tests take without a change, which they must pass. `modules` are those to be changed."""
        gc.unfreeze()  # what is frozen is not found
        for module in modules:
            self._functions[module] = self._functions_of(module)
        gc.collect()
        gc.freeze()  # else each process that is forked would copy what it looks through
        began = time.monotonic()
        pid, reading = self._start(
            lambda: None, lambda item: f"{time.process_time()} {time.monotonic()} {item.nodeid}"
        )
        with os.fdopen(reading) as lines:
            times = [line.rstrip("\n").split(" ", 2) for line in lines]
        ended = time.monotonic()
        if os.waitpid(pid, 0)[1]:
            raise SystemExit(f"without any change this test fails, mend that first: {times[-1:]}")
        for (cpu, moment, name), (cpu_later, later, _) in zip(times, times[1:]):
            self._cpu_seconds[name] = float(cpu_later) - float(cpu)
            self._seconds[name] = float(later) - float(moment)
        self._seconds[times[-1][2]] = ended - float(times[-1][1])
        return ended - began

    def start(self, module: str, text: str, tests: List[str]) -> Tuple[int, int]:
        """Run tests with this text of a module; the process, which leads a group, and what `hangs` and `take` read.

        Of a text that changes more than functions, their defaults, and constants, no test may notice anything.
        """
        path, functions = str(self._copy / module), self._functions[module]
        before = compile(Path(path).read_text(encoding="utf-8"), path, "exec")
        after = compile(text, path, "exec")
        changed = changed_functions(before, after)

        def change() -> None:
            if changed is None or not all(key in functions for key in changed):
                namespace = set_constants(sys.modules[_name_of(module)], after)
                set_defaults(functions, namespace)
            else:
                for key, code in changed.items():
                    for function in functions[key]:
                        function.__code__ = code

        pid, reading = self._start(change, lambda item: str(self._items.index(item)), tests)
        os.set_blocking(reading, False)
        self._runs[reading] = _Begun(time.monotonic())
        return pid, reading

    def _start(
        self, change: Callable[[], None], told: Callable[[Any], str], tests: Optional[List[str]] = None
    ) -> Tuple[int, int]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            return pid, reading
        try:
            os.setsid()  # so that what the tests start can be ended with them
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            change()
            self.run_all(lambda item: os.write(writing, f"{told(item)}\n".encode()), tests)
        finally:
            os._exit(_FAILED)

    def hangs(self, reading: int) -> bool:
        """Whether the test that is run now waits for ever."""
        run = self._runs[reading]
        run.read(reading)
        usual = self._seconds.get(self._items[run.test].nodeid, 5.0) if run.test is not None else 0.0
        return time.monotonic() - run.at > LEAST_SECONDS + TIMES_AS_LATE * usual

    def take(self, reading: int, noticed: bool) -> None:
        """A run has ended. If a change was noticed, it was by the test that began last."""
        run = self._runs.pop(reading)
        run.read(reading)
        os.close(reading)
        if noticed and run.test is not None:
            self._noticed[self._items[run.test].nodeid] += 1

    def _functions_of(self, module: str) -> Dict[Key, List[FunctionType]]:
        importlib.import_module(_name_of(module))
        path, found = str(self._copy / module), {}
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename == path:
                found.setdefault(_key(thing.__code__), []).append(thing)
        return found


class _Begun:
    """The test that a run has begun last, by number, and when that was seen."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.test: Optional[int] = None

    def read(self, reading: int) -> None:
        with contextlib.suppress(BlockingIOError):
            # A number is written at once, so it is read whole.
            while told := os.read(reading, 65536).split():
                self.at, self.test = time.monotonic(), int(told[-1])


def changed_functions(before: CodeType, after: CodeType) -> Optional[NewCode]:
    """The new code of the outermost functions that differ; None if something outside of functions does."""
    if _outline(before) != _outline(after):
        return None
    changed: NewCode = {}
    for old, new in zip(_codes_in(before), _codes_in(after)):
        is_function = old.co_flags & inspect.CO_OPTIMIZED
        inner = {_key(old): new} if is_function else changed_functions(old, new)
        if inner is None or old.co_freevars != new.co_freevars:
            return None
        if old != new:
            changed.update(inner)
    return changed


def set_constants(module: ModuleType, code: CodeType) -> Dict[str, Any]:
    """Give the constants of a module the values that they have by this code of it, also where they were imported.

    Returns what the code defines.
    """
    namespace = {name: getattr(module, name) for name in ("__name__", "__package__", "__file__")}
    exec(code, namespace)  # noqa: S102 - it is the changed module
    for name, value in namespace.items():
        known = module.__dict__.get(name)
        is_constant = isinstance(value, (int, float, str, tuple, dict)) and not name.startswith("__")
        if is_constant and repr(value) != repr(known):
            for holder in list(sys.modules.values()):
                if holder.__dict__.get(name) is known:
                    setattr(holder, name, value)
    return namespace


def set_defaults(functions: Dict[Key, List[FunctionType]], namespace: Dict[str, Any]) -> None:
    """Give functions the defaults that arguments of the same ones in a namespace have."""
    for new in gc.get_objects():
        if isinstance(new, FunctionType) and new.__globals__ is namespace:
            for function in functions.get(_key(new.__code__), ()):
                for name in ("__defaults__", "__kwdefaults__"):
                    if repr(getattr(function, name)) != repr(getattr(new, name)):
                        setattr(function, name, getattr(new, name))


def _name_of(module: str) -> str:
    return module[: -len(".py")].replace("/", ".")


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    return (value for value in code.co_consts if isinstance(value, CodeType))


def _outline(code: CodeType) -> Tuple[Any, ...]:
    """What a module or a class does besides defining functions."""
    values = [repr(value) for value in code.co_consts if not isinstance(value, CodeType)]
    return code.co_code, code.co_names, values


def _key(code: CodeType) -> Key:
    return code.co_name, code.co_firstlineno


def main() -> None:
    copy, *names = sys.argv[1:]
    tests = LoadedTests(Path(copy), lambda: tests.run_all())
    tests.run(names)
    sys.exit(_FAILED)  # they could not be loaded


if __name__ == "__main__":
    main()
