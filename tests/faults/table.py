"""The table: every fault, how the client meets it, and what is documented to come of it."""

import itertools
import signal
from typing import Any, Dict, Optional, Tuple

import attrs

from rocketride_sync import (
    AuthenticationError,
    CertificateError,
    OverloadedError,
    ProtocolError,
    ServerError,
    TaskVanishedError,
    TransientError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)

from . import spoiling
from .happenings import BadCertificate, Closed, Killed, Mode, Refused, Restarted, Spoiled, Unresolved
from .spoiling import Moment, Spoiling

TRANSPORTS = ("websocket", "http")


@attrs.frozen
class Limit:
    """Something that must run out before a cell can end."""

    name: str
    seconds: float


TIMEOUT = Limit("timeout", 0.3)  # of a call, or of one poll of a wait, where no answer will come
DEADLINE = Limit("deadline", 0.3)  # of a wait
OUTAGE = Limit("max_outage", 0.4)  # of a wait that cannot go on
RETRY_AFTER = Limit("Retry-After", 1.0)
CONNECT_TIMEOUT = Limit("connect_timeout", 0.2)
STALL = Limit("stall", 1.0)


@attrs.frozen
class Expected:
    """What must come.

    Attributes:
        error: an error of this class; None: the truth, that is the status of the task.
        after: what must run out before; None: nothing.
        slack: seconds after that until it comes.
        early: whether it may come a little before `after` has run out.
        attributes: what the error must have.
        says: what its message must contain.
        slow: an error that may come in its place where the machine is slow.
    """

    error: Optional[type] = None
    after: Optional[Limit] = None
    slack: float = 0.1
    early: bool = False
    attributes: Dict[str, Any] = attrs.field(factory=dict)
    says: str = ""
    slow: Optional[type] = None

    def in_time(self, seconds, room):
        """Whether that is when it had to come, give or take `room` seconds."""
        least = self.after.seconds if self.after else 0.0
        return least - (room if self.early else 0.01) <= seconds <= least + self.slack + room


NOT_SENT = Expected(TransportError, attributes={"request_sent": False})
REFUSED = attrs.evolve(NOT_SENT, says="refused")
BROKEN = Expected(TransportError, attributes={"request_sent": True})
SILENT = Expected(TransportTimeoutError, TIMEOUT)
ANSWERED = Expected()
ANSWERED_NEXT_TIME = Expected(after=TIMEOUT)
AT_ITS_DEADLINE = Expected(WaitTimeoutError, DEADLINE, early=True)
GARBLED = Expected(ProtocolError)
GARBLED_AGAIN = Expected(ProtocolError, slack=0.4, slow=WaitTimeoutError)  # three times in a row
REFUSED_KEY = Expected(AuthenticationError, says="401")
REFUSED_TLS = Expected(CertificateError, says="verify=")


@attrs.frozen
class Row:
    """A fault.

    Attributes:
        name: what happens.
        fault: how it begins and ends, see happenings.py.
        call, wait, deadline: what comes of each `Mode`. A wait is counted from the fault, but for its deadline.
        by: how the client comes to the server, see `scene.Scene`.
        warm: whether the call has a connection, and a status, from before.
        transports: those that it is tried over.
        modes: what meets it.
        sends: whether the call sends an object, and does not read a status.
        options: of the client.
    """

    name: str
    fault: Any
    call: Expected
    wait: Expected = ANSWERED
    deadline: Expected = AT_ITS_DEADLINE
    by: str = "proxy"
    warm: bool = False
    transports: Tuple[str, ...] = TRANSPORTS
    modes: Tuple[Mode, ...] = tuple(Mode)
    sends: bool = False
    options: Dict[str, Any] = attrs.field(factory=dict)

    def expected(self, mode):
        """What is documented."""
        return {Mode.CALL: self.call, Mode.WAIT: self.wait, Mode.DEADLINE: self.deadline}[mode]


@attrs.frozen
class Cell:
    row: Row
    transport: str
    mode: Mode

    @property
    def id(self):
        return f"{self.row.name}-{self.transport}-{self.mode.name.lower()}"


def _spoiled(at, act):
    # Where a connection is made, there must be a new one to be made.
    return Spoiled(Spoiling(at, act, cut=at is not Moment.QUESTION))


def _breaks(name, act):
    """It is over at once: a call fails, a wait asks again."""
    return Row(name, _spoiled(Moment.QUESTION, act), BROKEN)


def _hangs(name, at, act, **options):
    """Nothing comes: what waits for it runs into its timeout."""
    return Row(name, _spoiled(at, act), SILENT, ANSWERED_NEXT_TIME, **options)


def _passes(name, at, act, **options):
    """It does no harm."""
    return Row(name, _spoiled(at, act), ANSWERED, **options)


NETWORK = [
    Row("refused", Refused(), REFUSED, Expected(slack=0.6)),
    # Over WebSocket what was cut is the upgrade.
    Row("reset when accepted", _spoiled(Moment.ACCEPT, spoiling.reset), Expected(TransportError)),
    _breaks("reset before the request", spoiling.reset),
    _breaks("reset after the request", spoiling.reset_after_the_request),
    _breaks("reset in mid-answer", spoiling.reset_in_mid_answer),
    _hangs("black hole after accept", Moment.ACCEPT, spoiling.hold),
    _hangs("black hole after the request", Moment.QUESTION, spoiling.hold_after_the_request),
    _hangs("black hole in mid-answer", Moment.QUESTION, spoiling.hold_in_mid_answer),
    _hangs("drip in the headers", Moment.HTTP, spoiling.drip),
    _hangs("drip in the body", Moment.QUESTION, spoiling.drip_the_body),
    Row("stall of 1 s", _spoiled(Moment.QUESTION, spoiling.stall), Expected(after=STALL), ANSWERED_NEXT_TIME),
    _hangs("half-open", Moment.QUESTION, spoiling.hold_if_old, warm=True),
    _breaks("truncated answer", spoiling.truncate),
    Row(
        "answer cut in its headers",
        _spoiled(Moment.HTTP, spoiling.truncate_the_head),
        Expected(TransportError),
    ),
    Row(
        "garbled answer",
        _spoiled(Moment.QUESTION, spoiling.garble),
        GARBLED,
        deadline=GARBLED_AGAIN,
    ),
    Row(
        "empty lines for an answer",
        _spoiled(Moment.HTTP, spoiling.say(b"\r\n\r\n")),
        GARBLED,
        deadline=GARBLED_AGAIN,
    ),
    Row(
        "headers that cannot be parsed",
        _spoiled(Moment.HTTP, spoiling.say(spoiling.JUNK)),
        GARBLED,
        deadline=GARBLED_AGAIN,
    ),
    _passes("informational answer before the real one", Moment.HTTP, spoiling.announce),
    _passes("duplicated answer", Moment.QUESTION, spoiling.duplicate),
    _hangs("answer after the request was given up", Moment.QUESTION, spoiling.answer_too_late),
    _passes("stale keep-alive, closed", Moment.HTTP, spoiling.pass_on, warm=True),
    _passes("stale keep-alive, reset", Moment.QUESTION, spoiling.reset_if_old, warm=True),
]

SERVER = [
    Row(
        "server restarted",
        Restarted(),
        Expected(TaskVanishedError),
        Expected(TaskVanishedError),
        by="itself",
        warm=True,
    ),
    *(
        Row(
            signal.Signals(number).name,
            Killed(number),
            REFUSED,
            Expected(TransportError, OUTAGE),
            by="itself",
            warm=True,
        )
        for number in (signal.SIGTERM, signal.SIGKILL)
    ),
]


def _may_pass(status, wish="", after=None, **headers):
    """An HTTP error that may pass, maybe with the wish to be left alone for a second."""
    number = int(status.split()[0])
    return Row(
        f"HTTP {number}{wish}",
        _spoiled(Moment.HTTP, spoiling.refuse(status, **headers)),
        Expected(TransientError, attributes={"http_status": number, "retry_after": after and after.seconds}),
        Expected(after=after),
    )


def _refusals(status):
    """An HTTP error, without and with that wish."""
    # By the server's clock, whatever it says.
    date = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT", "Retry_After": "Wed, 01 Jan 2020 00:00:01 GMT"}
    yield _may_pass(status)
    yield _may_pass(status, ", Retry-After in seconds", RETRY_AFTER, Retry_After="1")
    yield _may_pass(status, ", Retry-After as a date", RETRY_AFTER, **date)


ANSWERS = [
    *itertools.chain.from_iterable(
        map(
            _refusals,
            ("429 Too Many Requests", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"),
        )
    ),
    *map(
        _may_pass,
        ("408 Request Timeout", "425 Too Early", "500 Oops", "520 Web Server Returned an Unknown Error"),
    ),
    Row(
        "HTTP 400 with a proxy's page",
        _spoiled(Moment.HTTP, spoiling.refuse("400 Bad request", spoiling.HAPROXY_PAGE)),
        GARBLED,
        deadline=GARBLED_AGAIN,
    ),
    Row(
        "HTTP 401",
        _spoiled(Moment.HTTP, spoiling.refuse("401 Unauthorized", b"HTTP 401")),
        REFUSED_KEY,
        REFUSED_KEY,
        attrs.evolve(REFUSED_KEY, slow=WaitTimeoutError),
    ),
    Row(
        "overload answer",
        _spoiled(Moment.HTTP, spoiling.refuse_for_want_of_slots),
        # The last try may get no answer in time.
        Expected(OverloadedError, TIMEOUT, early=True, slow=TransportTimeoutError),
    ),
]

NAMES_AND_TLS = [
    Row("name not found", Unresolved(), attrs.evolve(NOT_SENT, says="name resolution"), by="name"),
    _hangs("TLS handshake stalls", Moment.ACCEPT, spoiling.hold, by="tls"),
    *(
        Row(
            f"certificate {name.replace('_', ' ')}",
            BadCertificate(name),
            REFUSED_TLS,
            REFUSED_TLS,
            attrs.evolve(REFUSED_TLS, slow=WaitTimeoutError),
            by="tls",
        )
        for name in ("expired", "of_another_host", "of_an_unknown_authority")
    ),
]


def _refuses(name, status, says, **options):
    refused = Expected(ServerError, says=says)
    slow = attrs.evolve(refused, slow=WaitTimeoutError)
    fault = _spoiled(Moment.PROXY, spoiling.refuse(status))
    return Row(name, fault, refused, refused, slow, by="forward", **options)


PROXIES = [
    _refuses("a proxy wants a password", "407 Proxy Authentication Required", "wants a password"),
    _refuses("a proxy refuses the tunnel", "403 Forbidden", "refused the tunnel", transports=("websocket",)),
    *(
        _hangs(f"{kind} proxy says nothing", Moment.ACCEPT, spoiling.hold, by=by, modes=(Mode.CALL,))
        for kind, by in (("an HTTP", "forward"), ("a SOCKS", "socks"))
    ),
]


def _goes_over_http(name, act, after=None):
    """HTTP takes the place of WebSocket."""
    options = {"connect_timeout": after.seconds} if after else {}
    comes = Expected(after=after)
    fault = _spoiled(Moment.UPGRADE, act)
    return Row(f"auto: {name}", fault, comes, comes, transports=("auto",), options=options)


AUTO = [
    _goes_over_http("no WebSocket", spoiling.refuse("404 Not Found")),
    _goes_over_http("upgrade cut", spoiling.reset),
    _goes_over_http("upgrade answered by a page", spoiling.refuse("200 OK", b"<html>Log in</html>")),
    _goes_over_http("upgrade not answered", spoiling.hold, CONNECT_TIMEOUT),
]


def _sends(name, fault, comes, **options):
    return Row(f"an object is sent: {name}", fault, comes, modes=(Mode.CALL,), sends=True, **options)


OBJECTS = [
    _sends("kept connection closed", Closed(), ANSWERED, warm=True),
    _sends("reset meanwhile", _spoiled(Moment.OBJECT, spoiling.pass_on_and_reset), BROKEN),
]

ROWS = [*NETWORK, *SERVER, *ANSWERS, *NAMES_AND_TLS, *PROXIES, *AUTO, *OBJECTS]
CELLS = [Cell(row, transport, mode) for row in ROWS for transport in row.transports for mode in row.modes]
# Those that may pass, and among them those that no wait survives three times in a row.
SPOILINGS = {
    row.name: row.fault.spoiling
    for row in ROWS
    if row in NETWORK + ANSWERS + NAMES_AND_TLS
    and isinstance(row.fault, Spoiled)
    and row.call is not REFUSED_KEY
}
GARBLINGS = {row.name for row in ROWS if row.call is GARBLED}
