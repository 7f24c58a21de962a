"""gevent: each request waits for the end of a task, hundreds at a time in one thread."""

# How to run it:
#
#   pip install . gevent     # in the folder of your clone; then go to examples
#   ROCKETRIDE_URI=… ROCKETRIDE_APIKEY=… python gevent_server.py 8000
#   curl http://127.0.0.1:8000/nightly/files_in     # project and source; answers when the task has ended

from gevent import monkey

monkey.patch_all()  # before anything else is imported that may use sockets

import json  # noqa: E402
import sys  # noqa: E402

from gevent.pywsgi import WSGIServer  # noqa: E402

from rocketride_sync import RocketRideClient, RocketRideError, TaskNotFoundError, WaitTimeoutError  # noqa: E402

TIMEOUT = 300
NOT_FOUND = "404 Not Found", {"error": "no such task"}
client = RocketRideClient(timeout=10)


def wait(project, source):
    """A status line and what to answer."""
    try:
        token = client.get_task_token(project, source) if project and source else None
        if token is None:
            return NOT_FOUND
        status = client.wait_until_complete(token, timeout=TIMEOUT)
    except TaskNotFoundError:
        return NOT_FOUND
    except WaitTimeoutError:
        return "202 Accepted", {"outcome": "running"}
    except RocketRideError as error:
        print(f"RocketRide: {error}", file=sys.stderr)
        return "502 Bad Gateway", {"error": "try again later"}
    return "200 OK", {"outcome": status.outcome.value, "failed": status.failed_count}


def application(environ, start_response):
    project, _, source = environ["PATH_INFO"].strip("/").partition("/")
    line, answer = wait(project, source)
    start_response(line, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PORT")
    WSGIServer(("127.0.0.1", int(sys.argv[1])), application).serve_forever()
