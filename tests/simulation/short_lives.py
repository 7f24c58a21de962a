"""One short life of each public method: what is called while `run`, a task, runs. Registered in `methods.py`."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from rocketride_sync.errors import ServerError

METHODS = {}  # by name


def _method(function):
    METHODS[function.__name__] = function
    return function


def _object(life):
    mark = f"object {len(life.objects)}"
    life.objects[mark] = f"{mark}|and more".encode()
    return life.objects[mark]


def pipeline(life, token):
    return {
        "project_id": "mine",
        "source": "source",
        "components": [{"id": "source"}],
        "token": token,
        "mark": f"mark {token}",
        "plan": {"how": "well", "starting": 0.05, "seconds": 30.0, "lingering": 0.0},
    }


# What wraps a method to explain wrong arguments: the method has returned by then, and all that is left is to pass that on.
_RETURNED = "in explaining, return"


def _tells(life, name, start, excepted, *more):
    """Start a task. Interrupted, it must say what came of the task, unless it is `excepted`: nobody can tell then."""
    asked = len(life.engine.executed)
    try:
        start()
    except KeyboardInterrupt as stop:
        told = any(word in str(stop) for word in ("unknown", "was ended", "may run on", *more))
        nobody_can = life.interrupt.place.endswith(_RETURNED) or excepted()
        if len(life.engine.executed) > asked and not (told or nobody_can):
            life.complaints.append(f"{name}: {stop!r} says nothing of the task, which was started")
        raise


@_method
def get_task_status(life, client, run):
    client.get_task_status(run.token)


@_method
def get_task_status_twice(life, client, run):
    client.get_task_status(run.token)
    client.get_task_status(run.token)


@_method
def wait_until_complete(life, client, run):
    client.wait_until_complete(run.token, interval=0.5, timeout=20.0)


@_method
def iter_task_status(life, client, run):
    for _ in client.iter_task_status(run.token, interval=0.5, timeout=20.0):
        pass


@_method
def use(life, client, run):
    """What comes of the task is never left open: Ctrl-C tells, until the line in which `use` returns."""
    started = []

    def start():
        started.append(client.use(pipeline=pipeline(life, life.new_token())))

    returning = "in use, return"
    _tells(life, "use", start, lambda: started or life.interrupt.place.endswith(returning), "has ended")


def _used(life, client):
    return client.use(pipeline=pipeline(life, life.new_token()))


@_method
def use_and_leave(life, client, run):
    with _used(life, client) as task:
        task.get_status()


@_method
def task_waits(life, client, run):
    task = _used(life, client)
    task.wait_until_complete(interval=0.5, timeout=1.0, cancel_on_timeout=True)


@_method
def task_sends(life, client, run):
    task = _used(life, client)
    task.send(_object(life))
    with task.pipe() as pipe:
        pipe.write(_object(life))
        pipe.close()


@_method
def run(life, client, run):
    """Its task is ended on every way out, or the error says what may have come of it."""

    def start():
        client.run(pipeline=pipeline(life, life.new_token()), interval=0.2, timeout=1.0)

    # In that file, the run is over, and its own error is told.
    _tells(life, "run", start, lambda: life.interrupt.place.startswith("running_methods.py"), "had ended")


@_method
def with_options(life, client, run):
    other = client.with_options(timeout=3.0)
    life.held.append(other)  # the destructor of a client, which may have to warn, is written in Python
    other.get_task_status(run.token)


@_method
def wait_and_cancel(life, client, run):
    long = life.new_run(seconds=500.0, how="well")
    client.wait_until_complete(long.token, interval=0.2, timeout=1.0, cancel_on_interrupt=True)


@_method
def get_task_runs(life, client, run):
    with contextlib.suppress(ServerError):  # an older server has no run log
        client.get_task_runs(run.project, run.source)


@_method
def call(life, client, run):
    client.call("rrext_ping")


@_method
def terminate(life, client, run):
    client.terminate(run.token)


@_method
def send(life, client, run):
    client.send(run.token, _object(life))


@_method
def pipe(life, client, run):
    with client.pipe(run.token) as pipe:
        pipe.write(_object(life))
        pipe.close()


@_method
def send_files(life, client, run):
    with tempfile.TemporaryDirectory(prefix="test-") as folder:
        paths = [Path(folder, name) for name in "ab"]
        for path in paths:
            path.write_bytes(_object(life))
        client.send_files([str(path) for path in paths], run.token, timeout=20.0)


@_method
def wait_all(life, client, run):
    client.wait_all([run.token, life.new_run(seconds=0.7, how="well").token], interval=0.5, timeout=20.0)


@_method
def wait_for_the_first(life, client, run):
    long = life.new_run(seconds=500.0, how="well").token
    client.wait_all([long, run.token], interval=0.5, timeout=20.0, return_when="FIRST_COMPLETED")


@_method
def as_completed(life, client, run):
    """Left after the first result, while another task is polled."""
    long = life.new_run(seconds=500.0, how="well").token
    # Python forgets what is raised at the end of a generator that is dropped.
    with contextlib.closing(client.as_completed([long, run.token], interval=0.5, timeout=20.0)) as results:
        next(results)


@_method
def get_tasks(life, client, run):
    client.get_tasks()


@_method
def get_task_token(life, client, run):
    client.get_task_token(run.project, run.source)


@_method
def restart(life, client, run):
    client.restart(
        project_id=run.project, source=run.source, pipeline=pipeline(life, run.token), token=run.token
    )


@_method
def ping(life, client, run):
    client.ping()


@_method
def chat(life, client, run):
    client.chat(run.token, _object(life).decode())


@_method
def validate(life, client, run):
    client.validate(pipeline(life, run.token))


@_method
def get_services(life, client, run):
    client.get_services()


@_method
def get_service(life, client, run):
    client.get_service("webhook")


@_method
def get_task_pipeline(life, client, run):
    client.get_task_pipeline(run.token)


@_method
def get_server_info(life, client, run):
    client.get_server_info()


@_method
def close(life, client, run):
    client.get_task_status(run.token)
    client.close()
