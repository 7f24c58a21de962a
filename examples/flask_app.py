"""Flask: the progress of a task, as JSON. Its token is a secret, so the address does not contain it."""

# How to run it:
#
#   pip install . flask                               # in the folder of your clone; then go to examples
#   ROCKETRIDE_URI=… ROCKETRIDE_APIKEY=… flask --app flask_app run
#   curl http://127.0.0.1:5000/tasks/nightly/files_in     # project and source, as in nightly.pipe

import functools

from flask import Flask

from rocketride_sync import ConfigurationError, RocketRideClient, RocketRideError, TaskNotFoundError

app = Flask(__name__)


@functools.lru_cache(maxsize=None)
def client():
    # One for all threads of this process. A page must not wait for longer than its readers do.
    return RocketRideClient(timeout=5)


@app.get("/tasks/<project>/<source>")
def task(project, source):
    token = client().get_task_token(project, source)
    if token is None:
        return not_found(None)
    status = client().get_task_status(token)
    # Not the whole document: its notes may hold the token.
    return {
        "outcome": status.outcome.value,
        "progress": status.progress,
        "completed": status.completed_count,
        "failed": status.failed_count,
    }


@app.errorhandler(TaskNotFoundError)
def not_found(_):
    return {"error": "no such task"}, 404


@app.errorhandler(ConfigurationError)  # such as a missing key: trying again does not help
def misconfigured(error):
    app.logger.error("RocketRide: %s", error)
    return {"error": "this service is not set up correctly"}, 500


@app.errorhandler(RocketRideError)
def no_answer(error):
    app.logger.error("RocketRide: %s", error)
    return {"error": "try again later"}, 502
