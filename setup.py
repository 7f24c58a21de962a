"""What of the metadata is computed from the project's address. Everything else is in setup.cfg."""

import sys
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]  # a build does not have them

from project_address import address, index_page, project_urls  # noqa: E402

from rocketride_sync._version import __version__  # noqa: E402

setup(
    long_description=index_page((ROOT / "README.md").read_text("utf-8"), address(ROOT), __version__),
    project_urls=project_urls(address(ROOT), __version__),
)
