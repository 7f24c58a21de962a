"""Completion in a real shell, with the script that the command prints."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from cases import each
from command import environment, run, run_here

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


OFFERED = [
    (["wa"], {"wait"}),
    (["s"], {"send", "status", "stop", "serve"}),
    (["wait", "--inter"], {"--interval"}),
    (["--transport", "http", "run", "--allow"], {"--allow-failures"}),
    (["run", "wor"], {"words.pipe"}),
    (["run", "words.pipe", "wor"], {"words.pipe"}),
    (["serve", "--root", "te"], {"texts"}),
    (["status", "--apikey-file", "wor"], {"words.pipe"}),
]


@each(("words", "offered"), OFFERED)
def test_what_bash_offers(script, words, offered):
    assert completed(script, *words) == offered


@pytest.fixture(scope="module")
def fish(script):
    """Run a fish that has loaded the script, in a home of its own."""
    import shtab

    if "fish" not in shtab.SUPPORTED_SHELLS or shutil.which("fish") is None:
        pytest.skip("needs fish, and a shtab that knows it")
    printed = run("--print-completion", "fish")
    assert (printed.returncode, printed.stderr) == (0, "")
    (script / "script.fish").write_text(printed.stdout, "utf-8")

    def offered(*words):
        lines = [f"complete -C '{' '.join(['rocketride-sync', *words])}'"]
        done = subprocess.run(
            ["fish", "--no-config", "-c", "\n".join(["source script.fish", *lines])],
            cwd=script,
            capture_output=True,
            text=True,
            timeout=60,
            env=environment(HOME=str(script), XDG_CONFIG_HOME=str(script), XDG_DATA_HOME=str(script)),
            check=False,
        )
        assert done.stderr == ""
        return {line.split("\t")[0].rstrip("/") for line in done.stdout.splitlines()}

    return offered


@each(("words", "offered"), OFFERED)
def test_what_fish_offers(fish, words, offered):
    assert fish(*words) == offered


def test_a_shtab_that_does_not_know_the_shell(monkeypatch, capsys):
    shtab = pytest.importorskip("shtab")
    monkeypatch.setattr(shtab, "SUPPORTED_SHELLS", ["bash", "zsh", "tcsh"])
    done = run_here(monkeypatch, capsys, "--print-completion", "fish")
    assert (done.code, done.stdout) == (2, "")
    assert "newer shtab" in done.stderr


@pytest.mark.parametrize("shell", ["zsh", "tcsh", "fish"])
def test_other_shells_get_a_script_too(script, shell):
    import shtab

    if shell not in shtab.SUPPORTED_SHELLS:
        pytest.skip("this shtab does not know it")
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
    assert done.stderr.endswith("install the extra 'completion' of rocketride-sync\n")
