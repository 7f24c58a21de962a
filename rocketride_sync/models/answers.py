"""The shapes of answers that stay plain dicts, for type checkers. A server may add other keys."""

from __future__ import annotations

from typing import Any, Dict, List, TypedDict


class _Message(TypedDict):
    message: str


class ValidationMessage(_Message, total=False):
    """One error or warning about a pipeline: its ``message``, and ``id``, the component, if it is about one."""

    id: str


class ValidationResult(TypedDict):
    """What `validate` found: lists of ``errors`` and ``warnings``. A pipeline with errors will not run."""

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


class _Services(TypedDict):
    services: Dict[str, ServiceSummary]


class Services(_Services, total=False):
    """The answer of `get_services`: ``services`` by name, and on newer servers ``icons`` (id to SVG) and ``version``."""

    icons: Dict[str, str]
    version: int


class _Version(TypedDict):
    version: str


class ServerInfo(_Version, total=False):
    """The answer of `get_server_info`: ``version`` such as ``"3.2.1.0"``, and of which build: ``hash`` and ``stamp``."""

    hash: str
    stamp: str
