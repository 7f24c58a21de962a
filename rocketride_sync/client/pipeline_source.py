"""The source of a pipeline, the component it starts at: whether it takes data that must be sent."""

from __future__ import annotations

from typing import Any, Mapping

from ..errors import ConfigurationError

_DATA_PROVIDERS = ("webhook", "chat", "dropper")  # docs/protocol.md, "The life of a task"


def takes_data(pipeline: Mapping[str, Any]) -> bool:
    """Whether the pipeline's source waits for data to be sent, so that its task never ends by itself.

    Raises:
        ConfigurationError: the pipeline does not name its source.
    """
    return _source_component(pipeline).get("provider") in _DATA_PROVIDERS


def source_id(pipeline: Mapping[str, Any]) -> str:
    """The id of the component that the pipeline starts at. Raises as `takes_data`."""
    return str(_source_component(pipeline).get("id"))


def _source_component(pipeline: Mapping[str, Any]) -> Mapping[str, Any]:
    source = pipeline.get("source")
    components = [item for item in pipeline["components"] if isinstance(item, Mapping)]
    found = [item for item in components if item.get("id") == source]
    if source is None:
        found = [item for item in components if not item.get("input")]
    if len(found) == 1:
        return found[0]
    if source is None:
        raise ConfigurationError("the pipeline does not say where it starts: name the component with source=")
    if found:
        raise ConfigurationError(
            f"the pipeline has {len(found)} components with the id {source!r}: give each its own"
        )
    raise ConfigurationError(f"the pipeline has no component {source!r} to start at")
