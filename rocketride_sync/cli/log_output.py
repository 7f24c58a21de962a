"""The library's log on stderr: warnings, with a progress display also INFO, and with `--verbose` everything."""

from __future__ import annotations

from typing import Callable

from . import output
from .wording import in_command_line_words


def send_log_to(print_line: Callable[[str], None], level: str) -> None:
    """Print each line that the library logs at `level` or above with `print_line`; at DEBUG with its time.

    It replaces the effect of an earlier call.
    """
    import logging  # imported here, as traceback below, because it takes milliseconds and is not always needed

    class LineFormatter(logging.Formatter):
        """The message in the words of the command line; from WARNING on with the program's name and the level."""

        def format(self, record: logging.LogRecord) -> str:
            text = in_command_line_words(super().format(record))
            if record.levelno < logging.WARNING:
                return text
            return f"{output.PROGRAM}: {record.levelname.lower()}: {text}"

    class LineHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print_line(_safe_lines(self.format(record)))

    everything = level == "DEBUG"
    handler = LineHandler()
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(message)s") if everything else LineFormatter()
    )
    logger = logging.getLogger("rocketride_sync")
    logger.handlers[:] = [handler]
    logger.setLevel(level)


def print_traceback(error: Exception) -> None:
    """Print where `error` was raised."""
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    output.print_note(_safe_lines("".join(lines).rstrip()))


def _safe_lines(text: str) -> str:
    return "\n".join(output.safe_text(line) for line in text.split("\n"))
