"""Pipeline documents, as they come over the wire, checked and made into values."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, Dict, FrozenSet, List, Mapping, Match, Tuple

import attrs

from .request_errors import RequestError

SOURCES = frozenset({"files", "webhook", "dropper", "simulate"})
PROVIDERS = SOURCES | {"wordcount"}

_PLACEHOLDER = re.compile(r"\$\{(ROCKETRIDE_\w+)\}")


@attrs.frozen(kw_only=True)
class Component:
    """One component of a pipeline.

    Attributes:
        id: its name within the pipeline.
        provider: what it does; see `PROVIDERS`.
        title: its name for people.
        config: the settings of its provider.
        inputs: the ids of the components it gets data from.
    """

    id: str
    provider: str
    title: str
    config: Mapping[str, Any]
    inputs: Tuple[str, ...]


@attrs.frozen(kw_only=True)
class Pipeline:
    """A checked pipeline.

    Attributes:
        project_id: the project; a random one when the document has none.
        source: the component the data enters by.
        chain: the source and every component its data reaches, in the document's order.
        document: the document as it came, its placeholders still in it: others may read it.
    """

    project_id: str
    source: Component
    chain: Tuple[Component, ...]
    document: Mapping[str, Any]

    @property
    def key(self) -> Tuple[str, str]:
        """Project and source: what makes two runs runs of the same task."""
        return self.project_id, self.source.id

    @property
    def counts_words(self) -> bool:
        return any(component.provider == "wordcount" for component in self.chain)


def parse(document: Any, env: Mapping[str, str]) -> Pipeline:
    """Check a pipeline document, ``{"project_id", "source", "components": [{"id", "provider", "config", "input"}]}``.

    Args:
        document: the document.
        env: what its placeholders, such as ``${ROCKETRIDE_FOLDER}``, stand for. One that is not there stays as it is,
            and so does every name without that prefix.

    Raises:
        RequestError: it cannot be run; the text says what is wrong and where.
    """
    if not isinstance(document, dict) or not document:
        raise RequestError("Pipeline configuration or file path is required and must be specified")
    filled = _fill(document, env)
    components = _components(filled)
    source = _source(filled, components)
    _check_inputs(components)
    project_id = filled.get("project_id") or str(uuid.uuid4())
    if not isinstance(project_id, str):
        raise RequestError("Pipeline: 'project_id' must be a string")
    return Pipeline(project_id=project_id, source=source, chain=_chain(source, components), document=document)


def _fill(document: Dict[str, Any], env: Mapping[str, str]) -> Dict[str, Any]:
    """The document with its placeholders replaced.

    What JSON or UTF-8 cannot carry (NaN, lone surrogates, endless nesting) could not be answered with.
    """
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False)
        text.encode()
        filled: Dict[str, Any] = json.loads(_PLACEHOLDER.sub(lambda found: _value(found, env), text))
    except (ValueError, RecursionError) as error:
        fault = str(error)
    else:
        return filled
    raise RequestError(f"Pipeline: not a valid JSON document: {fault}")


def _value(found: Match[str], env: Mapping[str, str]) -> str:
    """The placeholder's value, as it stands within a JSON string."""
    name = found.group(1)
    return json.dumps(env[name], ensure_ascii=False)[1:-1] if name in env else found.group()


def _components(document: Dict[str, Any]) -> Dict[str, Component]:
    items = document.get("components")
    if not isinstance(items, list) or not items:
        raise RequestError("Pipeline: 'components' must be a list of at least one component")
    found: Dict[str, Component] = {}
    for index, item in enumerate(items):
        component = _component(item, f"Pipeline: components[{index}]")
        if component.id in found:
            raise RequestError(f"Pipeline: components[{index}]: the id {component.id!r} is taken already")
        found[component.id] = component
    return found


def _component(item: Any, where: str) -> Component:
    if not isinstance(item, dict):
        raise RequestError(f"{where} must be an object")
    for key in ("id", "provider"):
        if not isinstance(item.get(key), str) or not item[key]:
            raise RequestError(f"{where}: {key!r} must be a non-empty string")
    if item["provider"] not in PROVIDERS:
        known = ", ".join(sorted(PROVIDERS))
        raise RequestError(f"{where}: unknown provider {item['provider']!r}; this server has {known}")
    config = item.get("config", {})
    if not isinstance(config, dict):
        raise RequestError(f"{where}: 'config' must be an object")
    title = item.get("name", item["id"])
    if not isinstance(title, str):
        raise RequestError(f"{where}: 'name' must be a string")
    return Component(
        id=item["id"], provider=item["provider"], title=title, config=config, inputs=_inputs(item, where)
    )


def _inputs(item: Dict[str, Any], where: str) -> Tuple[str, ...]:
    links = item.get("input", [])
    if not isinstance(links, list) or not all(
        isinstance(link, dict) and isinstance(link.get("from"), str) for link in links
    ):
        raise RequestError(f'{where}: \'input\' must be a list of {{"lane": …, "from": component id}}')
    return tuple(link["from"] for link in links)


def _source(document: Dict[str, Any], components: Dict[str, Component]) -> Component:
    wanted = document.get("source")
    if wanted is None:
        entries = [c for c in components.values() if c.provider in SOURCES]
        if len(entries) != 1:
            raise RequestError("Pipeline: 'source' must name the component the data enters by")
        return entries[0]
    if not isinstance(wanted, str) or wanted not in components:
        raise RequestError(f"Pipeline: 'source' names no component: {wanted!r}")
    if components[wanted].provider not in SOURCES:
        raise RequestError(f"Pipeline: the component {wanted!r} cannot be the source")
    return components[wanted]


def _check_inputs(components: Dict[str, Component]) -> None:
    for component in components.values():
        for name in component.inputs:
            if name not in components:
                raise RequestError(
                    f"Pipeline: component {component.id!r}: no component {name!r} to get input from"
                )
        if component.provider not in SOURCES and not component.inputs:
            raise RequestError(
                f"Pipeline: component {component.id!r} has no 'input', so nothing would reach it"
            )


def _chain(source: Component, components: Dict[str, Component]) -> Tuple[Component, ...]:
    reached: FrozenSet[str] = frozenset({source.id})
    while True:
        chain: List[Component] = [
            c for c in components.values() if c.id in reached or reached & set(c.inputs)
        ]
        if len(chain) == len(reached):
            return tuple(chain)
        reached = frozenset(c.id for c in chain)
