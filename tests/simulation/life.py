"""One life of one client: a world, a network, a server, faults, and what the client does among them."""

from __future__ import annotations

import logging
import random
import warnings

from rocketride_sync import RetryPolicy, RocketRideClient

from . import actions, many, methods, old_lost_runs, seams, sending  # noqa: F401 - these register their actions
from .afterwards import check_afterwards
from .ends import ENDS
from .engine import Engine
from .faults import Faults
from .interrupts import Interrupt
from .invariants import Violation
from .network import URL, Network
from .server import KEY, Server
from .world import SimulationError, World

INTERRUPTED_SHARE = 0.06
_INTERRUPTED_SHARE_OF_METHODS = 0.8
_LOGGED_SHARE = 0.2
_ALL_ENDS = sorted(ENDS)
_LOCKED_SHARE = 0.15
_REASON_AWAITED = 1.0  # seconds at most, as documented
_LOCKABLE = ("calls", "wait", "iterate", "send", "files")
_CONNECTED = 400  # by so many lines most first connections are made


class _Listener(logging.Handler):
    def __init__(self):
        super().__init__(logging.DEBUG)
        self.heard = []

    def emit(self, record):
        self.heard.append(record.getMessage())


class Life:
    """One life.

    Attributes:
        seed, kind, transport: all that it depends on.
        round_trip: the longest that a call may take where nothing is wrong, connecting included.
        violation: what was wrong, or None.
    """

    def __init__(self, seed, kind, transport, interrupt_at=None, calm=None):
        self.seed = seed
        self.kind = kind
        self.transport = transport
        self.rng = random.Random(f"{transport} {kind} {seed}")
        random.seed(seed)
        self.world = World(self.rng)
        self.tokens = []
        self.locked_to = None  # the token, if the credential is one or a public key
        self.violation = None
        self.interrupted = False
        self.interrupt = None
        self.complaints = []  # about what nobody sees in a return or an error
        self.held = []  # so that it is not dropped while Ctrl-C may come
        self.outcomes = []
        self.objects = {}
        self.own_terminates = {}  # by token: whether we ended it by `terminate`; None where the client cannot know
        action = actions.ACTIONS[kind]
        self.faults = Faults(self.world, action.span, action.scripted or calm)
        self.network = Network(self.world, self.faults)
        self.engine = Engine(self.world, self.rng.choice(("older", "newer")))
        self.server = Server(self.world, self.engine, self.faults, self.network)
        self.network.server = self.server
        self.round_trip = 0.01 + 16 * 1.3 * self.network.latency + 12 * self.server.thinking
        self.credential = KEY
        if kind in _LOCKABLE and self.rng.random() < _LOCKED_SHARE:
            self._lock()
        self.call_timeout = self.rng.choice((2.0, 5.0, 30.0))
        self.max_outage = self.rng.choice((5.0, 30.0, 300.0))
        share = _INTERRUPTED_SHARE_OF_METHODS if kind == "method" else INTERRUPTED_SHARE
        if interrupt_at is None and not action.scripted and self.rng.random() < share:
            interrupt_at = int(10 ** self.rng.uniform(0.0, action.lines))
        self.interrupt_at = interrupt_at

    @property
    def http_takes_over(self):
        """Whether nothing is wrong but upgrades to WebSocket, in whose place the client may use HTTP."""
        return self.transport == "auto" and self.faults.only_of_upgrades

    def run(self):
        """Live. Whether everything was as it must be."""
        seams.enter(self.world, self.network, 60.0 if self.kind == "days" else 0.5)
        listener = _Listener() if self.rng.random() < _LOGGED_SHARE else None
        loggers = [logging.getLogger("rocketride_sync"), logging.getLogger("urllib3")]
        for logger in loggers:
            logger.setLevel(logging.DEBUG if listener else logging.CRITICAL)
            logger.propagate = False
            if listener:
                logger.addHandler(listener)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self._live()
        except (Violation, SimulationError) as error:
            self.violation = (
                f"{type(error).__name__}: {error}" if isinstance(error, SimulationError) else str(error)
            )
        finally:
            for logger in loggers:
                if listener:
                    logger.removeHandler(listener)
        if listener and self.violation is None:
            try:
                for line in listener.heard:
                    self.check_secrets(line, "the log")
            except Violation as error:
                self.violation = str(error)
        return self.violation is None

    def _live(self):
        action = actions.ACTIONS[self.kind]
        policy = RetryPolicy(max_outage=self.max_outage)
        self.world.tell(
            "%s over %s, seed %s; the server is %s",
            self.kind,
            self.transport,
            self.seed,
            self.engine.generation,
        )
        client = RocketRideClient(
            URL, self.credential, transport=self.transport, timeout=self.call_timeout, retry=policy
        )
        if self.interrupt_at is None:
            action(self, client)
        else:
            # Several times where connections are made: a turn to connect that is lost is missed only when all are.
            for _ in range(5 if 0 < self.interrupt_at < _CONNECTED else 1):
                self._interrupted(action, client)
        self.world.tell("afterwards")
        if self.complaints:
            raise Violation(self.complaints[0])
        check_afterwards(self, client)

    def _interrupted(self, action, client):
        """Act until Ctrl-C."""
        with Interrupt(self.interrupt_at) as self.interrupt:
            interrupt = self.interrupt
            try:
                action(self, client)
            except KeyboardInterrupt:
                self.world.tell("<- Ctrl-C at line %s: %s", self.interrupt_at, interrupt.place)
            except Violation:
                # What a method says after an interrupt that something swallowed may be anything.
                # Nor does it find all well: after each one the connections are reset.
                if not (interrupt.happened or self.interrupted):
                    raise
            else:
                if interrupt.happened:
                    raise Violation(f"Ctrl-C was swallowed: {interrupt.place}")
        self.interrupted, self.visits = self.interrupted or interrupt.happened, interrupt.visits
        self.network.reset_all("after Ctrl-C")

    def _lock(self):
        """Let the credential be the token of the first task, or its public key: all is about that task then."""
        token = self.locked_to = self.new_token()
        public = f"pk_{token[3:][::-1]}"
        self.server.admission.public_keys[public] = token
        self.tokens.append(public)
        self.credential = self.rng.choice((token, public))
        self.outcomes.append(f"credential: {self.credential[:3]}")

    @property
    def is_public(self):
        return self.credential.startswith("pk_")

    def new_token(self, twin=None):
        """A token, made by the server or chosen by somebody: then its id is that of a `twin` whose token was chosen."""
        bits = self.rng.getrandbits(128)
        token = f"tk_{bits:032x}"
        if twin is not None and twin.is_chosen:
            token = f"{twin.token[:11]}{bits:x}"
        elif bits % 4 == 0:
            token = f"tk_n{bits:x}"
        self.tokens.append(token)
        return token

    def new_run(
        self,
        token=None,
        project=None,
        source="source",
        seconds=None,
        how=None,
        starting=None,
        lingering=None,
        twin=None,
    ):
        """A run that begins now. What is not given is the seed's choice."""
        how = how or self.rng.choice(_ALL_ENDS)
        if self.locked_to and self.locked_to not in self.engine.known and not self.engine.runs:
            token = self.locked_to
        return self.engine.start(
            token or self.new_token(twin),
            project or f"project {self.rng.randrange(3)}",
            source,
            how,
            starting=10 ** self.rng.uniform(-2, 0.5) if starting is None else starting,
            seconds=10 ** self.rng.uniform(-0.5, 1.8) if seconds is None else seconds,
            lingering=self.rng.choice((0.0, 0.0, 0.5, 5.0)) if lingering is None else lingering,
        )

    def hears(self, run):
        """Whether a wait for `run` is told of its end."""
        is_subscribed = not self._has_lost_subscription(run)
        return self.faults.calm and self.transport != "http" and is_subscribed and not self.is_public

    def _has_lost_subscription(self, run):
        """Whether it went with a twin that was forgotten. Nobody is told of that."""
        return (run.project, run.source) in self.engine.unsubscribed

    def awaits_in_vain(self, run):
        """For how many seconds the event may be awaited that would tell why `run` ended, and does not come."""
        needed = run.state == 6 and run.exit_code != 0
        return _REASON_AWAITED if needed and self._has_lost_subscription(run) else 0.0

    def hears_reason(self, run):
        """Whether it is certain then that the event is this run's."""
        return self.hears(run) and not run.is_chosen

    def terminated_own(self, token):
        return self.own_terminates.get(token, False)

    def check_secrets(self, text, where):
        for secret in (KEY, *self.tokens):
            if secret in text:
                raise Violation(f"{where} holds a secret: {text.replace(secret, '<HERE>')[:300]}")
