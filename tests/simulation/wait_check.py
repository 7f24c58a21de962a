"""What must be true of one wait for one task."""

from __future__ import annotations

from bisect import bisect_left

from rocketride_sync.errors import TransientError, WaitTimeoutError

from .invariants import check_error, check_outcome, check_status, require

_MOST_SUBSCRIBED = 32  # tasks of one wait whose events are heard
_ARRIVES = 1.5  # latencies, after which an answer that nothing holds up has arrived
_LONGEST_PAUSE = 15.0 + 7.0  # of the backoff, and the longest Retry-After


class WaitCheck:
    """What must be true of one wait for one task.

    Args:
        seen: the statuses that its callback was given, each with its time.
        known: whether the client had seen the task before.
    """

    def __init__(self, life, call, token, timeout, interval, seen, known=False):
        self.known = known
        self.subscribes = True
        self.life = life
        self.call = call
        self.token = token
        self.timeout = timeout
        self.interval = interval
        self.seen = seen

    def check(self, **own):
        for status, _ in self.seen:
            check_status(self.life, self.call, self.token, status, self.call.begin)
        ends = [number for number, (status, _) in enumerate(self.seen) if status.is_terminal]
        self._check_progress()
        if self.call.error is None:
            self._check_return(ends, **own)
        else:
            require(
                not ends, "%s: progress showed the end, and then %r came", self.call.name, self.call.error
            )
            self._check_error()

    def _check_progress(self):
        """Without faults, progress got each answer to a poll, in their order, and each once."""
        life, call = self.life, self.call
        got = [status.words_count for status, _ in self.seen if not status.from_run_log]
        require(got == sorted(set(got)), "%s: progress got a status twice, or too late", call.name)
        if not life.faults.calm or not got:
            return
        first, _, _ = life.engine.documents[got[0]]
        for number in life.engine.answered[bisect_left(life.engine.answered, got[0]) :]:
            run, at, _ = life.engine.documents[number]
            there = call.begin <= at < call.end - _ARRIVES * life.network.latency
            require(
                number in got or run is not first or not there,
                "%s: progress missed the status of %.3f s before its end",
                call.name,
                call.end - at,
            )

    def _check_return(self, ends, **own):
        life, call, status = self.life, self.call, self.call.result
        require(status.is_terminal, "%s returned before the end", call.name)
        require(
            ends == [len(self.seen) - 1],
            "%s: the terminal status came %s times to progress",
            call.name,
            len(ends),
        )
        require(self.seen[-1][0] is status, "%s: what it returned is not what progress got last", call.name)
        run, document = check_status(life, call, self.token, status, call.begin)
        starts = {status.start_time for status, _ in self.seen if status.start_time} | {run.start_time}
        require(
            len(starts) == 1, "%s saw several runs, and returned the end of run %s", call.name, run.number
        )
        since = call.begin + life.round_trip if self.subscribes else None
        check_outcome(life, call, run, document, status, watched_since=since, **own)
        if status.from_run_log:
            life.outcomes.append("an end from the run log")
        else:
            self._check_promptness(run)

    def _check_promptness(self, run):
        life, call = self.life, self.call
        late = call.end - max(run.ended, call.begin)
        if life.faults.calm:
            heard = life.hears(run) and run.ended > call.begin + life.round_trip
            limit = life.round_trip + (0.0 if heard else self.interval + life.awaits_in_vain(run))
            require(late <= limit, "%s returned %.3f s after the end (allowed: %.3f)", call.name, late, limit)
        else:
            late = call.end - max(run.ended, call.begin, life.faults.last)
            require(
                late <= self.settle,
                "%s returned %.3f s after end and faults (%.3f)",
                call.name,
                late,
                self.settle,
            )

    @property
    def settle(self):
        """How long it may take, after the last fault, until everything is as if there had been none."""
        return self.life.call_timeout + max(self.interval, _LONGEST_PAUSE) + 1.0

    def _check_error(self):
        life, call = self.life, self.call
        if isinstance(call.error, WaitTimeoutError):
            self._check_timeout()
        else:
            check_error(life, call, self.token, seen=bool(self.seen), known=self.known, since=call.begin)
            if isinstance(call.error, TransientError):
                self._check_outage()

    def _check_timeout(self):
        life, call = self.life, self.call
        require(self.timeout is not None, "%s timed out, and had no timeout", call.name)
        early = self.timeout - (call.end - call.begin)
        free = life.http_takes_over and self.timeout >= 4 * life.round_trip and not life.interrupted
        there = life.engine.known.get(self.token) is not None
        require(self.seen or not (free and there), "%s: no status, although HTTP was free", call.name)
        most = 2 * life.round_trip if life.faults.calm else self.timeout / 2 + 0.02
        require(early <= most, "%s gave up %.6f s early (allowed: %.6f)", call.name, early, most)
        last = self.seen[-1][0] if self.seen else call.error.last_status if self.known else None
        require(call.error.last_status is last, "%s: its error carries another status", call.name)
        settle = life.round_trip if life.faults.calm else self.settle
        for run in life.engine.runs:
            if run.ended is not None and life.engine.known.get(self.token) is run:
                missed = call.end - max(run.ended, life.faults.last) - settle
                require(missed <= 0.0, "%s: %r, %.3f s after the end", call.name, call.error, missed)

    def _check_outage(self):
        life, call = self.life, self.call
        since = self.seen[-1][1] if self.seen else call.begin
        lasted = call.end - since
        least = life.max_outage
        require(
            lasted >= least - 0.002, "%s gave up after %.3f s of faults, not %.3f", call.name, lasted, least
        )
        most = least + self.interval + life.call_timeout + 1.0
        require(
            lasted <= most, "%s gave up only after %.3f s of faults (allowed: %.3f)", call.name, lasted, most
        )


class ManyCheck(WaitCheck):
    """The same for one of `count` tasks. Of the time, `slack` seconds were the caller's own."""

    def __init__(self, *args, count, slack):
        super().__init__(*args)
        self.subscribes = count <= _MOST_SUBSCRIBED
        self.slack = slack

    def _check_progress(self):
        """After the timeout, progress gets terminal statuses alone."""

    def _check_promptness(self, run):
        """See `many.py`: of `wait_all` the moment of one result is not known."""

    def _check_outage(self):
        pass

    def _check_timeout(self):
        life, call = self.life, self.call
        early = self.timeout - (call.end - call.begin)
        require(early <= self.timeout / 2 + 0.02, "%s gave up %.6f s early", call.name, early)
        settle = self.interval + life.round_trip if life.faults.calm else self.settle
        for run in life.engine.runs:
            if run.ended is not None and life.engine.known.get(self.token) is run:
                missed = call.end - max(run.ended, life.faults.last) - settle - self.slack
                require(missed <= 0.0, "%s: %r, %.3f s after the end", call.name, call.error, missed)
