"""Makes a TCP or TLS connection to the server within one deadline, directly or through a proxy.

Both transports connect here: websocket-client and urllib3 connect without a total deadline, and know other proxies.
"""

from __future__ import annotations

import base64
import socket
import ssl
from typing import TYPE_CHECKING, Any, Callable, Optional, Type, TypeVar

from ..address import DEFAULT_PORT, Address, bracketed
from ..config import Settings
from ..deadline import Deadline
from ..errors import (
    CertificateError,
    ConfigurationError,
    RocketRideError,
    TransportError,
    TransportTimeoutError,
)
from ..handler_exceptions import pass_on
from ..loading import load
from ..protocol.failures import refused_by_proxy
from ..redact import printable, reason_of
from .proxies import Proxy, proxy_for
from .tcp import connect, in_slices, set_timeout, use_tls_class

if TYPE_CHECKING:
    from .tls_over_tls import TlsOverTls

T = TypeVar("T")
Told = Callable[[str, Any], object]

_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
# A recipient may take a line feed alone for the end of a line (RFC 9112, section 2.2).
_ENDS_OF_HEAD = (b"\n\r\n", b"\n\n")
_LONGEST_PROXY_ANSWER = 65_536


class Dialer:
    """Makes connections to one server.

    Args:
        settings: address, TLS, proxies.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._context: Optional[ssl.SSLContext] = None
        self._proxy_context: Optional[ssl.SSLContext] = None

    def dial(self, deadline: Deadline, told: Told = lambda *_: None) -> Any:
        """A connected socket, or an object with those methods of one that the transports use.

        Args:
            deadline: of everything but name resolution, which cannot be bounded.
            told: called with the socket so far after each step: ``ready``, ``tcp``, ``tunnel``, ``tls``.

        Raises:
            TransportError, TransportTimeoutError, CertificateError.
            ConfigurationError: the proxy or a certificate file cannot be used.
            ServerError: the proxy refuses; a `TransportError` if that may pass.
        """
        address = self._settings.address
        proxy = proxy_for(address, self._settings.proxies)
        # Before anything is connected.
        if address.secure or (proxy is not None and proxy.secure):
            load(_tls_context)
        context = self._server_context() if address.secure else None
        if proxy is not None and proxy.is_socks:
            load(_pass_socks)
        if proxy is not None and proxy.secure and address.secure:
            load(_tls_over_tls)
        port = address.port or address.scheme_port
        host, first_port = (address.dialled_host, port) if proxy is None else (proxy.host, proxy.port)
        first = address if proxy is None else proxy
        told("ready", None)
        sock: Any = guarded(first, connect, host, first_port, deadline, _OPTIONS)
        try:
            told("tcp", sock)
            if proxy is not None:
                if proxy.secure:
                    sock = guarded(proxy, _start_tls, sock, proxy.host, self._context_of_proxy(), deadline)
                _pass_proxy(address, sock, proxy, port, deadline)
                told("tunnel", sock)
            if context is not None:
                sock = guarded(address, _start_tls, sock, address.host, context, deadline)
                told("tls", sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def _server_context(self) -> Any:
        if not _is_current(self._context):
            self._context = load(_tls_context)(self._settings.verify, self._settings.cert)
        return self._context

    def _context_of_proxy(self) -> Any:
        """Without our certificate, which is for the server."""
        if not _is_current(self._proxy_context):
            self._proxy_context = load(_tls_context)(self._settings.verify, None)
        return self._proxy_context


def _is_current(context: Optional[ssl.SSLContext]) -> bool:
    """Whether there is a context, of the class that makes them now: gevent may have put its own in its place."""
    return type(context) is ssl.SSLContext


def guarded(target: object, step: Callable[..., T], *args: Any, through: Optional[Proxy] = None) -> T:
    """The result of `step`. What socket and ssl raise becomes an error of this library, raised outside `except`.

    Args:
        target: the server, or the proxy, in a form for messages.
        step: a step of making the connection with it.
        args: of `step`.
        through: a proxy with which the step talks of `target`. A fault is its own, unless it was too slow: then it may have
            waited for the server.
    """
    try:
        return step(*args)
    except RocketRideError:  # some are OSErrors, some are ValueErrors
        raise
    except (OSError, ValueError) as error:
        pass_on(error)
        fault = _translated(target, error)
    is_slow = isinstance(fault, TransportTimeoutError)
    Proxy.blame(fault, target if through is None or is_slow else through)
    raise fault


def _translated(target: object, error: Exception) -> RocketRideError:
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = CertificateError(
            f"the certificate of {target} was refused: {_why_refused(error)}. See verify="
        )
        fault._in_doubt = _IN_DOUBT.get(getattr(error, "verify_code", 0), "authority")
        return fault
    if isinstance(error, socket.timeout):
        return TransportTimeoutError(
            f"no connection to {target}{_port_note(target)} within the connect timeout, or the call's if that is shorter"
        )
    if isinstance(error, socket.gaierror):
        return TransportError(f"the host of {target} was not found: {reason_of(error)}")
    if isinstance(error, ssl.SSLError):
        return tls_fault(target, error)
    if isinstance(error, OSError):
        return TransportError(f"no connection to {target}{_port_note(target)}: {reason_of(error)}")
    # A ValueError: of IDNA, among others.
    return ConfigurationError(f"the host of {target} is not a name that can be looked up")


def _port_note(target: object) -> str:
    """What to say behind `target` of its port, if nobody has given that."""
    another = target.another_port if isinstance(target, Address) else None
    return (
        "" if another is None else f" ({DEFAULT_PORT} is the default port; for another one, write {another})"
    )


def _why_refused(error: ssl.SSLCertVerificationError) -> str:
    said = getattr(error, "verify_message", None)
    return printable(said).rstrip(".") if isinstance(said, str) else reason_of(error)


# By OpenSSL's codes: too early, too late, and of another host, address or mail address.
_IN_DOUBT = {9: "time", 10: "time", 62: "name", 63: "name", 64: "name"}


def tls_fault(target: object, error: ssl.SSLError) -> RocketRideError:
    """The error of this library for a TLS error: made, not raised."""
    if is_certificate_alert(error):
        fault = CertificateError(
            f"{target} wants a client certificate, or refused ours: {reason_of(error)}. See cert="
        )
        fault._in_doubt = "client"
        return fault
    # OpenSSL's reason when a server without TLS answers the handshake.
    reason = reason_of(error)
    plain = reason == "WRONG_VERSION_NUMBER"
    advice = "; does it speak TLS? If not, its address begins with http://" if plain else ""
    return TransportError(f"no TLS with {target}: {reason}{advice}")


def is_certificate_alert(error: object) -> bool:
    """Whether it is the TLS alert of a server that refused our client certificate, or got none."""
    alert = reason_of(error) if isinstance(error, ssl.SSLError) else ""
    return "ALERT" in alert and ("CERT" in alert or "UNKNOWN_CA" in alert)


def _pass_proxy(address: Address, sock: Any, proxy: Proxy, port: int, deadline: Deadline) -> None:
    """Have the proxy connect `sock` with the server."""
    noted = f"{address}{_port_note(address)}"
    target = f"{noted} through {proxy}"
    if proxy.is_socks:
        guarded(target, load(_pass_socks), sock, proxy, address.host, port, deadline)
        return
    server = f"{bracketed(address.host)}:{port}"
    status = guarded(target, _open_tunnel, sock, proxy, server, deadline, through=proxy)
    if not 200 <= status < 300:
        is_only_way = not proxy.gets_whole_urls(address)
        raise refused_by_proxy(f"no connection to {noted}", status, proxy=str(proxy), is_only_way=is_only_way)


def _open_tunnel(sock: Any, proxy: Proxy, target: str, deadline: Deadline) -> int:
    """Ask `proxy` for a connection to `target`; the HTTP status of its answer."""
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if proxy.credentials:
        encoded = base64.b64encode(proxy.credentials.encode()).decode()
        request += f"Proxy-Authorization: Basic {encoded}\r\n"
    set_timeout(sock, deadline.remaining())
    sock.sendall((request + "\r\n").encode("latin-1"))
    status = _read_proxy_status(sock, deadline)
    while 100 <= status < 200:  # an informational answer: the final one follows
        status = _read_proxy_status(sock, deadline)
    return status


def _read_proxy_status(sock: Any, deadline: Deadline) -> int:
    """Read the head of an answer, with the empty line, and return its status."""
    answer = b""
    while not answer.endswith(_ENDS_OF_HEAD):
        # One byte at a time: what follows the proxy's answer comes from the server, and must stay unread.
        chunk: bytes = in_slices(sock, deadline, sock.recv, 1)
        if not (chunk or answer):
            raise OSError(None, "the proxy closed the connection in place of an answer to CONNECT")
        if not chunk or len(answer) > _LONGEST_PROXY_ANSWER:
            raise OSError(None, "the proxy did not answer CONNECT as HTTP does")
        answer += chunk
    status = answer.split(b"\n", 1)[0].rstrip(b"\r").split(b" ", 2)[1:2]
    if not (status and len(status[0]) == 3 and status[0].isdigit()):
        raise OSError(None, "the proxy did not answer CONNECT as HTTP does")
    return int(status[0])


def _start_tls(sock: Any, host: str, context: ssl.SSLContext, deadline: Deadline) -> Any:
    host = host.partition("%")[0]  # no certificate names the zone of an address
    if isinstance(sock, ssl.SSLSocket):
        encrypted: Any = load(_tls_over_tls)(sock, context, host)
    else:
        use_tls_class(context)
        encrypted = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    try:
        in_slices(encrypted, deadline, encrypted.do_handshake)
    except BaseException:
        encrypted.close()
        raise
    return encrypted


# What not every process needs.


def _tls_context() -> Callable[..., ssl.SSLContext]:
    from .tls_files import tls_context

    return tls_context


def _pass_socks() -> Callable[..., None]:
    from .socks import pass_socks

    return pass_socks


def _tls_over_tls() -> Type[TlsOverTls]:
    from .tls_over_tls import TlsOverTls

    return TlsOverTls
