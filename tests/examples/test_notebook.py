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
print(json.dumps([output["data"]["text/plain"] for output in outputs if "data" in output]))
"""


def test_it_runs(run, tmp_path):
    for name in ("notebook.ipynb", "nightly.pipe"):
        shutil.copy(EXAMPLES / name, tmp_path)
    done = run("-c", CODE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    client, task, outcome, summary = json.loads(done.stdout)
    assert "key" not in client
    assert task.startswith("<Task tk_")
    assert outcome == "'succeeded'"
    assert "'words': 9" in summary
    assert "'failures': False" in summary


def test_it_is_kept_without_outputs():
    for cell in json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert not cell.get("execution_count")
