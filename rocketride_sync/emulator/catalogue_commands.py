"""The handlers of the WebSocket commands about pipelines and services: `rrext_validate` and `rrext_services`."""

from __future__ import annotations

from typing import Any, Dict

from .checked_fields import CheckedFields
from .pipeline import check_pipeline
from .request_errors import RequestError
from .services import definition, summaries

Arguments = Dict[str, Any]


def validate(arguments: Arguments, *, newer: bool) -> Dict[str, Any]:
    """What is wrong with a pipeline. The newer generation leaves out empty lists."""
    document = arguments.get("pipeline")
    source = CheckedFields(arguments, "validate").text("source")
    errors = check_pipeline(document, source)
    start = source or (document.get("source") if isinstance(document, dict) else None)
    found = {"errors": errors, "warnings": []}
    kept = {name: listed for name, listed in found.items() if listed or not newer}
    return {**kept, "component": None if errors else start, "chain": []}


def services(arguments: Arguments, *, newer: bool) -> Dict[str, Any]:
    """A summary of all services, or one of them in full."""
    name = CheckedFields(arguments, "services").text("service")
    if not name:
        return summaries(newer=newer)
    try:
        return dict(definition(name))
    except KeyError:
        pass
    raise RequestError(f"Service '{name}' not found")
