"""Tries the way to the server step by step, over the connections that calls use, for whoever looks for what is wrong."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List, Optional, Tuple

from ..config import Settings
from ..deadline import Deadline, system_time
from ..errors import (
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
    RocketRideError,
    TaskNotFoundError,
)
from ..handler_exceptions import pass_on
from ..loading import load
from ..protocol.catalogue_operations import get_server_info
from ..protocol.failures import TunnelRefusedError, is_task_credential
from . import tcp
from .auto import AutoTransport
from .bounded_names import names_within
from .check_findings import STEP_TEXTS, Finding, measured, proxy_with_reason
from .dialing import Dialer, guarded
from .http import HttpTransport
from .presence import says_no_server, status_of_no_task
from .proxies import Proxy
from .websocket import WebSocketTransport
from .websocket.upgrade import UPGRADE_REFUSED


class ConnectionCheck:
    """The steps to one server.

    Args:
        settings: those of the client.
        transport: ``auto``, ``websocket`` or ``http``: the way that the client would go.
        deadline: of all steps together.
        key_fault: why there is no key; the settings have another word in its place then.
    """

    def __init__(
        self,
        settings: Settings,
        transport: str,
        deadline: Deadline,
        key_fault: Optional[ConfigurationError] = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._deadline = deadline
        self._key_fault = key_fault
        self._proxy: Optional[Proxy] = None
        self._dialer = Dialer(settings)
        self._needs_look_up = True

    def findings(self) -> Iterator[Finding]:
        """Try the steps, one after the other, and yield what each came to."""
        load(_checking)
        with names_within(self._deadline):
            yield from self._reach()

    def _reach(self) -> Iterator[Finding]:
        proxy = measured("proxy", self._find_proxy)
        name = Finding("name", tried=False) if proxy.error else measured("name", self._look_up)
        yield name if self._needs_look_up else name._replace(seconds=None)
        yield proxy._replace(seconds=None)
        reached = not (name.error or proxy.error)
        dialled = self._dial() if reached else self._not_dialled()
        yield from dialled
        broken = next((found for found in dialled if found.error), None)
        if reached and (broken is None or not broken.needed):
            yield from self._ask(websocket=broken is None)
        else:
            yield from (Finding(step, tried=False) for step in ("http", "websocket", "key"))

    def _find_proxy(self) -> str:
        self._proxy, text = proxy_with_reason(self._settings.address)
        return text

    def _look_up(self) -> str:
        address, proxy = self._settings.address, self._proxy
        if proxy is not None and proxy.is_socks and not proxy.resolves:
            proxy = None  # it gets an address, so the server's name is looked up here
        host, port = (address.host, address.port or 0) if proxy is None else (proxy.host, proxy.port)
        found = guarded(address, tcp.addresses_of, host, port)
        ips = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        more = f" and {len(ips) - 3} more" if len(ips) > 3 else ""
        whose = "" if proxy is None else " (the proxy; it looks up the server's name)"
        if ips == [host]:
            self._needs_look_up = False
            return f"{host} is an address: no look-up needed{whose}"
        return f"{host} is {', '.join(ips[:3])}{more}{whose}"

    def _steps(self) -> List[str]:
        steps = ["tcp"] + (["tunnel"] if self._proxy is not None else [])
        return steps + (["tls"] if self._settings.address.secure else [])

    def _not_dialled(self) -> List[Finding]:
        return [Finding(step, tried=False) for step in self._steps()] + self._no_tls(tried=False)

    def _no_tls(self, *, tried: bool) -> List[Finding]:
        if self._settings.address.secure:
            return []
        unused = Finding("tls", "the address begins with http://", used=False)
        return [unused if tried else Finding("tls", tried=False)]

    def _dial(self) -> List[Finding]:
        """Connect once, and close. With plain HTTP, an HTTP proxy has to open a tunnel for WebSocket only."""
        marks: List[Tuple[str, str, float]] = []

        def told(step: str, sock: Any) -> None:
            marks.append((step, STEP_TEXTS[step](sock), system_time.perf_counter()))

        try:
            self._dialer.dial(self._deadline.within(self._settings.connect_timeout), told).close()
            fault, needed = None, False
        except RocketRideError as error:
            pass_on(error)
            fault = error.with_traceback(None)
        done = [
            Finding(step, text, seconds=at - before)
            for (_, _, before), (step, text, at) in zip(marks, marks[1:])
        ]
        left = [Finding(step, tried=False) for step in self._steps()[len(done) :]]
        if fault is not None:
            # Before it connects, the dialer reads the files for TLS.
            at = 0 if marks else -1
            took = system_time.perf_counter() - marks[-1][2] if marks else None
            needed = not (self._needs_no_tunnel(fault) and left[at].step == "tunnel")
            left[at] = Finding(left[at].step, error=fault, seconds=took, needed=needed)
        return done + left + self._no_tls(tried=not needed)

    def _needs_no_tunnel(self, fault: RocketRideError) -> bool:
        if self._proxy is None or not self._proxy.gets_whole_urls(self._settings.address):
            return False
        return self._transport == "http" or (
            self._transport == "auto" and isinstance(fault, TunnelRefusedError)
        )

    def _ask(self, *, websocket: bool) -> Iterator[Finding]:
        http = self._ask_over_http()
        upgrade, key = self._open_websocket() if websocket else (Finding("websocket", tried=False), None)
        refused = isinstance(upgrade.error, UPGRADE_REFUSED)
        # No RocketRide server: a key says nothing there.
        stranger = refused and says_no_server(http.error)
        falls_back = refused or not upgrade.tried
        needed = self._transport == "websocket" or (self._transport == "auto" and not falls_back)
        broken = False
        if not stranger and (self._transport == "http" or (key is None and not needed)):
            key = measured("key", self._try_key_over_http)
            # If both requests over HTTP failed, the first is what is wrong; but a key that was refused was answered.
            broken = http.error is not None and _is_unanswered(key.error)
        yield http._replace(needed=stranger or broken or self._transport == "http")
        yield upgrade._replace(needed=needed and not stranger)
        yield Finding("key", tried=False) if key is None or broken else key

    def _ask_over_http(self) -> Finding:
        """The second request, over the connection that the first has made: so its time is that of a round trip.

        It leaves WebSocket, which it says nothing about, as much time as it takes.
        """
        deadline = self._deadline.within(self._deadline.remaining() / 2)
        with contextlib.closing(HttpTransport(self._settings)) as transport:
            first = measured("http", lambda: self._ask_version(transport, deadline))
            return first if first.error else measured("http", lambda: self._ask_version(transport, deadline))

    def _ask_version(self, transport: HttpTransport, deadline: Deadline) -> str:
        answer = transport.call(get_server_info(), deadline)
        version = answer.get("version") if isinstance(answer, dict) else None
        return f"it answers; version {version}" if isinstance(version, str) else "it answers"

    def _open_websocket(self) -> Tuple[Finding, Optional[Finding]]:
        """What came of the upgrade, and of the credential; None if it was not tried.

        Until the key is answered, the upgrade has not passed, as for a call. HTTP gets its time.
        """
        began = system_time.perf_counter()
        upgraded: List[float] = []
        fault: Optional[RocketRideError] = None
        version = None

        def on_upgrade() -> None:
            upgraded.append(system_time.perf_counter())
            if self._key_fault is not None:
                raise self._key_fault

        try:
            share = None if self._transport == "websocket" else AutoTransport.UPGRADE_SHARE
            transport = WebSocketTransport(self._settings, dialer=self._dialer, upgrade_share=share)
            connection = transport.connect(self._deadline, on_upgrade=on_upgrade)
            version = connection.server_version
            connection.close()
        except RocketRideError as error:
            pass_on(error)
            fault = error.with_traceback(None)
        now = system_time.perf_counter()
        if not upgraded or isinstance(fault, UPGRADE_REFUSED):
            return Finding("websocket", error=fault, seconds=now - began), None
        text = "accepted" if version is None else f"accepted; version {version}"
        key = Finding("key", "" if fault else text, fault, now - upgraded[0])
        return Finding("websocket", "the upgrade is accepted", seconds=upgraded[0] - began), key

    def _try_key_over_http(self) -> str:
        if self._key_fault is not None:
            raise self._key_fault
        with contextlib.closing(HttpTransport(self._settings)) as transport:
            try:
                transport.call(status_of_no_task("get_task_status"), self._deadline)
            except TaskNotFoundError as error:
                pass_on(error)
                if is_task_credential(self._settings.key):
                    raise  # a task's own token, of a task that is forgotten
            except PermissionDeniedError as error:
                pass_on(error)
                return "accepted, but it may not read the status of tasks"
        return "accepted"


def _is_unanswered(error: Optional[RocketRideError]) -> bool:
    """Whether a request with the key got no answer of a server that says anything about the key."""
    return error is not None and not isinstance(error, (AuthenticationError, TaskNotFoundError))


def _checking() -> None:
    """Import what the steps need before they begin: it is no part of their times."""
    from .http import session  # noqa: F401
    from .websocket import connection  # noqa: F401
