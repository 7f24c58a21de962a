"""examples/notebook.ipynb"""

import json
import shutil

from example import EXAMPLES

CODE = """
import json, sys
import nbclient, nbformat
notebook = nbformat.read("notebook.ipynb", as_version=4)
nbclient.NotebookClient(notebook, timeout=60).execute()
outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
print(json.dumps([output["data"] for output in outputs if "data" in output]))
"""


def test_it_runs(run, tmp_path):
    for name in ("notebook.ipynb", "nightly.pipe"):
        shutil.copy(EXAMPLES / name, tmp_path)
    done = run("-c", CODE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    client, task, bar, status, summary = json.loads(done.stdout)
    assert "key" not in client["text/plain"]
    assert task["text/plain"].startswith("<Task tk_")
    assert "running" in task["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bar
    assert "succeeded" in status["text/html"]
    assert "'words': 9" in summary["text/plain"]
    assert "'failures': False" in summary["text/plain"]


def test_it_is_kept_without_outputs():
    for cell in json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert not cell.get("execution_count")
