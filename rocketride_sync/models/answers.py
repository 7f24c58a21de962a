"""The shapes of answers that stay plain dicts, for type checkers. Keys may be missing, and others may be there."""

from __future__ import annotations

from typing import Any, Dict, List, TypedDict


class ValidationMessage(TypedDict, total=False):
    """One error or warning about a pipeline: ``message``, and ``id``, the component that it is about, if it is about one."""

    message: str
    id: str


class ValidationResult(TypedDict, total=False):
    """What `validate` found. ``errors`` and ``warnings`` are always there; a pipeline with errors will not run."""

    errors: List[ValidationMessage]
    warnings: List[ValidationMessage]


class ServiceSummary(TypedDict, total=False):
    """What `get_services` says of one service. ``get_service`` adds sections of its configuration, under their names."""

    title: str
    description: str
    protocol: str
    classType: List[str]
    capabilities: int
    lanes: Dict[str, List[str]]
    input: List[Dict[str, Any]]
    icon: str
    documentation: str


class Services(TypedDict, total=False):
    """The answer of `get_services`: ``services`` by name, and on newer servers ``icons`` (id to SVG) and ``version``."""

    services: Dict[str, ServiceSummary]
    icons: Dict[str, str]
    version: int


class ServerInfo(TypedDict, total=False):
    """The answer of `get_server_info`: ``version`` such as ``"3.2.1.0"``, and what was built: ``hash`` and ``stamp``."""

    version: str
    hash: str
    stamp: str
