"""The library's log on stderr: warnings and outages, with a progress display all of INFO, with `--verbose` everything."""

from __future__ import annotations

from typing import Callable

from . import output
from .wording import in_command_line_words


def send_log_to(print_line: Callable[[str], None], level: str, *, outages: bool = False) -> None:
    """Print each line that the library logs at `level` or above with `print_line`; at DEBUG with its time.

    With `outages`, also a line when polls begin to fail, and one when they are answered again: a wait that says nothing
    for minutes looks like one that hangs.

    It replaces the effect of an earlier call.
    """
    import logging  # imported here, as traceback below, because it takes milliseconds and is not always needed

    class LineFormatter(logging.Formatter):
        """The message in the words of the command line; from WARNING on with the program's name and the level."""

        def format(self, record: logging.LogRecord) -> str:
            text = in_command_line_words(super().format(record))
            if outages and record.levelno < logging.WARNING:
                return f"{output.PROGRAM}: {in_command_line_words(record.outage)}"  # type: ignore[attr-defined]
            if record.levelno < logging.WARNING:
                return text
            return f"{output.PROGRAM}: {record.levelname.lower()}: {text}"

    class LineHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if outages and record.levelno < logging.WARNING and not hasattr(record, "outage"):
                return
            print_line(_safe_lines(self.format(record)))

    everything = level == "DEBUG"
    handler = LineHandler()
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(message)s") if everything else LineFormatter()
    )
    logger = logging.getLogger("rocketride_sync")
    logger.handlers[:] = [handler]
    logger.setLevel("INFO" if outages else level)


def print_traceback(error: Exception) -> None:
    """Print where `error` was raised."""
    import traceback

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    output.print_note(_safe_lines("".join(lines).rstrip()))


def _safe_lines(text: str) -> str:
    return "\n".join(output.safe_text(line) for line in text.split("\n"))
