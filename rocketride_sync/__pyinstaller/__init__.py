"""Tells PyInstaller where the hook for this package is. It asks for that through the entry point ``pyinstaller40``."""

from __future__ import annotations

import os
from typing import List


def get_hook_dirs() -> List[str]:
    """The folder of the hook."""
    return [os.path.dirname(__file__)]
