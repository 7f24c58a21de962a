"""The Celery task without a broker: run by its caller; and more than one of it."""

import pytest

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    RetryPolicy,
    RocketRideClient,
    TransportError,
    WaitTimeoutError,
)

RUNNING = {"state": 3, "startTime": 100.0}
ENDED = {"state": 5, "completed": True, "startTime": 100.0, "totalCount": 7}


def make_app():
    from celery import Celery  # takes long, and each worker collects this file

    app = Celery("jobs", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.task_always_eager = True
    return app


def register(app, **options):
    from rocketride_sync.contrib import celery

    return celery.register(app, **options)


def watcher(app, *answers, **options):
    client = RocketRideClient(
        "test", "key", transport=MemoryTransport(answers), retry=RetryPolicy(initial_delay=0.01)
    )
    return register(app, client=lambda: client, load_token=str, interval=0.001, **options)


@pytest.mark.parametrize("run", [lambda watch: watch.delay("job").get(), lambda watch: watch("job")])
def test_run_by_its_caller_it_polls_until_the_end(run):
    running = [RUNNING] * 1100  # more than Python could nest
    watch = watcher(make_app(), *running, TransportError("broke"), ENDED)
    assert run(watch)["outcome"] == "succeeded"


def test_run_by_its_caller_it_keeps_to_the_timeout():
    watch = watcher(make_app(), *[RUNNING] * 5000)
    with pytest.raises(WaitTimeoutError, match="last seen as RUNNING"):
        watch.delay("job", timeout=0.2).get()


def test_the_second_watcher_of_an_app_needs_a_name_of_its_own():
    app = make_app()
    one = watcher(app, {**ENDED, "totalCount": 1})
    with pytest.raises(ConfigurationError, match=r"'rocketride_sync\.watch'.*name="):
        watcher(app, ENDED)
    two = watcher(app, {**ENDED, "totalCount": 2}, name="two")
    assert [watch.delay("job").get()["total_count"] for watch in (one, two)] == [1, 2]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"client": "a client"}, "client must be a function, not str"),
        ({"load_token": None}, "load_token must be a function, not NoneType"),
        ({"interval": 0}, "interval"),
    ],
)
def test_wrong_arguments_are_said_when_it_is_made(wrong, named):
    right = {"client": lambda: None, "load_token": str}
    with pytest.raises(ConfigurationError, match=named):
        register(make_app(), **{**right, **wrong})


def test_every_app_has_its_own_watcher():
    apps = [make_app(), make_app()]
    watches = [watcher(app, {**ENDED, "totalCount": number}) for number, app in enumerate(apps)]
    for app in apps:
        app.finalize()  # as a worker does first
    assert [watch.delay("job").get()["total_count"] for watch in watches] == [0, 1]
