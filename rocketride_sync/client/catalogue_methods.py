"""The client's methods that ask what a server knows besides its tasks: of pipelines, of its services, of itself."""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, cast

from .. import arguments
from ..config import Settings, resolve
from ..deadline import Deadline
from ..errors import ProtocolError
from ..loading import load
from ..options import CLIENT_TIMEOUT, Seconds
from ..transports import http_of
from ..transports.caller import Caller
from .base_client import BaseClient, limit_of

if TYPE_CHECKING:
    # For type checkers it is a class method, which may be called on an object too.
    from builtins import classmethod as of_client_or_class

    from ..models.answers import ServerInfo, Services, ServiceSummary, ValidationMessage, ValidationResult
    from . import pipelines
else:

    class of_client_or_class(classmethod):  # noqa: N801 - a decorator
        """As `classmethod`; but called on an object, the method gets that, and not its class."""

        def __get__(self, client: Any, kind: Any = None) -> MethodType:
            return MethodType(self.__func__, kind if client is None else client)


# For the settings of a transport, which must have a key. It is not sent.
_NO_KEY = "this-is-no-key-and-is-not-sent"


class CatalogueMethods(BaseClient):
    """The methods of `RocketRideClient` that ask a server about pipelines, services and itself."""

    def validate(
        self,
        pipeline: Optional[Mapping[str, Any]] = None,
        *,
        filepath: Optional[pipelines.PathLike] = None,
        source: Optional[str] = None,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> ValidationResult:
        """Let the server check a pipeline, without running it. WebSocket only. Logs a warning if it refers to variables
        that are not set.

        Args:
            pipeline: the document.
            filepath: a ``.pipe`` or JSON file with it, instead; read as by `use`.
            source: the component to start at, instead of the pipeline's own ``source``.
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Returns:
            A dict with ``errors`` and ``warnings``, lists of dicts with a ``message`` and, if it is about one component,
            its ``id``; both are empty if all is well. Servers may add other keys, such as the pipeline with its
            variables filled in, which may then hold secrets.

        Raises:
            ConfigurationError: the document is not a pipeline, or the file cannot be read.
            ServerError: the server could not check it.
            ProtocolError: it answered without a verdict.
        """
        pipelines = load(_pipelines)
        deadline = Deadline(self._limit(timeout))
        document = pipelines.load(filepath, pipeline, None, deadline)
        pipelines.warn_of_unset(document)
        return self._validated(document, source, deadline)

    def _validated(
        self, document: pipelines.Pipeline, source: Optional[str], deadline: Deadline
    ) -> ValidationResult:
        """What the server says of a document that is known to be a pipeline. Raises as `validate`."""
        load(_asking)
        from ..protocol import catalogue_operations

        start = arguments.optional_text("source", source)
        answer = self._ask_until(catalogue_operations.validate(document, start), deadline)
        # Newer servers leave out what is empty, but say more than that.
        if not answer:
            raise ProtocolError("validate: the answer holds no verdict on the pipeline")
        found = {name: _messages(name, answer.get(name)) for name in ("errors", "warnings")}
        return cast("ValidationResult", {**answer, **found})

    def get_services(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> Services:
        """The services of the server, of which pipelines are made: a summary of each. WebSocket only.

        Args:
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Returns:
            The wire's document: ``services``, a dict of name to summary (``title``, ``classType``, ``lanes`` and
            others), and on newer servers ``icons``, a dict of the summaries' ``icon`` to SVG text, and ``version``.

        Raises:
            ProtocolError: the services are not an object.
        """
        load(_asking)
        from ..protocol import catalogue_operations

        answer = {"services": {}, **self._ask(catalogue_operations.get_services(), timeout)}
        if isinstance(answer["services"], dict):
            return cast("Services", answer)
        raise ProtocolError("get_services: the services are not an object")

    def get_service(self, name: str, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> ServiceSummary:
        """One service in full, with the schemas of its configuration. WebSocket only.

        Args:
            name: its name, such as ``webhook``: a key of ``get_services()["services"]``.
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Raises:
            ServerError: the server has no such service.
        """
        load(_asking)
        from ..protocol import catalogue_operations

        operation = catalogue_operations.get_service(arguments.text("name", name))
        return cast("ServiceSummary", self._ask(operation, timeout))

    def get_task_pipeline(
        self, token: str, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT
    ) -> Optional[Dict[str, Any]]:
        """The pipeline of a running task, with ``${ROCKETRIDE_…}`` as it was written. WebSocket only.

        None if the server has no pipeline to show. If the pipeline itself holds secrets, they are in the result.

        Args:
            token: the task's token.
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Raises:
            TaskNotFoundError: the server does not know the task.
            ProtocolError: the pipeline in the answer is not an object.
        """
        load(_asking)
        from ..protocol import catalogue_operations

        operation = catalogue_operations.get_task_pipeline(arguments.task_token(token))
        pipeline = self._ask(operation, timeout).get("pipeline")
        if pipeline is None or isinstance(pipeline, dict):
            return pipeline
        raise ProtocolError(f"get_task_pipeline: the pipeline is not an object but {type(pipeline).__name__}")

    @of_client_or_class
    def get_server_info(
        cls, uri: Optional[str] = None, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT
    ) -> ServerInfo:
        """The version of a server. The request goes over HTTP, and neither needs nor sends a key.

        ``client.get_server_info()`` asks the client's server. ``RocketRideClient.get_server_info(uri)`` needs no client.

        Args:
            uri: as of `RocketRideClient`. Default: the client's server; without a client ``ROCKETRIDE_URI``, else
                ``https://api.rocketride.ai``.
            timeout: seconds for this call; omitted, the client's, without a client 30; None is unlimited.

        Returns:
            The wire's document: ``version``, ``hash`` and ``stamp``.

        Raises:
            ProtocolError: the answer holds no version.
        """
        load(_asking)
        from ..protocol import catalogue_operations

        asked: Any = cls
        client = asked if isinstance(asked, BaseClient) else None
        settings = _settings_for(uri, client)
        own = None if client is None or uri is not None else client._transport
        deadline = Deadline(limit_of(settings, timeout))
        with http_of(own, settings) as http:
            answer = Caller(http, settings.retry).call(catalogue_operations.get_server_info(), deadline)
        if isinstance(answer, dict) and isinstance(answer.get("version"), str):
            return cast("ServerInfo", answer)
        raise ProtocolError("get_server_info: the answer holds no version")


def _settings_for(uri: Optional[str], client: Optional[BaseClient]) -> Settings:
    """The settings for a public call to `uri`: those of the client, if there is one, but for the address and the key."""
    if client is not None and uri is None:
        return client._settings
    address, _ = resolve(uri, _NO_KEY)
    if client is None:
        return Settings(address=address, auth=_NO_KEY)
    # Another server has no business with what is sent to a gateway of the client's.
    return client._settings._replace(address=address, auth=_NO_KEY, headers=None)


def _messages(kind: str, found: Any) -> List[ValidationMessage]:
    """The errors, or warnings, of an answer, as a list of dicts with a message."""
    items = [] if found is None else found
    if not isinstance(items, list) or not all(isinstance(item, (dict, str)) for item in items):
        raise ProtocolError(f"validate: the {kind} are not a list of objects")
    dicts = ({"message": item} if isinstance(item, str) else {"message": "", **item} for item in items)
    return [cast("ValidationMessage", item) for item in dicts]


def _asking() -> None:
    """Import what these methods need."""
    from ..protocol import catalogue_operations  # noqa: F401


def _pipelines() -> Any:
    from . import pipelines

    return pipelines
