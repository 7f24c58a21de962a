"""What the figures were measured on, and with."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Dict

LIBRARIES = (
    "rocketride-sync",
    "attrs",
    "cattrs",
    "websocket-client",
    "requests",
    "urllib3",
    "httpx",
    "websockets",
    "pydantic",
    "msgspec",
    "rocketride",
)


def described() -> str:
    """Python, system and processor on one line."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"{python} on {platform.system()} {platform.machine()}, {os.cpu_count()} processors: {_processor()}"
    )


def versions() -> Dict[str, str]:
    """The versions of what takes part."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown processor")
