"""The library's log on stderr: all of it with `--verbose`, and what a waiting reader should know with progress."""

from __future__ import annotations

from typing import Callable

from . import output


def log_to(say: Callable[[str], None], *, everything: bool) -> None:
    """Hand each line that the library logs to `say`: with its time and from DEBUG up, or only the news from INFO up.

    It takes the place of an earlier call.
    """
    import logging  # and traceback below: milliseconds that only those pay who want them

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(_visible_lines(self.format(record)))

    handler = Handler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s" if everything else None))
    logger = logging.getLogger("rocketride_sync")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG if everything else logging.INFO)


def log_defect(error: Exception) -> None:
    """Show where `error` was raised."""
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    output.note(_visible_lines("".join(lines).rstrip()))


def _visible_lines(text: str) -> str:
    return "\n".join(output.visible(line) for line in text.split("\n"))
