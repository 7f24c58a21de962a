"""A run log as newer servers keep it, for servers of a test's own making."""

from rocketride_sync.protocol.operations import RUN_LOG

STATUS = "apaevt_status_update"
LIFECYCLE = "apaevt_log_lifecycle"
NO_LOG = "Invalid command: rrext_log"

RUNNING = {"state": 3, "completed": False, "project_id": "p", "source": "s", "startTime": 100.0}
ENDED = {**RUNNING, "state": 5, "completed": True, "endTime": 200.0, "exitCode": 0}


def of_run(status, start, lasting=100.0):
    """`status`, of the run that started then."""
    return {**status, "startTime": start, **({"endTime": start + lasting} if status["completed"] else {})}


class RunLog:
    """The log of one source.

    Args:
        page: how many events an answer holds.

    Attributes:
        chapters: as listed.
        events: as logged.
        reads: the arguments of the reads so far.
    """

    def __init__(self, page=100):
        self.page = page
        self.chapters = []
        self.events = []
        self.reads = []
        self.lists = 0

    def _log(self, event, time, **body):
        number = len(self.events) * 10 + 1
        body = {**body, "logSeq": number, "eventTime": time}
        self.events.append({"event": event, "seq": 7, "body": body})
        return number

    def add(
        self,
        status,
        start=100.0,
        delay=0.02,
        *,
        lasting=100.0,
        reason=None,
        outcome="ok",
        updates=1,
        final=True,
        **chapter,
    ):
        """Log a run: `updates` statuses while it ran, its final `status`, and its chapter, which begins late by `delay`."""
        begin = self._log(LIFECYCLE, start, action="run-begin")
        for number in range(updates):
            self._log(STATUS, start + number, **of_run(RUNNING, start))
        told = {"reason": reason} if reason else {}
        if final:
            stamps = {"__id": "5f3a0123.s", "runKind": "dev", "userId": "u", "teamId": "t"}
            self._log(STATUS, start + lasting, **of_run(status, start, lasting), final=True, **stamps)
        self._log(LIFECYCLE, start + lasting, action="run-end", outcome=outcome, detail="", **told)
        self.chapters.append(
            {
                "beginTime": start + delay,
                "beginSeq": begin,
                "endTime": start + lasting,
                "outcome": outcome,
                "traceLevel": None,
                **told,
                **chapter,
            }
        )
        return self

    def body(self, arguments):
        """The body of the answer to a request with these arguments."""
        if arguments["subcommand"] == "chapters":
            self.lists += 1
            return {"chapters": self.chapters, "segments": [], "horizonSeq": 1}
        self.reads.append(arguments)
        found = [event for event in self.events if _within(event, arguments)]
        page = found[: self.page]
        more = {"nextSeq": found[self.page]["body"]["logSeq"]} if found[self.page :] else {}
        return {"events": page, **more}


def _within(event, arguments):
    number, time = event["body"]["logSeq"], event["body"]["eventTime"]
    first = max(arguments.get("fromSeq", 0), arguments.get("cursor", 0))
    return (
        event["event"] in arguments["types"]
        and first <= number <= arguments.get("toSeq", number)
        and arguments.get("fromTime", time) <= time <= arguments.get("toTime", time)
    )


class LoggingTasks:
    """Replies over WebSocket of a server that has a run log: statuses by `statuses`, one a poll, the last for ever.

    None in place of a status is that the task is not known. `log` is a `RunLog`, or a text to refuse its command with,
    or a function of the peer and the request.
    """

    def __init__(self, log, *statuses):
        self.log = log
        self.statuses = list(statuses)

    def reply(self, peer, request):
        if request["command"] == "rrext_get_task_status":
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            if status is None:
                peer.refuse(request, "Your pipeline is not running")
            else:
                peer.answer(request, status)
        elif request["command"] != RUN_LOG:
            peer.answer(request)
        elif callable(self.log):
            self.log(peer, request)
        elif isinstance(self.log, str):
            peer.refuse(request, self.log)
        else:
            peer.answer(request, self.log.body(request["arguments"]))


class NamedTasks(LoggingTasks):
    """Looks up tokens too: one answer a request, the last for ever; a text that is no token is a refusal."""

    def __init__(self, tokens, log, *statuses):
        super().__init__(log, *statuses)
        self.tokens = list(tokens)
        self.asked = []

    def reply(self, peer, request):
        if request["command"] != "rrext_get_token":
            super().reply(peer, request)
            return
        self.asked.append(request["arguments"])
        found = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        if found is None:
            peer.peer.reset()
        elif found.startswith("tk_"):
            peer.answer(request, {"token": found})
        else:
            peer.refuse(request, found)
