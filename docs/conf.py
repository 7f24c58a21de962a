"""The documentation site: `make docs` builds it from the Markdown in this folder and from docstrings."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from project_address import address  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "rocketride_sync"
author = "the rocketride_sync authors"
release = version = version_of("rocketride-sync")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
default_role = (
    "py:obj"  # `name` in a docstring links to what it names, and is plain code where that is nothing
)

myst_heading_anchors = 4  # the anchors that GitHub makes, so that links work there and here
suppress_warnings = ["myst.xref_ambiguous"]

toc_object_entries_show_parents = "hide"  # names with their class do not fit beside the page

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_use_ivar = True

html_theme = "furo"
# The link to each page's source, once the project's address is known.
html_theme_options = (
    {"source_repository": address(), "source_branch": "main", "source_directory": "docs/"}
    if address()
    else {}
)
html_title = f"rocketride_sync {version}"
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = False
html_show_sourcelink = False
copybutton_selector = (
    "div:not(.highlight-text):not(.highlight-help):not(.highlight-diagram) > div.highlight > pre"
)


def setup(app: Sphinx) -> None:
    """Name the kinds of blocks that are plain text."""
    for kind in ("crontab", "diagram", "help"):
        app.add_lexer(kind, TextLexer)
