"""The short lives of all public methods as kinds of lives, for Ctrl-C at any of their lines."""

from __future__ import annotations

from rocketride_sync.errors import RocketRideError, WaitTimeoutError

from .actions import ACTIONS, action
from .invariants import Violation
from .short_lives import METHODS

# What HTTP has no request for.
WEBSOCKET_ONLY = ("get_tasks", "get_task_token", "get_task_runs", "restart", "ping", "call")
WEBSOCKET_ONLY += ("validate", "get_services", "get_service", "get_task_pipeline")


def transports(kind):
    return ("websocket",) if kind in WEBSOCKET_ONLY else ("websocket", "http", "auto")


def _register(name, function):
    @action(f"method {name}", span=1.0, lines=3.6)
    def life_of_method(life, client):
        run = life.new_run(seconds=0.6, how="well")
        life.world.sleep(0.2)
        try:
            function(life, client, run)
        except WaitTimeoutError:
            life.outcomes.append(f"{name} timed out")
        except RocketRideError as error:
            crossed = error.request_sent and life.server.idle_closings and not life.faults.calm
            free = (life.faults.calm or life.http_takes_over) and not crossed
            if free and not life.interrupted:  # after an interrupt the connections are reset
                raise Violation(f"{name} failed although nothing was wrong: {error!r}") from error
        life.outcomes.append(f"{name} returned")


for _name, _function in METHODS.items():
    _register(_name, _function)

KINDS = tuple(kind for kind in ACTIONS if kind.startswith("method "))


@action("method", span=1.0, lines=3.6)
def method(life, client):
    """Any of them, in most lives interrupted, among faults or not."""
    ACTIONS[life.rng.choice([kind for kind in KINDS if life.transport in transports(kind[7:])])](life, client)
