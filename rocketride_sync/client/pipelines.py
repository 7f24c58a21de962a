"""Pipeline documents: reading them, and the environment variables that they refer to."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Callable, Container, Dict, Iterator, Mapping, Optional, Set, Union

from .. import arguments, documents
from ..deadline import Deadline
from ..errors import ConfigurationError
from ..extras import install
from ..handler_exceptions import pass_on
from ..import_lock import import_lock
from ..logs import log
from ..owned_files import read_limited, utf_16_hint
from ..protocol.strict_json import outliving_depth
from ..redact import excerpt

PathLike = Union[str, "os.PathLike[str]"]
Pipeline = Dict[str, Any]

_REFERENCE = re.compile(r"\$\{(ROCKETRIDE_[A-Za-z0-9_]*)\}")
KEY_VARIABLE = "ROCKETRIDE_APIKEY"
_LONGEST_LIST = 300
_BYTE_ORDER_MARK = "\ufeff"  # some editors begin a file with it
_MOST_BYTES = 16 << 20  # pipelines have kilobytes
_decode = outliving_depth(json.loads)
_MISSING_JSON5 = (
    "is not plain JSON ({where}). If it is JSON5, with comments or trailing commas, "
    f"reading it needs json5: {install('json5')}"
)


def load(
    filepath: Optional[PathLike],
    pipeline: Optional[Mapping[str, Any]],
    source: Optional[str],
    deadline: Optional[Deadline] = None,
) -> Pipeline:
    """Load a copy of the pipeline document, from a file or as given, without a ``{"pipeline": …}`` wrapper.

    Args:
        filepath: a ``.pipe`` or JSON file; JSON5 if the extra ``json5`` is installed. Of at most 16 MiB, and no
            named pipe.
        pipeline: the document itself. Exactly one of the two must be given.
        source: replaces the document's own ``source``.
        deadline: until when a pipe is read that this process has open; None is unlimited.

    Raises:
        ConfigurationError: neither or both are given, or the document cannot be read or is no pipeline.
    """
    if (filepath is None) == (pipeline is None):
        raise ConfigurationError("give a pipeline either as filepath= or as pipeline=")
    if filepath is not None:
        path = arguments.path("filepath", filepath)
        what = f"the pipeline file {path!r}"
        document = documents.document("the pipeline", _read(path, deadline or Deadline(None)))
    else:
        document, what = documents.document("pipeline", pipeline), "pipeline="
    if isinstance(document, Mapping) and isinstance(document.get("pipeline"), Mapping):
        document = document["pipeline"]
    if not isinstance(document, Mapping) or not isinstance(document.get("components"), list):
        raise ConfigurationError(
            f"{what} is not a pipeline: a JSON object with a list of components is expected"
        )
    return {**document, **({} if source is None else {"source": arguments.text("source", source)})}


def environment_for(
    pipeline: Mapping[str, Any], env: Optional[Mapping[str, str]], what: str = "the pipeline"
) -> Dict[str, str]:
    """The variables to send with the pipeline: all of `env`, and those of the process that the pipeline refers to.

    Logs a warning if the pipeline, called `what` there, refers to others.

    Raises:
        ConfigurationError: the pipeline refers to the API key, and `env` does not contain it. A pipeline from another
            author must not be able to steal the key.
    """
    given = arguments.text_by_name("env", env)
    found = {}
    for name in sorted(references(pipeline) - set(given)):
        if name.upper() == KEY_VARIABLE:  # on Windows the names of variables are case-insensitive
            raise ConfigurationError(
                f"the pipeline refers to ${{{name}}}: the API key is sent along only if you give it yourself, "
                f"with env={{'{name}': …}}"
            )
        if name in os.environ:
            found[name] = arguments.sendable(name, os.environ[name])
    warn_of_unset(pipeline, given, what)
    return {**found, **given}


def warn_of_unset(
    pipeline: Mapping[str, Any], given: Container[str] = (), what: str = "the pipeline"
) -> None:
    """Log a warning if the pipeline refers to variables that are neither in `given` nor set: as the official client does,
    such references are left in it. `what` is what the pipeline is called in the warning.
    """
    missing = sorted(
        f"${{{name}}}"
        for name in references(pipeline)
        if name not in given and name not in os.environ and name.upper() != KEY_VARIABLE
    )
    if missing:
        listed = excerpt(", ".join(missing), _LONGEST_LIST)
        log.warning(
            "%s refers to variables that are not set, and stay as they are: %s; set them, or pass env= to use or run",
            what,
            listed,
        )


def references(pipeline: Mapping[str, Any]) -> Set[str]:
    """The variables that the pipeline refers to, as ``${ROCKETRIDE_…}``."""
    return set(_iter_references(pipeline))


def _iter_references(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, Mapping):
        for part in (*value, *value.values()):
            yield from _iter_references(part)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _iter_references(item)


def _read(path: str, deadline: Deadline) -> Any:
    content = read_limited("the pipeline file", path, _MOST_BYTES, deadline)
    try:
        # The codec `utf-8-sig` is written in Python, which makes new exceptions of what a signal handler raises there.
        text = content.decode()
        return _parse(text[text.startswith(_BYTE_ORDER_MARK) :], path)
    except UnicodeDecodeError:
        reason = f"it is not UTF-8{utf_16_hint(content)}"
    except MemoryError:
        reason = "there is not enough memory for what is in it"
    raise ConfigurationError(f"the pipeline file {path!r} cannot be read: {reason}")


def _parse(text: str, shown: str) -> Any:
    if not text.strip():
        raise ConfigurationError(
            f"the pipeline file {shown!r} is empty: a JSON object with a list of components is expected"
        )
    read_json5 = None
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        problem = _MISSING_JSON5.format(where=where)
        read_json5 = _json5()
    except RecursionError:
        problem = "is JSON that cannot be read: it is nested too deeply"
    except ValueError as error:
        pass_on(error, foreign_code=True)
        problem = "is JSON that cannot be read: a number has too many digits"
    if read_json5 is not None:
        try:
            return read_json5(text)
        except (ValueError, RecursionError) as error:
            pass_on(error, foreign_code=True)
            # First what is wrong with it as JSON, which most pipelines are: what a parser of JSON5 says is harder to read.
            problem = f"is neither JSON ({where}) nor JSON5 ({excerpt(str(error), 200)})"
    raise ConfigurationError(f"the pipeline file {shown!r} {problem}")


def _json5() -> Optional[Callable[[str], Any]]:
    try:
        with import_lock:
            import json5  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        pass_on(error, foreign_code=True)
        return None
    return json5.loads  # type: ignore[no-any-return,unused-ignore]
