"""The run log of a newer server: what it remembers of the runs of a source, also after a restart."""

from __future__ import annotations

import math

from .seams import BASE

STATUS, LIFECYCLE = "apaevt_status_update", "apaevt_log_lifecycle"
_PAGE = 3


class RunLog:
    """The streams of all sources: events with their numbers, and chapters, one for each run."""

    def __init__(self, engine):
        self.share = 0.7  # of the runs that are logged
        self._engine = engine
        self._streams = {}  # by (project, source)
        # By a number that was drawn anyway, so that the lives of all seeds stay what they were.
        self.numbers_all = int(engine.retention * 1e6) % 2 == 0

    def _stream(self, run):
        return self._streams.setdefault((run.project, run.source), ([], []))

    def _write(self, run, event, body):
        events, _ = self._stream(run)
        number = len(events) + 1
        body = {**body, "eventTime": BASE + self._engine.world.now}
        if event == STATUS or self.numbers_all:
            body["logSeq"] = number
        # The number of the message need not be that of the event.
        message = {"type": "event", "event": event, "seq": 7 if self.numbers_all else number, "body": body}
        events.append((number, message))
        return number

    def began(self, run):
        """The run has a start time. Some runs are never logged."""
        run.logged = self._engine.world.rng.random() < self.share
        if run.logged:
            number = self._write(run, LIFECYCLE, {"action": "run-begin"})
            run.chapter = {
                "beginTime": run.start_time + 0.02,
                "beginSeq": number,
                "endTime": None,
                "outcome": None,
                "traceLevel": "none",
            }
            _, chapters = self._stream(run)
            chapters.append(run.chapter)

    def updated(self, run):
        """Its state has changed."""
        if run.logged:
            self._write(run, STATUS, self._engine.document(run))

    def ended(self, run):
        if not run.logged:
            return
        self._write(run, STATUS, {**self._engine.document(run), "final": True})
        word = "ok" if run.state == 5 or run.reason == "ttl" else "cancelled"
        reason = {"reason": run.reason} if run.reason else {}
        self._write(
            run, LIFECYCLE, {"action": "run-end", "outcome": word, "detail": run.exit_message, **reason}
        )
        run.chapter.update(endTime=BASE + run.ended, outcome=word, **reason)

    def answer(self, session, request, arguments):
        events, chapters = self._streams.get((arguments["projectId"], arguments["source"]), ([], []))
        if arguments["subcommand"] == "chapters":
            session.answer(request, {"chapters": [dict(chapter) for chapter in chapters]})
            return
        first = arguments.get("cursor", arguments.get("fromSeq", 0))
        last = arguments.get("toSeq", len(events))
        since, until = arguments.get("fromTime", 0.0), arguments.get("toTime", math.inf)
        wanted = [
            (number, message)
            for number, message in events
            if first <= number <= last
            and since <= message["body"]["eventTime"] <= until
            and message["event"] in arguments["types"]
        ]
        page = {"events": [message for _, message in wanted[:_PAGE]]}
        if len(wanted) > _PAGE:
            page["nextSeq"] = wanted[_PAGE][0]
        session.answer(request, page)
