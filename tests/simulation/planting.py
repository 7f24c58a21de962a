"""`make plant`: puts faults into a copy of the package, one at a time, and looks whether the simulation finds them."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .plants import PLANTS

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
LIVES = "1:20000"


def find(plant):
    """Whether the simulation finds `plant`, after how many seconds, and what it says."""
    with tempfile.TemporaryDirectory(prefix="plant-") as folder:
        root = Path(folder)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "rocketride_sync", root / "rocketride_sync", ignore=ignored)
        shutil.copytree(ROOT / "tests" / "simulation", root / "tests" / "simulation", ignore=ignored)
        shutil.copytree(ROOT / "schema", root / "schema", ignore=ignored)
        plant.put_into(root)
        command = [
            sys.executable,
            "-m",
            "tests.simulation",
            "--seeds",
            LIVES,
            "--seconds",
            str(SECONDS),
            "--stop-at",
            "1",
        ]
        command += ["--kinds", *plant.kinds, "--transports", *plant.transports]
        began = time.monotonic()
        environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        took = time.monotonic() - began
    said = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return bool(said), took, said[0][8:160] if said else (done.stdout + done.stderr)[-500:]


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planting", description=__doc__)
    parser.add_argument("--only", default="", help="those with this in their name")
    wanted, missed = parser.parse_args().only, 0
    for plant in (plant for plant in PLANTS if wanted in plant.name):
        found, took, said = find(plant)
        missed += not found
        print(f"{'found' if found else 'MISSED'} in {took:4.1f} s: {plant.name}\n    {said}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
