"""A filter that keeps secrets out of urllib3's log.

urllib3 logs the paths of requests, which hold the task's token, and headers of answers, which may repeat a key.
"""

from __future__ import annotations

import logging
import re

from ...redact import redact, shorten

_LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")
_OUR_PATH = "/task"


def redacted(text: str) -> str:
    """What may be logged of a message of urllib3. It holds text of the server: the time for it grows with its length."""
    text = re.sub(r"(unparsed data: ).*", r"\1…", text, flags=re.DOTALL)
    if _OUR_PATH in text:  # other libraries may log their requests there
        text = re.sub(
            r"([?&]token=)([^\s\"'&]+)", lambda match: match.group(1) + shorten(match.group(2)), text
        )
    return redact(text)


class _Redact(logging.Filter):
    """Removes secrets from a record. It runs only for records that are logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), ()
        record.exc_info = record.exc_text = None  # a traceback may show what a server sent, and our arguments
        return True


_FILTER = _Redact()


def redact_urllib3() -> None:
    """Keep task tokens out of urllib3's log. Doing it twice changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
