"""Sending one object in one HTTP request: its headers, and its result in the answer. No sockets.

Source of the facts: docs/protocol.md, "Data".
"""

from __future__ import annotations

import re
from typing import Any, Dict
from urllib.parse import quote

from ..errors import ProtocolError
from .failures import failure, refused_object
from .http_answers import reported
from .operations import Operation

_PLAIN_NAME = re.compile(r"[A-Za-z0-9 !#$&'()+,.@\[\]^_`{}~=-]+")


def headers(operation: Operation) -> Dict[str, str]:
    """The headers that describe the object of `operation`, which must have `data`."""
    assert operation.data is not None
    described = {
        "Content-Type": operation.arguments["mimeType"],
        "Content-Length": str(operation.data.size),
    }
    name = operation.arguments["object"].get("name")
    if isinstance(name, str) and name:
        described["Content-Disposition"] = f"attachment; {_filename(name)}"
    return described


def _filename(name: str) -> str:
    """The file name as RFC 6266 wants it: quoted if it is plain ASCII, else as percent-encoded UTF-8.

    Not both forms: servers take the first, which would be the less exact one.
    """
    if _PLAIN_NAME.fullmatch(name):
        return f'filename="{name}"'
    return f"filename*=UTF-8''{quote(name, safe='')}"


def result(operation: Operation, data: Any, auth: str) -> Dict[str, Any]:
    """The result of the object, in the form in which a pipe returns it.

    Args:
        operation: the operation that was sent.
        data: the `data` of the answer's envelope.
        auth: the credential that was used. Its kind matters, and messages must not show it.

    Raises:
        ServerError: the server reports that the object failed. It may be a subclass, such as `TaskNotFoundError`.
        ProtocolError: the answer holds no result of the object.
    """
    objects = data.get("objects") if isinstance(data, dict) else None
    documents = list(objects.values()) if isinstance(objects, dict) else []
    (found,) = documents if len(documents) == 1 else (None,)
    if not isinstance(found, dict):
        raise ProtocolError(f"{operation.name} failed: the answer does not say what became of the object")
    document = dict(found)
    if document.pop("status", "OK") != "OK":
        message, code, hint = reported(document)
        raise failure(operation, message, auth, code=code, hint=hint)
    if not document:  # so answers an older server if the object failed
        raise refused_object(operation.name)
    types = data.get("resultTypes")
    return {**document, "result_types": types} if types else document
