"""Build the sdist, and the wheel from it, twice: the same commit must give the same bytes.

python tools/build_dist.py FOLDER

Times in the archives are SOURCE_DATE_EPOCH, or else the time of the last commit. The bytes also depend on the versions of Python and
setuptools.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def epoch() -> int:
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        git = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
        given = subprocess.run(git, capture_output=True, text=True, check=True).stdout
    return int(given)


def settled(sdist: bytes, time: int) -> bytes:
    """The sdist with its files in order, and without what differs between two builds: times, owners and umask."""
    content, packed = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(sdist)) as before, tarfile.open(
        fileobj=content, mode="w", format=tarfile.PAX_FORMAT
    ) as after:
        for member in sorted(before.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = time, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            after.addfile(member, before.extractfile(member) if member.isfile() else None)
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=time) as file:
        file.write(content.getvalue())
    return packed.getvalue()


def build(folder: Path, time: int) -> dict[str, bytes]:
    """The archives that are built in `folder`, by name."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(time)}
    command = [sys.executable, "-m", "build", "--outdir", str(folder)]
    # Of an earlier build: its modules, and its list of files, would be in this one too.
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    shutil.rmtree(ROOT / "rocketride_sync.egg-info", ignore_errors=True)
    subprocess.run([*command, "--sdist", str(ROOT)], env=environment, stdout=subprocess.DEVNULL, check=True)
    (sdist,) = folder.glob("*.tar.gz")
    sdist.write_bytes(settled(sdist.read_bytes(), time))
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)  # noqa: S202 - it was built a moment ago
    unpacked = folder / sdist.name[: -len(".tar.gz")]
    subprocess.run(
        [*command, "--wheel", str(unpacked)], env=environment, stdout=subprocess.DEVNULL, check=True
    )
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def main() -> int:
    (target,) = map(Path, sys.argv[1:])
    os.umask(0o022)
    time, builds = epoch(), []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            builds.append(build(Path(folder), time))
    first, second = builds
    different = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    if different:
        print(f"two builds differ: {', '.join(different)}", file=sys.stderr)
        return 1
    target.mkdir(exist_ok=True)
    print(f"SOURCE_DATE_EPOCH={time}, Python {sys.version.split()[0]}; the same from two builds:")
    for name, content in first.items():
        (target / name).write_bytes(content)
        print(f"{hashlib.sha256(content).hexdigest()}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
