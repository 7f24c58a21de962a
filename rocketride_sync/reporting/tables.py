"""The tables of a report: files, errors and warnings. The newest errors and the files that failed come before the charts."""

from __future__ import annotations

from typing import Iterable, Iterator, List, NamedTuple, Sequence

from ..models.messages import parts
from ..redact import redact
from .formatting import duration_with_colons
from .observations import Message, Record
from .sent_files import SentFile, SentFiles

_FIRST = 5  # so many rows push the charts not too far down

_MESSAGE_COLUMNS = ("Time", "Kind", "Text", "Where")
_FILE_COLUMNS = ("Took", "Result", "File", "Size")


class Row(NamedTuple):
    """A message or a file in the columns of its table.

    Attributes:
        time, kind, text, where: the columns.
        gap: whether messages may be missing before it.
        bad: whether its kind is to be seen at once.
    """

    time: str
    kind: str
    text: str
    where: str
    gap: bool = False
    bad: bool = False


class Table(NamedTuple):
    """A table: the class of its section, its title, a note, and its columns and rows."""

    kind: str
    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Row]


def first_tables(record: Record, secrets: Sequence[str]) -> List[Table]:
    """What a reader wants to see at once: whole tables, if they are short."""
    return [*_first_files(record.files), *_first_errors(record, secrets)]


def _first_files(files: SentFiles) -> Iterator[Table]:
    if 0 < files.count <= _FIRST:
        yield _whole_files(files)
    elif files.failed:
        failed = [file for file in files.kept if file.failed][-_FIRST:]
        title = "Files that failed" if files.failed <= _FIRST else "The newest files that failed"
        yield Table("files", title, "", _FILE_COLUMNS, _file_rows(failed))


def _first_errors(record: Record, secrets: Sequence[str]) -> Iterator[Table]:
    errors = record.errors
    if 0 < errors.count <= _FIRST:
        yield from _messages("Errors", record, secrets)
    elif errors.count:
        newest = list(errors.kept)[-_FIRST:]
        rows = _message_rows(newest, secrets)
        yield Table("messages", "The newest errors", "", _MESSAGE_COLUMNS, rows)


def tables(record: Record, secrets: Sequence[str]) -> List[Table]:
    """All that `first_tables` does not show whole."""
    found: List[Table] = []
    if record.errors.count > _FIRST:
        found += _messages("Errors", record, secrets)
    if record.files.count > _FIRST:
        found.append(_whole_files(record.files))
    return [*found, *_messages("Warnings", record, secrets)]


def _messages(title: str, record: Record, secrets: Sequence[str]) -> Iterator[Table]:
    messages = record.errors if title == "Errors" else record.warnings
    hidden = messages.count - len(messages.kept)
    note = f"{hidden:,} earlier messages are not shown." if hidden else ""
    if messages.count:
        rows = _message_rows(messages.kept, secrets)
        yield Table("messages", f"{title} ({messages.count:,})", note, _MESSAGE_COLUMNS, rows)


def _message_rows(messages: Iterable[Message], secrets: Sequence[str]) -> List[Row]:
    # Redacted before they are taken apart: there may be an asterisk in a secret.
    return [
        Row(duration_with_colons(message.seconds), *parts(redact(message.text, secrets)), message.gap)
        for message in messages
    ]


def _whole_files(files: SentFiles) -> Table:
    hidden = files.count - len(files.kept)
    note = f"{hidden:,} more files are not shown." if hidden else ""
    return Table("files", f"Files ({files.count:,})", note, _FILE_COLUMNS, _file_rows(files.kept))


def _file_rows(files: Iterable[SentFile]) -> List[Row]:
    return [
        Row(
            duration_with_colons(file.seconds),
            "failed" if file.failed else "sent",
            file.text,
            f"{file.sent:,} bytes",
            bad=file.failed,
        )
        for file in files
    ]
