"""The library's log on stderr: its warnings, with progress its news too, and all of it with `--verbose`."""

from __future__ import annotations

from typing import Callable

from . import output


def log_to(say: Callable[[str], None], level: str) -> None:
    """Hand each line that the library logs at `level` or above to `say`; at DEBUG with its time.

    It takes the place of an earlier call.
    """
    import logging  # and traceback below: milliseconds that only those pay who need them

    class Line(logging.Formatter):
        """News stand for themselves; a warning says so."""

        def format(self, record: logging.LogRecord) -> str:
            text = super().format(record)
            if record.levelno < logging.WARNING:
                return text
            return f"{output.PROGRAM}: {record.levelname.lower()}: {text}"

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(_visible_lines(self.format(record)))

    everything = level == "DEBUG"
    handler = Handler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s") if everything else Line())
    logger = logging.getLogger("rocketride_sync")
    logger.handlers[:] = [handler]
    logger.setLevel(level)


def log_defect(error: Exception) -> None:
    """Show where `error` was raised."""
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    output.note(_visible_lines("".join(lines).rstrip()))


def _visible_lines(text: str) -> str:
    return "\n".join(output.visible(line) for line in text.split("\n"))
