"""The benchmarks run. What they measure is not looked at here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the benchmarks need a Unix")

ROOT = Path(__file__).resolve().parents[1]


def test_a_quick_run_measures_every_suite_and_writes_its_figures(tmp_path):
    results = tmp_path / "results.json"
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--rounds", "1", "--json", str(results)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (run.returncode, run.stderr) == (0, "")
    suites = json.loads(results.read_text(encoding="utf-8"))["suites"]
    for suite in ("imports", "process", "websocket_call", "http_call", "wait_end", "decode", "sending"):
        columns = [figures for column in suites[suite]["samples"].values() for figures in column.values()]
        assert columns
        assert all(len(figures) == 1 for figures in columns)


def test_a_missed_target_fails_a_check():
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "imports", "--quick", "--rounds", "1", "--check", "0.001"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=100,
    )
    assert run.returncode == 1
