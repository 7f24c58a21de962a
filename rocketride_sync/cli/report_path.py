"""What ``--report`` may write over: pages, and nothing else.

In ``run words.pipe --report texts/*.txt`` the name of the page was forgotten, and the shell puts that of the first text in
its place. No page is worth a user's text.
"""

from __future__ import annotations

import stat

from ..arguments import mode_of
from ..errors import ConfigurationError
from ..handler_exceptions import pass_on
from ..owned_files import NO_WAIT, open_for_reading

_READ = 1024
_MARK = b"\xef\xbb\xbf"  # of UTF-8, which programs of Windows write first


def check(path: str) -> None:
    """Raise ConfigurationError if `path` is a hyphen, or names a file that has something in it and is no page."""
    if path == "-":
        raise ConfigurationError("--report: - is no file here: name the file of the page")
    if stat.S_ISREG(mode_of(path)) and not _is_page(_beginning(path)):
        raise ConfigurationError(
            f"--report: {path} is there already, and is no HTML page: name another file, or delete it"
        )


def _beginning(path: str) -> bytes:
    """The first bytes of the file; none if it cannot be read: whether it can be written is asked later."""
    try:
        with open_for_reading(path, NO_WAIT) as file:
            return file.read(_READ) or b""
    except OSError as error:
        pass_on(error, foreign_code=True)
        return b""


def _is_page(beginning: bytes) -> bool:
    """Whether a file that begins so is a page, or has nothing in it."""
    text = beginning[len(_MARK) :] if beginning.startswith(_MARK) else beginning
    words = text.replace(b">", b" > ").lower().split()
    return not beginning or words[:1] == [b"<html"] or words[:2] == [b"<!doctype", b"html"]
