"""Where the examples are, and asking those that are web servers."""

import http.client
import json
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
GENEROUS = 100.0
SLOW_START = {"init_seconds": 1.0}
"""Of a server: time to stop a program after its task is listed, and before its start is answered."""


def get(port, path):
    """The HTTP status and the JSON that is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GENEROUS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
