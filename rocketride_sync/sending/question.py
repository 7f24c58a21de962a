"""The document of a question, as the official client sends it: its class ``Question`` in plain values."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from .. import arguments, documents
from ..errors import ConfigurationError
from ..handler_exceptions import pass_on
from ..protocol import object_operations
from ..protocol.operations import Operation
from ..transports.chunks import Bytes

_MIME_TYPE = "application/rocketride-question"

Question = Union[str, Sequence[str], Mapping[str, Any]]
Pairs = Union[Mapping[str, Any], Iterable[Tuple[str, Any]]]
Texts = Union[str, Sequence[Any]]

_FILTER = {
    "fullTables": False,
    "fullDocuments": False,
    "offset": 0,
    "limit": 25,
    "minChunkId": None,
    "maxChunkId": None,
    "nodeId": None,
    "parent": None,
    "name": None,
    "permissions": None,
    "isDeleted": None,
    "objectIds": None,
    "chunkIds": None,
    "isTable": None,
    "tableIds": None,
    "useQuickRank": False,
    "useGroupRank": False,
    "followUpQuestions": 5,
    "context": False,
}
_DEFAULTS = {
    "type": "question",
    "filter": _FILTER,
    "expectJson": False,
    "cachePrefix": False,
    "role": "",
    "instructions": [],
    "history": [],
    "examples": [],
    "context": [],
    "goals": [],
    "documents": [],
    "questions": [],
}


def operation(
    token: str,
    number: int,
    question: Question,
    *,
    role: Optional[str] = None,
    instructions: Optional[Pairs] = None,
    examples: Optional[Pairs] = None,
    history: Optional[Pairs] = None,
    context: Optional[Texts] = None,
    goals: Optional[Texts] = None,
    expect_json: Optional[bool] = None,
) -> Operation:
    """Send a question; the answer is its result. A part that is None has the official client's default.

    `number` counts the questions of a client from 1, and is in the name of the object. The other arguments are those of
    `RocketRideClient.chat`.

    Raises:
        ConfigurationError: there is no question, or a part of it has a wrong form.
    """
    given = {
        "role": None if role is None else arguments.text("role", role),
        "instructions": _pairs("instructions", instructions, "subtitle", "instructions"),
        "examples": _pairs("examples", examples, "given", "result"),
        "history": _pairs("history", history, "role", "content"),
        "context": _texts("context", context),
        "goals": _texts("goals", goals),
        "expectJson": arguments.optional_flag("expect_json", expect_json),
    }
    document = {**_question(question), **{name: part for name, part in given.items() if part is not None}}
    text = json.dumps(documents.document("question", document), ensure_ascii=False)
    data = Bytes(text.encode("utf-8", "replace"), None)  # whole: servers parse each piece by itself
    return object_operations.send("chat", token, {"name": f"Question {number}"}, _MIME_TYPE, data=data)


def _question(question: Any) -> Dict[str, Any]:
    """The document of the question alone, with a filter that is whole."""
    if isinstance(question, Mapping):
        chosen = question.get("filter")
        merged = {**_FILTER, **chosen} if isinstance(chosen, Mapping) else _FILTER
        document = {**_DEFAULTS, **question, "filter": merged}
        asked = document["questions"]
    else:
        asked = [question] if isinstance(question, str) else question
        document = dict(_DEFAULTS)
    if not isinstance(asked, (list, tuple)) or not asked:
        raise ConfigurationError(
            f"question must be a string, a list of them, or a dict with a list of questions, not {type(question).__name__}"
        )
    return {**document, "questions": [_asked(item, f"question[{at}]") for at, item in enumerate(asked)]}


def _asked(item: Any, where: str) -> Dict[str, Any]:
    known: Mapping[str, Any] = item if isinstance(item, Mapping) else {"text": item}
    return {
        "embedding_model": None,
        "embedding": None,
        **known,
        "text": arguments.text(where, known.get("text")),
    }


def _pairs(name: str, value: Any, first: str, second: str) -> Optional[List[Dict[str, str]]]:
    """Pairs as a list of objects; what is not text in the second place is written as JSON, as there."""
    if value is None:
        return None
    items = value.items() if isinstance(value, Mapping) else value
    try:
        pairs = [(item[first], item[second]) if isinstance(item, Mapping) else tuple(item) for item in items]
        return [{first: arguments.text(name, one), second: _as_text(other)} for one, other in pairs]
    except (TypeError, ValueError, KeyError) as error:
        pass_on(error, foreign_code=True)
        problem = f"{name} must be pairs of {first} and {second}, not {type(value).__name__}"
    raise ConfigurationError(problem)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _texts(name: str, value: Any) -> Optional[List[str]]:
    """A text, or several, as a list; objects and lists among them in Python's notation, as there."""
    if value is None:
        return None
    items = [value] if isinstance(value, (str, Mapping)) else value
    if isinstance(items, (list, tuple)) and all(isinstance(item, (str, Mapping, list)) for item in items):
        return [item if isinstance(item, str) else str(item) for item in items]
    raise ConfigurationError(f"{name} must be a list of strings, not {type(value).__name__}")
