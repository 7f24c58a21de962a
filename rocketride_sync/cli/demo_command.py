"""`rocketride-sync demo`: a local server counts the words of real files, and this library waits for it."""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from ..errors import ConfigurationError
from . import command_result, output, signals
from .exit_codes import ExitCode
from .progress import ProgressPrinter, choose_display
from .server_options import add_verbose_option

HELP = "watch a task count the words of real files, on a local server (extra: emulator)"
EPILOG = "The task is slowed down to a few seconds, so that you can watch it."

_PACKAGE = Path(__file__).resolve().parents[1]
_MOST_FILES = 1000
_SECONDS = 4.0
_INTERVAL = 0.25
_NO_FILES = "there are no files to count the words of; name some, or a directory with some"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help=f"files, or directories with files; the first {_MOST_FILES} are taken (default: this project)",
    )
    add_verbose_option(parser)


def run(args: argparse.Namespace) -> ExitCode:
    from ..emulator.server import require_extra

    require_extra()
    root, names = _below_one_root([Path(path) for path in args.paths] or _default_files())
    output.print_note(f"Counting the words of {len(names)} files in {output.safe_text(str(root))}")
    return command_result.print_outcome(_count_words(root, names))


def _count_words(root: Path, names: List[str]) -> Any:
    import secrets  # 4 ms that other commands save

    from ..client.client import RocketRideClient
    from ..emulator import Emulator

    key = secrets.token_urlsafe(24)
    with Emulator(root=root, api_key=key) as server:
        token = server.start(_pipeline(names))
        output.print_note(f"Started a task on {server.uri}; waiting for its end")
        try:
            with RocketRideClient(server.uri, key, proxies={}) as client, ProgressPrinter(
                choose_display(shown=True)
            ) as printer:
                return client.wait_until_complete(token, interval=_INTERVAL, on_progress=printer)
        except signals.STOP_EXCEPTIONS as stop:
            stopped = signals.with_task_state(stop, "the task ended with its server")
        raise stopped


def _pipeline(names: List[str]) -> Dict[str, Any]:
    files = {"paths": names, "delay": _SECONDS / len(names)}
    return {
        "project_id": "demo",
        "source": "files_1",
        "components": [
            {"id": "files_1", "provider": "files", "name": "Word count", "config": files},
            {"id": "words_1", "provider": "wordcount", "input": [{"lane": "data", "from": "files_1"}]},
        ],
    }


def _default_files() -> List[Path]:
    """The texts and sources of this project if it is a checkout, else the installed sources."""
    project = _PACKAGE.parent
    if not (project / "setup.cfg").is_file():
        return [_PACKAGE]
    return [*sorted(project.glob("*.md")), project / "docs", _PACKAGE]


def _below_one_root(paths: Iterable[Path]) -> Tuple[Path, List[str]]:
    """The directory that holds all files of `paths`, and their names below it, with forward slashes.

    Raises:
        ConfigurationError: there are none, or nothing holds them all.
    """
    found = (file.resolve() for path in paths for file in _files(path))
    files = list(itertools.islice(found, _MOST_FILES))
    if not files:
        raise ConfigurationError(_NO_FILES)
    try:
        root = Path(os.path.commonpath([file.parent for file in files]))
    except ValueError:  # Windows: files on several drives
        root = None
    if root is None:
        raise ConfigurationError("the files must be on one drive")
    names = [name for name in (file.relative_to(root).as_posix() for file in files) if _can_be_sent(name)]
    if not names:
        raise ConfigurationError(_NO_FILES)
    return root, names


def _can_be_sent(name: str) -> bool:
    """Whether a pipeline can name the file: JSON holds no bytes that are not UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        output.print_note(f"Skipped, because its name or the locale is not UTF-8: {output.safe_text(name)}")
        return False
    return True


def _files(path: Path) -> Iterator[Path]:
    """`path` if it is a file, else the files below it; hidden ones and links to nothing are left out."""
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise ConfigurationError(f"there is no file or directory {output.safe_text(str(path))}")
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        found = (Path(folder, name) for name in sorted(names) if not _is_hidden(name))
        # A folder may hold pipes, and links to nothing or to themselves.
        yield from filter(os.path.isfile, found)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__pycache__"))
