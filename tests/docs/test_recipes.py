"""What the documentation shows for cron, systemd and Celery runs as printed, with no more environment than they give.

Nothing is mailed here: what would be is compared, all that a job of cron prints.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis_server import QUIET, redis_server

from rocketride_sync import RocketRideClient

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not find_spec("fastapi"),
    reason="it takes a POSIX shell and the extra emulator",
)

ROOT = Path(__file__).resolve().parents[2]
CRON = (ROOT / "docs" / "cron.md").read_text("utf-8")
CELERY = (ROOT / "docs" / "celery.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
KEY = "key-5f3a9c1e-secret"
SECONDS = 100
ENDING = 10  # seconds that `run` may take to end its task


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def jobs(page):
    """The commands of the lines of a crontab of the system, which name a user."""
    lines = [line for block in blocks(page, "crontab") for line in block.splitlines()]
    return [line.split(None, 6)[6] for line in lines if not re.match(r"\w+=|#|$", line)]


SCRIPTS = [block for page in (CRON, README) for block in blocks(page, "sh") if block.startswith("#!")]
JOBS = jobs(CRON)
EXAMPLE = next(
    line.split(None, 7)[-1]
    for line in (ROOT / "examples" / "cron_job.py").read_text("utf-8").splitlines()
    if re.match(r"#\s+\d+ \d+ \* \* \*", line)
)
UNITS = {block.split("\n")[0].rpartition("/")[2]: block for block in blocks(CRON, "ini")}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from rocketride_sync.emulator import Emulator

    root = tmp_path_factory.mktemp("texts")
    (root / "a.txt").write_text("one two three")
    fast = {"init_seconds": 0, "handshake_seconds": 0.001, "early_end": 0, "stop_seconds": 0}
    with Emulator(root=root, api_key=KEY, **fast) as running:
        yield running


class Machine:
    """A machine in a folder: the places that the pages name, and a user who has nothing but a home."""

    def __init__(self, folder, uri):
        self.folder = folder
        self.places = {
            "/srv/venv/bin": folder / "venv" / "bin",
            "/opt/venv/bin": folder / "venv" / "bin",
            "/srv/": f"{folder}/srv/",
            "/opt/": f"{folder}/srv/",
            "/etc/rocketride": folder / "etc",
            "/var/lib/nightly": folder / "var",
            "https://api.rocketride.ai": uri,
        }
        for name in ("venv/bin", "srv", "etc", "var", "home"):
            (folder / name).mkdir(parents=True)
        # An installation in a place of its own; what is tested here may be found by PYTHONPATH alone.
        self._install("rocketride-sync", "-m rocketride_sync")
        self._install("python", "")
        for example in ("nightly.pipe", "cron_job.py"):
            shutil.copy(ROOT / "examples" / example, folder / "srv")
        (python,) = (block for block in blocks(CRON, "python") if block.startswith("# nightly.py"))
        (folder / "srv" / "nightly.py").write_text(self.placed(python))

    def _install(self, name, options):
        path = shlex.quote(os.environ.get("PYTHONPATH", ""))
        program = self.folder / "venv" / "bin" / name
        program.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {sys.executable} {options} "$@"\n')
        program.chmod(0o755)

    def placed(self, text):
        for place, ours in self.places.items():
            text = text.replace(place, str(ours))
        return text

    def run(self, *words, **variables):
        """Run it as cron does; gives the exit code, and what would be mailed."""
        home = str(self.folder / "home")
        bare = {"HOME": home, "LOGNAME": "nightly", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [self.placed(word) for word in words],
            cwd=home,
            env={**bare, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def sh(self, command):
        return self.run("/bin/sh", "-c", command)


@pytest.fixture
def machine(tmp_path, server, token):
    made = Machine(tmp_path, server.uri)
    first = next(block for block in blocks(CRON, "sh") if "mkdir" in block)
    assert made.sh(first) == (0, "")
    (made.folder / "etc" / "key").write_text(f"{KEY}\n")
    variables = f"ROCKETRIDE_URI={server.uri}\nROCKETRIDE_APIKEY={KEY}\n"
    (made.folder / "etc.env").write_text(variables)
    (made.folder / "var" / "token").write_text(f"{token}\n")
    return made


@pytest.fixture(scope="module")
def token(server):
    """The token of a run that is over."""
    with RocketRideClient(server.uri, KEY) as client:
        found = client.use(filepath=ROOT / "examples" / "nightly.pipe").token
        client.wait_until_complete(found, SECONDS, 0.1)
    return found


def test_there_are_recipes():
    assert len(JOBS) == 4
    assert len(SCRIPTS) == 2
    assert sorted(UNITS) == ["mail-ops@.service", "nightly.service", "nightly.timer"]
    assert not [job for job in JOBS if "%" in job]  # for cron the end of a line


@pytest.mark.parametrize("job", [*JOBS, EXAMPLE])
def test_a_good_night_is_silent(machine, job):
    assert machine.sh(job) == (0, "")


@pytest.mark.parametrize("job", [*JOBS, EXAMPLE])
def test_a_key_that_is_refused_is_mailed(machine, job):
    for place in ("etc/key", "etc.env"):
        text = (machine.folder / place).read_text().replace(KEY, "a-wrong-key")
        (machine.folder / place).write_text(text)
    code, mail = machine.sh(job)
    assert code in (1, 4), mail
    (line,) = mail.splitlines()
    assert "API key" in line
    assert "a-wrong-key" not in line


@pytest.mark.parametrize("job", [job for job in [*JOBS, EXAMPLE] if "nightly.p" in job])
def test_a_bad_night_is_mailed_with_its_reason(machine, job):
    pipe = machine.folder / "srv" / "nightly.pipe"
    pipe.write_text(
        '{"project_id": "bad", "source": "s", "components": [{"id": "s", "provider": "simulate",'
        ' "config": {"seconds": 0.3, "exit_code": 1, "exit_message": "disk full"}}]}'
    )
    code, mail = machine.sh(job)
    assert code == 1
    assert "disk full" in mail.splitlines()[0]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script(machine, script):
    path = machine.folder / "srv" / "script"
    path.write_text(machine.placed(script))
    path.chmod(0o755)
    printed = "publish the results\n" if "publish" in script else ""
    assert machine.run("/srv/script") == (0, printed)
    (machine.folder / "var" / "token").write_text("tk_unknown")
    code, mail = machine.run("/srv/script")
    assert (code, len(mail.splitlines())) == (6, 1)


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize("left", [None, ""], ids=["nothing", "an empty file"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_does_not_take_a_token_that_is_missing_for_a_task_that_failed(machine, script, left, shell):
    """Of a file that is missing, bash makes exit code 1, and dash 2."""
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    kept = machine.folder / "var" / "token"
    kept.unlink()
    if left is not None:
        kept.write_text(left)
    code, mail = machine.run(shutil.which(shell), "-c", script)
    assert (code, len(mail.splitlines())) == (2, 1), mail


def settings(name):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read_string(UNITS[name])
    return unit


def test_the_python_script_ends_its_task_when_it_is_stopped_by_more_than_one_signal(machine, server):
    forever = {"id": "s", "provider": "simulate", "config": {"forever": True}}
    pipeline = {"project_id": "stopped", "source": "s", "components": [forever]}
    (machine.folder / "srv" / "nightly.pipe").write_text(json.dumps(pipeline))
    script = [machine.folder / "venv" / "bin" / "python", machine.folder / "srv" / "nightly.py"]
    with RocketRideClient(server.uri, KEY) as client, subprocess.Popen(script, stderr=subprocess.PIPE) as job:
        try:
            while client.get_task_token("stopped", "s") is None and job.poll() is None:
                time.sleep(0.02)
            while job.poll() is None:
                job.terminate()
                time.sleep(0.005)
            assert (job.returncode, job.stderr.read()) == (143, b"")
        finally:
            job.kill()
        assert client.get_task_status(client.get_task_token("stopped", "s")).outcome == "cancelled"


def test_the_service_runs_with_what_systemd_gives(machine, tmp_path):
    service = settings("nightly.service")["Service"]
    given = dict(
        line.split("=", 1)
        for line in Path(machine.placed(service["EnvironmentFile"])).read_text().splitlines()
    )
    name, _, source = service["LoadCredential"].partition(":")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    shutil.copy(machine.placed(source), credentials / name)
    command = service["ExecStart"].replace("${CREDENTIALS_DIRECTORY}", str(credentials))
    code, printed = machine.run(*shlex.split(command), **given, CREDENTIALS_DIRECTORY=str(credentials))
    assert code == 0, printed
    assert "succeeded" in printed


def test_the_limits_add_up():
    service = settings("nightly.service")["Service"]
    words = shlex.split(service["ExecStart"])
    timeout = float(words[words.index("--timeout") + 1])
    assert float(service["TimeoutStartSec"]) > timeout + ENDING
    assert float(service["TimeoutStopSec"]) > ENDING


def test_what_is_mailed_of_a_failed_service(machine, tmp_path):
    on_failure = settings("nightly.service")["Unit"]["OnFailure"].replace("%n", "nightly.service")
    template, _, instance = on_failure.partition("@")
    assert f"{template}@.service" == "mail-ops@.service"
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in {"journalctl": 'echo "the journal of $*"', "mail": 'echo "$@"; cat'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    command = settings("mail-ops@.service")["Service"]["ExecStart"].replace(
        "%i", instance.replace(".service.service", ".service")
    )
    code, mailed = machine.run(*shlex.split(command), PATH=f"{programs}:/usr/bin:/bin")
    assert code == 0
    assert mailed.splitlines() == [
        "-s nightly.service failed ops@example.com",
        "the journal of --unit nightly.service --lines 50 --no-pager --output cat",
    ]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_units(machine, tmp_path):
    folder = tmp_path / "units"
    folder.mkdir()
    for name, text in UNITS.items():
        (folder / name).write_text(machine.placed(text))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(folder.glob("nightly.*")))],
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
    )
    complaints = [line for line in done.stderr.splitlines() if "nightly" in line or "mail-ops" in line]
    assert complaints == []


def test_the_dag_of_the_page_is_the_example():
    """`make test-airflow` loads the example; the page cannot run here."""
    (dag,) = blocks((ROOT / "docs" / "airflow.md").read_text("utf-8"), "python")
    assert dag.strip() == (ROOT / "examples" / "airflow_dag.py").read_text("utf-8").strip()


@pytest.mark.skipif(not find_spec("celery"), reason="it takes the extra celery")
@pytest.mark.parametrize("page", ["docs/celery.md", "examples/celery_app.py"])
@pytest.mark.parametrize("down", ["broker", "backend"])
def test_a_broker_that_is_down_is_told_in_a_line(monkeypatch, page, down):
    """What Celery raises then, after some 20 s."""
    from celery.canvas import _chain
    from kombu.exceptions import OperationalError

    faults = {
        "broker": OperationalError("Error 111 connecting to 127.0.0.1:1. Connection refused."),
        "backend": RuntimeError("\nRetry limit exceeded\nwhile trying to reconnect\n"),
    }

    def fail(*_, **__):
        raise faults[down]

    monkeypatch.setitem(sys.modules, "jobs", SimpleNamespace(start=fail))
    monkeypatch.setattr(_chain, "delay", fail)
    monkeypatch.setenv("BROKER", "memory://")
    monkeypatch.setattr(sys, "argv", ["start_job.py", "job", "a.pipe"])
    if page.endswith(".py"):
        code = (ROOT / page).read_text("utf-8")
    else:
        (code,) = (block for block in blocks(CELERY, "python") if block.startswith("# start_job.py"))
    with pytest.raises(SystemExit) as ended:
        exec(compile(code, page, "exec"), {"__name__": "__main__"})
    assert str(ended.value) == f"a.pipe: {' '.join(str(faults[down]).split())}"


@pytest.mark.skipif(not (find_spec("celery") and find_spec("redis")), reason="it takes the extra examples")
def test_celery_with_worker_and_caller_in_two_processes(machine, tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    worker, caller = (block for block in blocks(CELERY, "sh") if "ROCKETRIDE_URI" in block)
    with redis_server(folder) as redis:
        machine.places.update(
            {
                "redis://localhost": redis.url,
                "/var/lib/jobs": tmp_path / "jobs",
                "celery --app": "python -m celery --app",
                "python ": f"env PYTHONWARNINGS='{QUIET}' {tmp_path}/venv/bin/python ",
                "examples/": f"{ROOT}/examples/",
            }
        )
        for block in blocks(CELERY, "python"):
            name = re.match(r"# (\w+\.py)\n", block)
            if name:
                (tmp_path / "home" / name[1]).write_text(machine.placed(block))
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", machine.placed(worker)],
                cwd=tmp_path / "home",
                env={"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "C_FORCE_ROOT": "1"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            assert machine.sh(caller) == (0, "succeeded\n"), (tmp_path / "log").read_text()
            again = machine.sh(caller)
            code, said = machine.sh(caller.replace("job-17", "job-18").replace("nightly.pipe", "no.pipe"))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert (again[0], again[1].count("\n")) == (1, 1), again
    assert "job-17 has a token already: give another name, or delete " in again[1]
    assert (code, said.count("\n")) == (1, 1), said
    assert "no.pipe: " in said
    assert [kept.name for kept in (tmp_path / "jobs").iterdir()] == ["job-17"]
