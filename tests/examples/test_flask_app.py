"""examples/flask_app.py"""

import sys

from example import EXAMPLES, get
from serving import serving


def test_it_tells_how_a_task_is_doing(client, environment, server, tmp_path):
    def command(port):
        return [sys.executable, "-m", "flask", "--app", "flask_app", "run", "--port", str(port)]

    task = client.use(filepath=EXAMPLES / "words.pipe")
    with serving(command, tmp_path / "log", cwd=EXAMPLES, env=environment) as port:
        known = {"completed": 0, "failed": 0, "progress": None}
        assert get(port, "/tasks/words/files_in") == (200, {**known, "outcome": "running"})
        task.terminate()
        assert get(port, "/tasks/words/files_in") == (200, {**known, "outcome": "cancelled"})
        assert get(port, "/tasks/words/nothing") == (404, {"error": "no such task"})
        server.stop()
        assert get(port, "/tasks/words/files_in") == (502, {"error": "try again later"})
    assert task.token not in (tmp_path / "log").read_text()


def test_a_missing_key_is_an_answer_that_does_not_ask_to_try_again(environment, tmp_path):
    def command(port):
        return [sys.executable, "-m", "flask", "--app", "flask_app", "run", "--port", str(port)]

    with serving(
        command, tmp_path / "log", cwd=EXAMPLES, env={**environment, "ROCKETRIDE_APIKEY": ""}
    ) as port:
        answer = (500, {"error": "this service is not set up correctly"})
        assert get(port, "/tasks/words/files_in") == answer
    assert "ROCKETRIDE_APIKEY" in (tmp_path / "log").read_text()
