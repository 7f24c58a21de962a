"""What the server says of its services, which are the providers of its components."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .pipeline import SOURCES

_VERSION = 1
_TITLES = {
    "chat": ("Chat", "Takes questions, until it is terminated."),
    "dropper": ("Dropper", "Takes files that are dropped on a page, until it is terminated."),
    "files": ("Files", "Reads the files of a folder."),
    "response": (
        "Response",
        "Returns the text that reaches it; of a question, the question, since no model answers.",
    ),
    "simulate": ("Simulated work", "Pretends to work, as its config says."),
    "webhook": ("Webhook", "Takes objects over HTTP and WebSocket, until it is terminated."),
    "wordcount": ("Word count", "Counts the words that reach it."),
}


def summaries(*, newer: bool) -> Dict[str, Any]:
    """The answer that lists all services."""
    services = {name: _summary(name) for name in _TITLES}
    return {"services": services, **({"icons": {}, "version": _VERSION} if newer else {})}


def definition(name: Any) -> Mapping[str, Any]:
    """One service in full. Raises KeyError for an unknown name."""
    schema = {"type": "object", "additionalProperties": True}
    section = "Source" if name in SOURCES else "Pipe"
    return {**_summary(name), section: {"schema": schema, "ui": {}}}


def _summary(name: str) -> Dict[str, Any]:
    title, description = _TITLES[name]
    lanes = {"_source": ["questions" if name == "chat" else "text"]} if name in SOURCES else {"text": []}
    return {
        "title": title,
        "description": description,
        "protocol": f"{name}://",
        "classType": ["source" if name in SOURCES else "infrastructure"],
        "capabilities": 0,
        "lanes": lanes,
    }
