"""examples/gevent_server.py"""

import sys
from concurrent.futures import ThreadPoolExecutor

from counting_tasks import pipeline
from example import EXAMPLES, GENEROUS, get
from serving import serving


def test_requests_wait_for_their_tasks_side_by_side(client, environment, tmp_path):
    def command(port):
        return [sys.executable, "gevent_server.py", str(port)]

    documents = [pipeline() for _ in range(10)]
    tasks = [client.use(pipeline=document) for document in documents]
    with serving(command, tmp_path / "log", cwd=EXAMPLES, env=environment) as port:
        with ThreadPoolExecutor(len(tasks)) as executor:
            answers = [executor.submit(get, port, f"/{d['project_id']}/src_1") for d in documents]
            # The last task ends first: its request is answered while all others go on waiting.
            for task, answer in reversed(list(zip(tasks, answers))):
                task.terminate()
                assert answer.result(GENEROUS) == (200, {"outcome": "cancelled", "failed": 0})
                assert not any(other.done() for other in answers[: answers.index(answer)])
        assert get(port, "/nobody/knows") == (404, {"error": "no such task"})
        assert get(port, "/nonsense") == (404, {"error": "no such task"})
