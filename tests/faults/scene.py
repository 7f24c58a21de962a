"""Everything that faults happen to: servers, the proxy before them, the name service, certificates."""

import contextlib
import datetime
import itertools
import socket
import ssl
import warnings

from transports.loopback import HOST

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

from .proxy import Proxy

KEY = "testkey-123"
NAME = "localhost"  # one for which the key may travel unencrypted
FAST = {"init_seconds": 0, "handshake_seconds": 0.001, "early_end": 0, "stop_seconds": 0}
# Hundreds of tasks, each needed for some seconds, would keep a server busy.
SHORT_LIVED = {"ttl": 60, "retention": 60, "scan_interval": 5, "metrics_interval": 10}

_numbers = itertools.count()


class Stage:
    """What many scenes share: a context manager."""

    def __init__(self, folder):
        self._stack = contextlib.ExitStack()
        self._mortal = None
        self._folder = folder

    def __enter__(self):
        self.certificates = Certificates(self._folder)
        self.server = self._stack.enter_context(Emulator(api_key=KEY, **FAST, **SHORT_LIVED))
        self._warm_up()
        return self

    def __exit__(self, *exc_info):
        self._stack.close()

    def _warm_up(self):
        """Load what is loaded on first use, which takes longer than a whole call."""
        for transport in ("websocket", "http"):
            with Scene(self.server, self.certificates, "proxy") as scene:
                scene.client(transport).get_task_status(scene.start()[0])

    def mortal(self):
        """A server that may be killed."""
        if self._mortal is None:
            self._mortal = self._stack.enter_context(Emulator(api_key=KEY, **FAST, **SHORT_LIVED))
        return self._mortal


class Certificates:
    """An authority, the file `trusted` with its certificate, and what servers may show."""

    def __init__(self, folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the cryptography package complains about Python 3.8
            import trustme
        authority = trustme.CA()
        self.trusted = str(folder / "authority.pem")
        authority.cert_pem.write_to_path(self.trusted)
        past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        self.good = _context(authority.issue_cert(HOST))
        self.expired = _context(authority.issue_cert(HOST, not_after=past))
        self.of_another_host = _context(authority.issue_cert("elsewhere.example"))
        self.of_an_unknown_authority = _context(trustme.CA().issue_cert(HOST))


def _context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


class Names:
    """The name service: `NAME` is this machine, unless `fail` says otherwise. Other names are left alone.

    Attributes:
        failed: how many questions have found no answer.
    """

    def __init__(self):
        self._failures = 0
        self.failed = 0

    def __enter__(self):
        self._real = socket.getaddrinfo
        socket.getaddrinfo = self._resolve
        return self

    def __exit__(self, *exc_info):
        socket.getaddrinfo = self._real

    def fail(self, times):
        self._failures = times

    def _resolve(self, host, *args, **kwargs):
        if host not in (NAME, NAME.encode()):
            return self._real(host, *args, **kwargs)
        if self._failures > 0:
            self._failures -= 1
            self.failed += 1
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._real(HOST, *args, **kwargs)


class Scene:
    """The scene of one cell: a context manager.

    Args:
        server: the emulator.
        certificates: what servers may show.
        by: how the client comes to the server: ``proxy``, ``tls``, ``name`` (all through the proxy, which it takes for the
            server), ``forward`` or ``socks`` (through the proxy, as one for HTTP or SOCKS), or ``itself``.

    Attributes: `server`, `proxy`, `names`, `certificates`, and `uri`, the address for the client.
    """

    def __init__(self, server, certificates, by):
        self.server = server
        self.certificates = certificates
        self.proxy = Proxy(self.server.port, self.certificates.good if by == "tls" else None, by == "socks")
        self.names = Names()
        addresses = {
            **dict.fromkeys(("itself", "forward", "socks"), self.server.uri),
            "name": f"http://{NAME}:{self.proxy.port}",
        }
        self.uri = addresses.get(by, self.proxy.url)
        schemes = {"forward": "http", "socks": "socks5"}
        proxies = {"http": f"{schemes[by]}://{HOST}:{self.proxy.port}"} if by in schemes else None
        self._options = {"verify": certificates.trusted, "proxies": proxies}
        self._clients = contextlib.ExitStack()

    def __enter__(self):
        self.proxy.__enter__()
        self.names.__enter__()
        return self

    def __exit__(self, *exc_info):
        self._clients.close()
        self.names.__exit__()
        self.proxy.__exit__(*exc_info)

    def client(self, transport, **options):
        """A client whose way leads past the fault; it is closed at the end."""
        made = RocketRideClient(self.uri, KEY, transport=transport, **self._options, **options)
        return self._clients.enter_context(made)

    def direct(self):
        """A client that no fault can reach."""
        return self._clients.enter_context(RocketRideClient(self.server.uri, KEY, transport="http"))

    def start(self, seconds=None, provider="simulate"):
        """The token of a new task, and its project; it runs for `seconds`, or until it is terminated.

        With the `provider` ``webhook`` it takes objects.
        """
        project = f"fault-{next(_numbers)}"
        config = {"forever": True} if seconds is None else {"seconds": seconds}
        component = {"id": "src_1", "provider": provider, "config": {} if provider == "webhook" else config}
        return self.server.start(
            {"project_id": project, "source": "src_1", "components": [component]}
        ), project
