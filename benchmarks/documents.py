"""The status documents that are decoded and sent."""

from __future__ import annotations

from typing import Any, Dict

from rocketride_sync.models import TaskStatus


def document(
    seed: int, *, messages: int, pipes: int, components: int, notes: int, slowest: int
) -> Dict[str, Any]:
    """A full document, as a traced run sends it, with something in each of its lists and maps; each ring buffer holds at most 1000 messages."""
    status = TaskStatus(
        name=f"nightly {seed}",
        project_id=f"project-{seed}",
        source="files_1",
        state=3,
        start_time=1.7e9 + seed / 7,
        status=f"Processing {seed}",
        warnings=[
            f"Warning*slow page {seed + i}, taking the long way round*pipe.cpp:{i}" for i in range(messages)
        ],
        errors=[
            f"Failed*cannot read filesys://data/in/file-{seed + i:06}.pdf, it is damaged*pipe.cpp:{i}"
            for i in range(messages)
        ],
        current_object=f"filesys://data/file-{seed:06}.pdf",
        total_count=seed + 1000,
        completed_count=seed,
        total_size=seed * 2048 + 10**9,
        completed_size=seed * 2048,
    ).to_dict()
    status["pipeflow"] = {
        "totalPipes": pipes,
        "byPipe": {str(i): ["source", "parse", f"embed_{seed}"] for i in range(pipes)},
    }
    status["metrics"] = {name: seed + i + 0.25 for i, name in enumerate(status["metrics"])}
    status["tokens"] = {
        **{name: seed / 9 + i for i, name in enumerate(status["tokens"]) if name != "custom"},
        "custom": {"pages": seed + 0.5},
    }
    status["notes"] = [
        f"{seed + i} pages were scanned without text" if i % 2 else {"kind": "link", "page": seed + i}
        for i in range(notes)
    ]
    status["componentStats"] = {
        f"component_{i}": {"calls": seed + i, "totalSeconds": seed / 3 + i, "maxSeconds": i + 0.75}
        for i in range(components)
    }
    status["slowestDocs"] = [
        {
            "name": f"file-{seed + i:06}.pdf",
            "elapsed": seed / 7 + i,
            "beginTime": 1.7e9 + i / 3,
            "beginSeq": seed + i,
        }
        for i in range(slowest)
    ]
    return status


def small(seed: int) -> Dict[str, Any]:
    """A document of 2 KB."""
    return document(seed, messages=2, pipes=2, components=3, notes=2, slowest=3)


def large(seed: int) -> Dict[str, Any]:
    """A document of 200 KB."""
    return document(seed, messages=1000, pipes=64, components=400, notes=20, slowest=20)
