"""Every block of code of the README and of every page of the documentation runs, and prints what is shown."""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import sys
import traceback
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from cases import each

from rocketride_sync.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "schema" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
KEY = "a-key-of-the-documentation"
FENCE = re.compile(r"^( *)(```+)(.*)$", re.MULTILINE)
# python, sh and text are run and compared; these show files, a diagram, or say something to Sphinx.
SHOWN = {
    "python",
    "sh",
    "text",
    "diagram",
    "help",
    "crontab",
    "ini",
    "toml",
    "json",
    "nginx",
    "powershell",
    "yaml",
    "typescript",
}


def languages(page: Path) -> list[str]:
    """What stands behind each opening fence."""
    found, open_fence = [], ""
    for fence, information in (match.group(2, 3) for match in FENCE.finditer(page.read_text("utf-8"))):
        if not open_fence:
            open_fence = fence
            found.append(information.strip())
        elif fence == open_fence and not information:
            open_fence = ""
    return found


@each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_block_says_what_it_is(page):
    """A block without a language would be run by nobody, and nobody would know."""
    strange = {language for language in languages(page) if not language.startswith("{")} - SHOWN
    assert not strange


@each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_left_out_has_its_reason(page):
    directives = re.findall(r"^<!--+ *skip\b.*$", page.read_text("utf-8"), re.MULTILINE)
    assert [line for line in directives if not re.fullmatch(r'<!-- skip: next ".+" -->', line)] == []


@each(
    "page",
    [page for page in PAGES if page.name not in ("README.md", "changelog.md")],
    ids=lambda page: page.name,
)
def test_a_page_says_whom_it_is_for(page):
    text = re.sub(r"^<!--.*-->\n+", "", page.read_text("utf-8"))
    title, paragraph = text.split("\n\n")[:2]
    assert title.startswith("# ")
    assert re.search(r"^For \w+", paragraph, re.MULTILINE)


def long_waits_without_ttl(text: str) -> list[str]:
    """The starts in blocks that wait for a minute or longer, if they leave the ttl to the server."""
    found = []
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        waits = re.findall(r"\.wait_until_complete\((?:timeout=)?([\d.]*)", block)
        if any(float(seconds or "inf") >= 60 for seconds in waits):
            found += [start for start in re.findall(r"\.use\([^()]*\)", block) if "ttl=" not in start]
    return found


def test_a_task_that_is_waited_for_for_long_has_a_ttl_of_the_callers():
    """An older server ends a task after 900 s without data, even if it is busy."""
    assert long_waits_without_ttl("```python\nt = c.use('x')\nt.wait_until_complete(timeout=60)\n```") == [
        ".use('x')"
    ]
    assert [start for page in PAGES for start in long_waits_without_ttl(page.read_text("utf-8"))] == []


RUN = [page for page in PAGES if {"python", "sh"} & set(languages(page))]


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    not find_spec("sybil") or not find_spec("fastapi"),
    reason="it takes requirements/docs.txt and the extra emulator",
)
@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page(page, tmp_path):
    """In a folder as a user has it: with the examples, and some pages to count the words of."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "docs").mkdir()
    for some in ("errors.md", "fields.md", "index.md", "protocol.md", "tutorial.md", "waiting.md"):
        shutil.copy(ROOT / "docs" / some, tmp_path / "docs")
    binaries = str(Path(sys.executable).parent)
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ROCKETRIDE_", "PYTEST_"))
        },
        "PATH": os.pathsep.join([binaries, os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "PYTEST_ADDOPTS": "-p no:schemathesis -p no:hypothesispytest",  # dear, and of no use to readers
    }
    with Emulator(root=tmp_path / "docs", api_key=KEY) as server:
        environment.update(ROCKETRIDE_URI=server.uri, ROCKETRIDE_APIKEY=KEY)
        status, said = read_forked(page, tmp_path, environment)
    assert status == 0, said


def read_forked(page: Path, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Read `page` in a process forked from this one, which has loaded what pages use; how it ends, and what it says.

    It begins as an interpreter with ``-W error`` does.
    """
    import reading

    with (folder / "said").open("w+", encoding="utf-8") as said:
        number = os.fork()
        if not number:
            try:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                for descriptor in (1, 2):
                    os.dup2(said.fileno(), descriptor)
                begin_anew(folder, environment)
                sys.argv = ["reading.py", str(page)]
                reading.main()
                sys.stdout.flush()
                os._exit(0)
            except BaseException:
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(1)
        status = os.waitpid(number, 0)[1]  # an alarm ends it
        said.seek(0)
        return status, said.read()


def begin_anew(folder: Path, environment: dict[str, str]) -> None:
    """Leave nothing of pytest's in this process: its streams, handlers of the log, signals and filters of warnings."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.WARNING)
    warnings.resetwarnings()
    warnings.simplefilter("error")
