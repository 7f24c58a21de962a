"""One short life of each public method, for Ctrl-C at any of its lines."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .actions import ACTIONS, action

_METHODS = {}


def _method(function):
    _METHODS[function.__name__] = function
    return function


def _object(life):
    mark = f"object {len(life.objects)}"
    life.objects[mark] = f"{mark}|and more".encode()
    return life.objects[mark]


def _pipeline(life, token):
    return {
        "project_id": "mine",
        "source": "source",
        "components": [{"id": "source"}],
        "token": token,
        "mark": f"mark {token}",
        "plan": {"how": "well", "starting": 0.05, "seconds": 30.0, "lingering": 0.0},
    }


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
    client.use(pipeline=_pipeline(life, life.new_token()))


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
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in "ab"]
        for path in paths:
            path.write_bytes(_object(life))
        client.send_files([str(path) for path in paths], run.token)


@_method
def wait_all(life, client, run):
    client.wait_all([run.token, life.new_run(seconds=0.7, how="well").token], interval=0.5, timeout=20.0)


@_method
def as_completed(life, client, run):
    for _ in client.as_completed([run.token], interval=0.5, timeout=20.0):
        pass


@_method
def get_tasks(life, client, run):
    client.get_tasks()


@_method
def get_task_token(life, client, run):
    client.get_task_token(run.project, run.source)


@_method
def restart(life, client, run):
    client.restart(
        project_id=run.project, source=run.source, pipeline=_pipeline(life, run.token), token=run.token
    )


@_method
def ping(life, client, run):
    client.ping()


@_method
def close(life, client, run):
    client.get_task_status(run.token)
    client.close()


# What HTTP has no request for, and what goes through threads of the standard library there, which are not simulated.
WEBSOCKET_ONLY = ("get_tasks", "get_task_token", "restart", "ping", "send_files")


def transports(kind):
    return ("websocket",) if kind in WEBSOCKET_ONLY else ("websocket", "http", "auto")


def _register(name, function):
    @action(f"method {name}", span=1.0, lines=3.6)
    def life_of_method(life, client):
        run = life.new_run(seconds=0.6, how="well")
        life.world.sleep(0.2)
        function(life, client, run)
        life.outcomes.append(f"{name} returned")


for _name, _function in _METHODS.items():
    _register(_name, _function)

KINDS = tuple(kind for kind in ACTIONS if kind.startswith("method "))
