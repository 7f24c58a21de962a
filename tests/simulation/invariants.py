"""What must be true of each call."""

from __future__ import annotations

import operator
import traceback

from rocketride_sync.errors import (
    OverloadedError,
    ProtocolError,
    RocketRideError,
    ServerError,
    TaskNotFoundError,
    TaskReplacedError,
    TaskVanishedError,
    TransientError,
    TransportError,
)
from rocketride_sync.models import TaskStatus

from . import oracle
from .ends import ENDS

EXACT = 0.001
UNANSWERED = "unanswered"
_SHOWN = operator.itemgetter("state", "completed", "exitCode", "exitMessage", "startTime")
KNOWS_CERTAINTY = hasattr(TaskStatus, "outcome_certain")


class Violation(Exception):
    """An invariant does not hold."""


def require(condition, text, *args):
    if not condition:
        raise Violation(text % args if args else text)


def _check_run_log(life, call):
    """A run that was lost is one that the run log does not know the end of. What that said of it nevertheless is true."""
    last, said = call.error.last_status, call.error.outcome
    for run in life.engine.runs:
        if said is not None and run.start_time == last.start_time:
            truth = ENDS[run.how].truth
            require(
                run.ended and said.value == truth,
                "%s: the log says %s, and truly it %s",
                call.name,
                said,
                truth,
            )
    if (
        not life.faults.calm
        or life.transport != "websocket"
        or life.engine.generation != "newer"
        or not last.start_time
        or life.is_public
    ):
        return
    in_time = call.within is None or call.begin + call.within - call.end > 1.0
    for run in life.engine.runs:
        if in_time and run.start_time == last.start_time and run.logged and run.ended is not None:
            raise Violation(f"{call.name}: {call.error!r}, and the run log knows how run {run.number} ended")


class Call:
    """One call of the client: when it began and was over, and what came of it."""

    def __init__(self, life, name, within):
        self.life = life
        self.name = name
        self.within = within
        self.begin = life.world.now
        self.end = None
        self.result = None
        self.error = None

    def make(self, step, *args, **options):
        self.life.world.tell("-> %s %s", self.name, self.about(options))
        try:
            self.result = step(*args, **options)
        except RocketRideError as error:
            self.error = error
        except Exception as error:
            text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            raise Violation(f"{self.name}: a foreign exception came out:\n{text}") from None
        self.end = self.life.world.now
        self.life.world.tell("<- %s: %s", self.name, self.error.__class__.__name__ if self.error else "done")
        if self.error is not None:
            self.life.world.tell("   %s", str(self.error))
            self._check_chain()
        self._check_time()
        return self

    def part(self, result, within):
        """The part of this call that is about one of many tasks."""
        part = Call(self.life, f"{self.name} for {result.token[:7]}", within)
        part.begin, part.end, part.error = self.begin, self.end, result.error
        part.result = None if result.error else result.status
        if part.error is not None:
            part._check_chain()
        return part

    @staticmethod
    def about(options):
        return ", ".join(
            f"{name}={value!r}" for name, value in options.items() if isinstance(value, (int, float))
        )

    def _check_time(self):
        if self.within is not None:
            late = self.end - self.begin - self.within
            require(
                late <= EXACT, "%s came %.6f s after its deadline of %.3f s", self.name, late, self.within
            )

    def _check_chain(self):
        error, seen = self.error, []
        while error is not None and error not in seen:
            seen.append(error)
            require(
                isinstance(error, RocketRideError),
                "%s: a foreign exception in the chain: %r",
                self.name,
                error,
            )
            self.life.check_secrets(
                f"{error} {error!r} {error.args} {vars(error)}", f"{self.name}: {type(error).__name__}"
            )
            error.__traceback__ = None
            error = error.__cause__ or error.__context__


def check_status(life, call, token, status, since):
    """A status that was returned is one that the server made of this task, and not before it was asked."""
    require(status.words_count < len(life.engine.documents), "%s: a status that nobody made", call.name)
    run, at, document = life.engine.documents[status.words_count]
    require(
        run.token == token,
        "%s: the status of another task: run %s of %s",
        call.name,
        run.number,
        run.token[:7],
    )
    require(
        at >= since or status.from_run_log, "%s: a status of %.6f s before the call", call.name, since - at
    )
    shown = (status.state.value, status.completed, status.exit_code, status.exit_message, status.start_time)
    told = _SHOWN(document)
    require(shown == told, "%s: the status is not what the server told: %s, not %s", call.name, shown, told)
    require(status.is_terminal == oracle.is_terminal(document), "%s: wrong about being terminal", call.name)
    require(
        status.is_terminal or status.outcome.value == "running", "%s: an outcome before the end", call.name
    )
    life.check_secrets(repr(status), "the repr of a status")
    return run, document


def check_outcome(life, call, run, document, status, *, own_terminate=False, watched_since=None):
    """The outcome is the one that the table gives for what the client was told.

    `own_terminate` None: or may know. `UNANSWERED`: it may know that it asked for this end, and cannot know more.
    """
    if not KNOWS_CERTAINTY:
        return
    require(
        status.end_reason in (None, run.reason),
        "%s: the reason of the end is %s, and should be %s",
        call.name,
        status.end_reason,
        run.reason,
    )
    if run.is_chosen and status.end_reason and not status.from_run_log:
        life.outcomes.append("the reason of a run with a chosen token")
    if own_terminate == UNANSWERED:
        require(
            not status.terminated_by_client, "%s: of what was not answered, it says that it was", call.name
        )
    if own_terminate in (None, UNANSWERED):
        own_terminate = status.terminated_by_client
    plain = oracle.outcome(document, own_terminate=own_terminate)
    told = oracle.outcome(document, reason_heard=run.reason is not None, own_terminate=own_terminate)
    said = (status.outcome.value, status.outcome_certain)
    tells = run.reason is not None and life.engine.generation == "newer"
    allowed = [plain, told] if tells else [plain]
    # Whether the task was running before it was terminated could perhaps not be read.
    if not life.faults.calm:
        allowed.append(oracle.outcome(document))
    elif (
        tells
        and not life.locked_to
        and watched_since is not None
        and life.hears_reason(run)
        and run.ended > watched_since
    ):
        allowed = [told]
    require(said in allowed, "%s: the outcome is %s, and should be %s", call.name, said, allowed)


def check_error(life, call, token, *, seen, since, known=False):
    """An error of a call, or of a wait, is one that there is a reason for."""
    error, engine = call.error, life.engine
    calm, faults = life.faults.calm, life.faults
    if isinstance(error, TaskNotFoundError):
        require(not seen, "%s: the task was seen, and now it never was", call.name)
        require(engine.was_unknown(token, since) or life.server.garbled, "%s: the task is known", call.name)
    elif isinstance(error, TaskVanishedError):
        require(seen or known, "%s: vanished, and never seen", call.name)
        _check_run_log(life, call)
        require(engine.was_unknown(token, since), "%s: it never vanished", call.name)
    elif isinstance(error, TaskReplacedError):
        starts = {run.start_time for run in engine.runs if run.token == token and run.start_time}
        require(len(starts) > 1, "%s: there was no other run", call.name)
        _check_run_log(life, call)
    elif isinstance(error, (TransportError, OverloadedError, TransientError)):
        crossed = error.request_sent and any(
            call.begin - 2 * life.network.latency <= at <= call.end for at in life.server.idle_closings
        )
        require(not calm or crossed, "%s failed although nothing was wrong: %r", call.name, error)
        # Half of the time is for the upgrade.
        in_time = call.within is None or call.within >= 2 * life.round_trip
        spared = life.http_takes_over and in_time and not life.interrupted
        require(not spared or crossed, "%s failed although HTTP was free: %r", call.name, error)
    elif isinstance(error, ProtocolError):
        refused = faults.has("upgrade refused") and life.transport == "websocket"
        require(life.server.garbled or refused, "%s: a ProtocolError without garbage: %r", call.name, error)
    elif isinstance(error, ServerError):
        # In the middle of an object.
        overloaded = faults.has("overload", "busy neighbours") and "HTTP 403" in str(error)
        require(life.server.garbled or overloaded, "%s: there is no reason for %r", call.name, error)
    else:
        raise Violation(f"{call.name}: there is no reason for {error!r}")
