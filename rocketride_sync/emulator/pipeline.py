"""Parsing and checking pipeline documents."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, Callable, Collection, Dict, FrozenSet, List, Mapping, Match, Optional, Tuple

import attrs

from .request_errors import RequestError

SOURCES = frozenset({"files", "webhook", "dropper", "chat", "simulate"})
PROVIDERS = SOURCES | {"wordcount", "response"}

Problem = Dict[str, str]
Report = Callable[[RequestError, Optional[str]], None]

_PLACEHOLDER = re.compile(r"\$\{(ROCKETRIDE_\w+)\}")


@attrs.frozen(kw_only=True)
class Component:
    """One component of a pipeline.

    Attributes:
        id: its name within the pipeline.
        provider: what it does; see `PROVIDERS`.
        title: its name for people.
        config: the settings of its provider.
        inputs: the ids of the components that it gets data from.
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
        project_id: the project; a random id when the document has none.
        source: the component where data enters.
        chain: the source and all components that its data reaches, in the document's order.
        document: the document as received. Its placeholders are not replaced, because other clients may read it.
    """

    project_id: str
    source: Component
    chain: Tuple[Component, ...]
    document: Mapping[str, Any]

    @property
    def key(self) -> Tuple[str, str]:
        """Project and source. Runs with the same key are runs of the same task."""
        return self.project_id, self.source.id

    def has(self, provider: str) -> bool:
        """Whether data reaches a component of this provider."""
        return any(component.provider == provider for component in self.chain)


def parse_pipeline(document: Any, env: Mapping[str, str]) -> Pipeline:
    """Parse a pipeline document, ``{"project_id", "source", "components": [{"id", "provider", "config", "input"}]}``.

    Args:
        document: the document.
        env: values for placeholders such as ``${ROCKETRIDE_FOLDER}``, by name. A placeholder without a value stays as
            it is, and so does one without the prefix ``ROCKETRIDE_``.

    Raises:
        RequestError: the document is invalid; the message says what is wrong and where.
    """
    filled = _fill_placeholders(_required(document), env)
    components = _parse_components(filled, _refuse)
    source = _find_source(filled, components)
    _check_inputs(components, components, _refuse)
    project_id = filled.get("project_id") or str(uuid.uuid4())
    if not isinstance(project_id, str):
        raise RequestError("Pipeline: 'project_id' must be a string")
    return Pipeline(
        project_id=project_id, source=source, chain=_reachable(source, components), document=document
    )


def check_pipeline(document: Any, source: Optional[str]) -> List[Problem]:
    """All that `parse_pipeline` would refuse in the document, each with the id of its component, if it is about one.

    `source` takes the place of the document's own, if it is given.
    """
    problems: List[Problem] = []

    def report(error: RequestError, component: Optional[str]) -> None:
        problems.append({"message": str(error), **({"id": component} if component else {})})

    try:
        filled = _fill_placeholders(_required(document), {})
        filled = {**filled, **({"source": source} if source else {})}
        components = _parse_components(filled, report)
        names = [_id_of(item) for item in filled["components"]]
        _check_inputs(components, names, report)
        if filled.get("source") not in set(names) - set(components):  # that was reported with the component
            _find_source(filled, components)
    except RequestError as error:
        report(error, None)
    return problems


def _refuse(error: RequestError, _: Optional[str]) -> None:
    raise error


def _required(document: Any) -> Dict[str, Any]:
    if not isinstance(document, dict) or not document:
        raise RequestError("Pipeline configuration or file path is required and must be specified")
    return document


def _fill_placeholders(document: Dict[str, Any], env: Mapping[str, str]) -> Dict[str, Any]:
    """The document with its placeholders replaced.

    Raises RequestError for what JSON and UTF-8 cannot represent (NaN, lone surrogates, endless nesting), because
    answers repeat the document.
    """
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False)
        text.encode()
        filled: Dict[str, Any] = json.loads(
            _PLACEHOLDER.sub(lambda found: _placeholder_value(found, env), text)
        )
    except (ValueError, RecursionError) as error:
        reason = str(error)
    else:
        return filled
    raise RequestError(f"Pipeline: not a valid JSON document: {reason}")


def _placeholder_value(found: Match[str], env: Mapping[str, str]) -> str:
    """The value of a placeholder, escaped for use within a JSON string."""
    name = found.group(1)
    return json.dumps(env[name], ensure_ascii=False)[1:-1] if name in env else found.group()


def _parse_components(document: Dict[str, Any], report: Report) -> Dict[str, Component]:
    """The components by id. Those that are wrong are reported."""
    items = document.get("components")
    if not isinstance(items, list) or not items:
        raise RequestError("Pipeline: 'components' must be a list of at least one component")
    found: Dict[str, Component] = {}
    for index, item in enumerate(items):
        where = f"Pipeline: components[{index}]"
        try:
            component = _parse_component(item, where)
        except RequestError as error:
            report(error, _id_of(item))
            continue
        if component.id in found:
            report(RequestError(f"{where}: the id {component.id!r} is taken already"), component.id)
        found[component.id] = component
    return found


def _id_of(item: Any) -> Optional[str]:
    name = item.get("id") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None


def _parse_component(item: Any, where: str) -> Component:
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
        id=item["id"],
        provider=item["provider"],
        title=title,
        config=config,
        inputs=_parse_inputs(item, where),
    )


def _parse_inputs(item: Dict[str, Any], where: str) -> Tuple[str, ...]:
    links = item.get("input", [])
    if not isinstance(links, list) or not all(
        isinstance(link, dict) and isinstance(link.get("from"), str) for link in links
    ):
        raise RequestError(f'{where}: \'input\' must be a list of {{"lane": …, "from": component id}}')
    return tuple(link["from"] for link in links)


def _find_source(document: Dict[str, Any], components: Dict[str, Component]) -> Component:
    source_id = document.get("source")
    if not source_id:
        raise RequestError("Pipeline does not have a source component defined")
    if not isinstance(source_id, str) or source_id not in components:
        raise RequestError(f"Pipeline: 'source' names no component: {source_id!r}")
    if components[source_id].provider not in SOURCES:
        raise RequestError(f"Pipeline: the component {source_id!r} cannot be the source")
    return components[source_id]


def _check_inputs(components: Dict[str, Component], names: Collection[Optional[str]], report: Report) -> None:
    """Report what gets input from none of `names`, or from nowhere."""
    for component in components.values():
        where = f"Pipeline: component {component.id!r}"
        for name in component.inputs:
            if name not in names:
                report(RequestError(f"{where}: no component {name!r} to get input from"), component.id)
        if component.provider not in SOURCES and not component.inputs:
            report(RequestError(f"{where} has no 'input', so nothing would reach it"), component.id)


def _reachable(source: Component, components: Dict[str, Component]) -> Tuple[Component, ...]:
    reached: FrozenSet[str] = frozenset({source.id})
    while True:
        chain: List[Component] = [
            c for c in components.values() if c.id in reached or reached & set(c.inputs)
        ]
        if len(chain) == len(reached):
            return tuple(chain)
        reached = frozenset(c.id for c in chain)
