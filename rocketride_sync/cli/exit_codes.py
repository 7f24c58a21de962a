"""The exit codes of the command line, and the advice for each error."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, Tuple, Type

from .. import errors
from .signals import Terminated
from .wording import FORGOTTEN, NOTHING_TO_END

if TYPE_CHECKING:
    from ..models import TaskStatus


class ExitCode(enum.IntEnum):
    """The exit codes of `rocketride-sync`."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    DENIED = 4
    UNAVAILABLE = 5
    LOST = 6
    INTERNAL = 70  # EX_SOFTWARE: a defect of this program must not be taken for a failed task
    NOT_WRITTEN = 74  # EX_IOERR
    TIMEOUT = 124  # as of timeout(1)
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    HUNG_UP = 129  # this and the next: what a shell shows for a process ended by the signal, as ours is
    TERMINATED = 143


HELP = """exit codes:
  0    the task succeeded (status, list, runs: the result was printed,
       also if there is no task or run to list; send: every file
       succeeded; stop: the task is ended; validate: no file has errors;
       check: every needed step works);
       if the success is not certain, a line on stderr says so
       (see --accept-uncertain)
  1    the task failed or could not be started, or some of its items or
       files failed (--allow-failures forgives that, unless none
       succeeded); a file given to validate has errors; with --strict,
       the success is not certain
  2    wrong usage or setting
  3    the task was cancelled
  4    authentication or permission refused
  5    server unreachable or overloaded, its answer malformed, or the
       request refused
  6    task unknown, vanished, or replaced by another run; wait and stop
       with --project: there is no such run
  70   a defect of this program
  74   the results or the report could not be written
  124  timeout: the task had not ended
  129  the terminal was closed (SIGHUP)
  130  interrupted by Ctrl-C (serve exits with 0 then)
  141  the reader of the results had gone, as head does
  143  ended by SIGTERM

129, 130 and 143 are what a shell shows, because the signal itself ends the process. A program that
starts it sees the signal: in Python, subprocess has the returncode -1, -2 or -15.
"""

CHECK_PROJECT = "check --project and --source"

# What to do about a task that is not found, by the operation of the error: a run that was named by project and source, and
# a task that was to be ended.
_NOT_FOUND = {
    "terminate": NOTHING_TO_END,
    "stop": CHECK_PROJECT,
    "stop: ended": "",  # the names are right
    "wait": f"find out whether it was started; {CHECK_PROJECT}",
    "wait --since": "find out why no later one has started, or give a longer --since",
}
_NO_WEBSOCKET = (
    "check whether --uri is a RocketRide server's address; rocketride-sync check shows what is in the way"
)

# No other authority would help.
_CERTIFICATE_ADVICE = {
    "name": "write --uri with a name that is in the certificate",
    "time": "have the certificate renewed, or set the clock of this machine right",
    "client": "only a program can show a certificate of its own (cert=)",
}
_NOT_ANSWERED = "give it longer with --timeout, or check --uri"

# The first class that matches counts, so subclasses come before their parents.
_FAILURES: Tuple[Tuple[Type[BaseException], ExitCode, str], ...] = (
    (KeyboardInterrupt, ExitCode.INTERRUPTED, ""),
    (errors.ConfigurationError, ExitCode.USAGE, ""),
    (errors.UnsupportedOperationError, ExitCode.USAGE, ""),
    (errors.AuthenticationError, ExitCode.DENIED, ""),
    (errors.PermissionDeniedError, ExitCode.DENIED, "use a key that has this permission"),
    (errors.TaskNotFoundError, ExitCode.LOST, FORGOTTEN),
    (errors.TaskAlreadyRunningError, ExitCode.FAILED, ""),
    (errors.TaskReplacedError, ExitCode.LOST, "wait again to follow the new run"),
    (errors.TaskLostError, ExitCode.LOST, "check the results that the task should have produced"),
    (errors.WaitTimeoutError, ExitCode.TIMEOUT, "give it longer with --timeout"),
    (errors.CertificateError, ExitCode.UNAVAILABLE, "name your authority's file with --ca-file"),
    (errors.TransportError, ExitCode.UNAVAILABLE, "check --uri or ROCKETRIDE_URI, the network, the server"),
    (errors.TransientError, ExitCode.UNAVAILABLE, "try again later"),
    (errors.ProtocolError, ExitCode.UNAVAILABLE, "check that --uri is a RocketRide server's address"),
    (errors.RocketRideError, ExitCode.UNAVAILABLE, ""),
    (OSError, ExitCode.NOT_WRITTEN, ""),
    (MemoryError, ExitCode.INTERNAL, "raise the limit of this process, or end others"),
)


def code_and_advice(error: BaseException) -> Tuple[ExitCode, str]:
    """The exit code of `error`, and in a few words what to do about it (empty if its message says so)."""
    if type(error) is errors.ServerError and error.operation == "use" and not error._is_of_address:
        return ExitCode.FAILED, ""  # the pipeline was refused, or failed before it ran
    if type(error) is errors.TaskNotFoundError and error.operation in _NOT_FOUND:
        return ExitCode.LOST, _NOT_FOUND[error.operation]
    if isinstance(error, errors.UnsupportedOperationError) and error._is_for_want_of_websocket:
        return ExitCode.UNAVAILABLE, _NO_WEBSOCKET  # the usage is right
    if isinstance(error, Terminated):
        return ExitCode(128 + error.number), ""
    if (
        isinstance(error, errors.WaitTimeoutError)
        and error.last_status is None
        and error.__cause__ is not None
    ):
        if error.request_sent:
            return ExitCode.TIMEOUT, _NOT_ANSWERED  # a start, which may still be going on
        return code_and_advice(error.__cause__)  # no poll succeeded, or no start was sent
    if isinstance(error, errors.TransportError) and error._unreached_proxy:
        advice = f"check this proxy and {error._unreached_proxy}; NO_PROXY names hosts that need none"
        return ExitCode.UNAVAILABLE, advice
    if isinstance(error, errors.CertificateError) and error._in_doubt in _CERTIFICATE_ADVICE:
        return ExitCode.UNAVAILABLE, _CERTIFICATE_ADVICE[error._in_doubt]
    for kind, code, advice in _FAILURES:
        if isinstance(error, kind):
            return code, advice
    return ExitCode.INTERNAL, "this is a defect: please report it, with what --verbose shows"


_WORDS: Tuple[Tuple[Type[BaseException], str], ...] = (
    (errors.TaskNotFoundError, "unknown"),
    (errors.TaskVanishedError, "vanished"),
    (errors.TaskReplacedError, "replaced"),
)


def word_for(error: BaseException) -> str:
    """In a word, what an error made of a task, in place of its outcome."""
    code = code_and_advice(error)[0].name.lower()
    return next((word for kind, word in _WORDS if isinstance(error, kind)), code)


_BY_SEVERITY = (
    ExitCode.DENIED,
    ExitCode.UNAVAILABLE,
    ExitCode.LOST,
    ExitCode.FAILED,
    ExitCode.CANCELLED,
    ExitCode.TIMEOUT,
    ExitCode.SUCCEEDED,
)


def severity_rank(code: ExitCode) -> int:
    """The rank of `code` among those of many tasks; the lowest is the most severe."""
    return _BY_SEVERITY.index(code) if code in _BY_SEVERITY else -1


class Judgement(NamedTuple):
    """Which terminal statuses count as a success of a command.

    Attributes:
        allow_failures: items that failed or were left undone are forgiven; see `forgives`.
        accept_uncertain: a success that is not certain is one like any other.
        strict: it is a failure.
    """

    allow_failures: bool = False
    accept_uncertain: bool = False
    strict: bool = False

    def forgives(self, failed: int, succeeded: int) -> bool:
        """Whether so many items or files that failed are forgiven: never if none succeeded, for then nothing came of it all."""
        return self.allow_failures and (succeeded > 0 or not failed)

    def forgives_items_of(self, status: TaskStatus) -> bool:
        """Whether the items of that task that failed or were left undone are forgiven."""
        return self.forgives(status.failed_count, status.completed_count)

    @property
    def doubt_hint(self) -> str:
        """Which options change what comes of a success that is not certain."""
        if self.strict:
            return "exit code 1 because of --strict"
        return "--accept-uncertain silences this line, --strict makes it exit code 1"

    def code_of(self, status: TaskStatus) -> ExitCode:
        """The exit code of a terminal status."""
        from ..models import Outcome

        if status.outcome is Outcome.CANCELLED:
            return ExitCode.CANCELLED
        good = status.outcome is Outcome.SUCCEEDED and (
            self.forgives_items_of(status) or not status.has_failures
        )
        return ExitCode.SUCCEEDED if good and not (self.strict and self.doubts(status)) else ExitCode.FAILED

    def doubts(self, status: TaskStatus) -> bool:
        """Whether to report that the success of `status`, which would count otherwise, is not certain."""
        uncertain = status.succeeded and not status.outcome_certain
        return (
            uncertain
            and not self.accept_uncertain
            and (self.forgives_items_of(status) or not status.has_failures)
        )


DEFAULT_JUDGEMENT = Judgement()


def code_of_files(failed: int, sent: int, status: TaskStatus, *, allow_failures: bool = False) -> ExitCode:
    """The exit code after `sent` files were sent and `failed` of them failed; `status` is the task's after that.

    `allow_failures` is that of `Judgement`. It ignores none if the task itself has failed or was cancelled meanwhile.
    """
    from ..models import Outcome

    well = status.outcome in (Outcome.RUNNING, Outcome.SUCCEEDED)
    forgiven = well and Judgement(allow_failures).forgives(failed, sent - failed)
    return ExitCode.FAILED if failed and not forgiven else ExitCode.SUCCEEDED
