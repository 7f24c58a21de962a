"""The client: one class composed of the method classes in this package."""

from __future__ import annotations

import atexit
import sys
import warnings
import weakref
from types import FunctionType, TracebackType
from typing import Mapping, NoReturn, Optional, Type, Union

from ..config import (
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_MAX_RESPONSE_BYTES,
    DEFAULT_MAX_STATUS_BYTES,
    DEFAULT_RETRY,
    Auth,
    Cert,
    Settings,
    Verify,
    resolve,
)
from ..errors import RocketRideWarning
from ..logs import log
from ..options import CLIENT_TIMEOUT, RetryPolicy, Seconds, TransportName
from ..transports import Transport, create
from ..transports.caller import Caller
from .base_client import Explaining, ExplainingObject, explains_arguments
from .catalogue_methods import CatalogueMethods
from .lifecycle_methods import LifecycleMethods
from .many_tasks_methods import ManyTasksMethods
from .running_methods import RunningMethods
from .sending_methods import SendingMethods
from .starting_methods import StartingMethods
from .status_methods import StatusMethods


class RocketRideClient(
    StatusMethods,
    ManyTasksMethods,
    StartingMethods,
    RunningMethods,
    LifecycleMethods,
    SendingMethods,
    CatalogueMethods,
    ExplainingObject,
    metaclass=Explaining,
):
    """A blocking client of one RocketRide server. Making one does no I/O.

    Threads may share it, and it can be used after `fork` and after `close`. If a client with open connections is
    garbage collected, it closes them, with a `ResourceWarning`.

    Args:
        uri: ``host[:port]`` or an ``http(s)://`` or ``ws(s)://`` address, with or without a base path. Default:
            ``ROCKETRIDE_URI``, else ``https://api.rocketride.ai``.
        auth: the API key. Default: ``ROCKETRIDE_APIKEY``. Or a task token used as credential: then a request about
            another task raises `ConfigurationError`. Or a function that returns the key. It is called when a key is
            first needed, and once more when the server refuses a key. Its exceptions come out unchanged. Its time is
            not limited.
        transport: ``"auto"`` (WebSocket, and HTTP where that is refused), ``"websocket"``, ``"http"``, or an
            object with the interface of `rocketride_sync.transports.Transport`.
        timeout: seconds for one call, everything included; None is unlimited.
        connect_timeout: the part of `timeout` that connecting may take (TCP, proxy, TLS, upgrade; with "auto" the answer to
            the key too), in seconds; None is limited only by `timeout`.
        retry: how to retry after transient faults.
        verify: True, False (no check of the server's certificate), or a path to CA certificates.
        cert: a client certificate: a path, or the paths (certificate, key).
        proxies: as in requests: ``{"https": "http://proxy:3128"}``. Default: the environment.
        headers: more HTTP headers for every request and every WebSocket upgrade, for example for a gateway. Never
            logged.
        max_response_bytes: a larger message is a `ProtocolError`. Over WebSocket, a wait also receives a list of all
            active tasks. Default 250 MiB, the largest legal one.
        max_status_bytes: the same for a status, which is decoded in the time of its call. Default 32 MiB, twenty times
            the largest that was seen.

    Raises:
        ConfigurationError: if an argument, or the environment variable used in its place, is unusable.

    Warns:
        RocketRideWarning: the key would travel unencrypted to another machine; or `verify` is False; or white space
            around the value of an environment variable was left out.
    """

    _owner: Optional[RocketRideClient] = None  # whose connections it uses, if they are not its own

    def __init__(
        self,
        uri: Optional[str] = None,
        auth: Optional[Auth] = None,
        *,
        transport: Union[TransportName, Transport] = "auto",
        timeout: Optional[Seconds] = 30.0,
        connect_timeout: Optional[Seconds] = DEFAULT_CONNECT_TIMEOUT,
        retry: RetryPolicy = DEFAULT_RETRY,
        verify: Verify = True,
        cert: Cert = None,
        proxies: Optional[Mapping[str, str]] = None,
        headers: Optional[Mapping[str, str]] = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        max_status_bytes: int = DEFAULT_MAX_STATUS_BYTES,
    ) -> None:
        address, credential = resolve(uri, auth)
        self._settings = Settings(
            address=address,
            auth=credential,
            timeout=timeout,
            connect_timeout=connect_timeout,
            retry=retry,
            verify=verify,
            cert=cert,
            proxies=proxies,
            headers=headers,
            max_response_bytes=max_response_bytes,
            max_status_bytes=max_status_bytes,
        )
        self._transport = create(transport, self._settings)
        self._caller = Caller(self._transport, retry)
        _clients[id(self)] = self
        shown = transport if isinstance(transport, str) else type(transport).__name__
        log.debug("a client of %s, transport %s", address, shown)
        if isinstance(transport, str):
            for risk in self._settings.risks():
                warnings.warn(risk, RocketRideWarning, stacklevel=3)  # beyond what explains arguments

    def with_options(
        self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT, retry: Optional[RetryPolicy] = None
    ) -> RocketRideClient:
        """A client with another `timeout` or `retry`, which shares the connections of this one.

        Closing it, or leaving its ``with`` block, closes nothing: the connections are this client's.

        Args:
            timeout: seconds for one call; omitted, that of this client; None is unlimited.
            retry: how to retry after transient faults; None, the default, is the policy of this client.
        """
        self._memory_of_terminated()  # before it is copied: what one of the two ends, the other knows
        known = self._settings
        settings = known._replace(timeout=self._limit(timeout), retry=known.retry if retry is None else retry)
        other = object.__new__(type(self))
        vars(other).update(vars(self), _settings=settings, _owner=self._owner or self)
        other._caller = Caller(self._transport, settings.retry)
        return other

    def close(self) -> None:
        """Close every connection: those in use, once their call is over. May be called twice; a later call opens new ones.

        It ends no call and no wait: a wait in another thread goes on, over a new connection if it needs one. To end a wait
        from another thread, let its `on_progress` raise an exception, or give it a `timeout`.
        """
        if self._owner is None:
            self._transport.close()

    def __del__(self) -> None:
        # At interpreter exit `_close_all` has closed the clients already.
        if sys is None or sys.is_finalizing() or not self._is_open():
            return
        try:
            message = f"{self!r} was not closed; use it in a with block, or call close()"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)
        finally:
            self.close()

    def _is_open(self) -> bool:
        return self._owner is None and bool(getattr(getattr(self, "_transport", None), "is_open", False))

    def __enter__(self) -> RocketRideClient:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a RocketRideClient holds a key and connections, so it is not pickled; make one in each process"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.address}>"


# Their arguments differ from those of the asynchronous client.
_EXPLAINED = ("__init__", "chat", "get_service", "ping", "pipe", "send", "use")


def _name_methods() -> None:
    """Give the public methods the name of the class that users know: Python's TypeErrors show it."""
    for base in RocketRideClient.__mro__:
        for name, method in list(vars(base).items()):
            function = getattr(method, "__func__", method)
            if isinstance(function, FunctionType) and not name.startswith("_"):
                function.__qualname__ = f"{RocketRideClient.__name__}.{name}"
    for name in _EXPLAINED:
        setattr(RocketRideClient, name, explains_arguments(getattr(RocketRideClient, name)))


# By `id`. No `WeakSet`: one cannot be walked while another thread makes a client.
_clients: weakref.WeakValueDictionary[int, RocketRideClient] = weakref.WeakValueDictionary()


@atexit.register
def _close_all() -> None:
    """Close the open clients at exit, before the modules that this needs are torn down."""
    for reference in _clients.valuerefs():
        client = reference()
        if client is not None and client._is_open():
            client.close()


_name_methods()
