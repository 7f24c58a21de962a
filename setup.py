"""What of the metadata is computed from the project's address, and a build that begins anew. Everything else is in setup.cfg."""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]  # a build does not have them

from project_address import address, index_page, project_urls  # noqa: E402

from rocketride_sync._version import __version__  # noqa: E402


class BuildAnew(build_py):
    """Without the modules that an earlier build has left in its folder, and that may be no longer."""

    def run(self):
        folder = Path(self.build_lib)
        is_editable = getattr(self, "editable_mode", False)  # which is built in a folder of its own
        # The same folder may have names in several letter cases.
        if folder.is_dir() and not folder.samefile(ROOT) and not is_editable:
            shutil.rmtree(folder / "rocketride_sync", ignore_errors=True)
        super().run()


setup(
    cmdclass={"build_py": BuildAnew},
    long_description=index_page((ROOT / "README.md").read_text("utf-8"), address(ROOT), __version__),
    project_urls=project_urls(address(ROOT), __version__),
)
