"""Completion in a real shell, with the script that the command prints."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from command import environment, run

COMPLETE = """
source ./script
function=$(complete -p rocketride-sync | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
$function
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    pytest.importorskip("shtab")
    printed = run("--print-completion", "bash")
    assert (printed.returncode, printed.stderr) == (0, "")
    folder = tmp_path_factory.mktemp("completion")
    (folder / "script").write_text(printed.stdout, "utf-8")
    (folder / "words.pipe").touch()
    (folder / "texts").mkdir()
    return folder


def completed(folder, *words):
    """What bash offers for the last of `words`."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    command = ["bash", "--norc", "-c", COMPLETE, "bash", "rocketride-sync", *words]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, env=environment(), check=False
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["wa"], {"wait"}),
        (["s"], {"send", "status", "stop", "serve"}),
        (["wait", "--inter"], {"--interval"}),
        (["--transport", "http", "run", "--allow"], {"--allow-failures"}),
        (["run", "wor"], {"words.pipe"}),
        (["run", "words.pipe", "wor"], {"words.pipe"}),
        (["serve", "--root", "te"], {"texts"}),
        (["status", "--apikey-file", "wor"], {"words.pipe"}),
    ],
)
def test_what_bash_offers(script, words, offered):
    assert completed(script, *words) == offered


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_get_a_script_too(script, shell):
    printed = run("--print-completion", shell)
    assert printed.returncode == 0
    assert "rocketride-sync" in printed.stdout


def test_without_the_extra_the_error_names_it():
    hidden = (
        "import sys; sys.modules['shtab'] = None; from rocketride_sync.cli.main import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden, "--print-completion", "bash"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "rocketride-sync[completion]" in done.stderr
