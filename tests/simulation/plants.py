"""The faults that `make plant` puts into a copy of the package, and the kinds of lives in which each must be found."""

from __future__ import annotations

import re


class Plant:
    """A fault: `old`, a regular expression that must match once in `path`, becomes `new`."""

    def __init__(
        self, name, path, old, new, kinds="calls wait iterate run", transports="websocket http auto"
    ):
        self.name = name
        self.path = path
        self.old = old
        self.new = new
        self.kinds = kinds.split()
        self.transports = transports.split()

    def put_into(self, root):
        path = root / self.path
        text, count = re.subn(self.old, self.new, path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert count == 1, (
            f"{self.name}: its place in {self.path} was found {count} times; mend tests/simulation/plants.py"
        )
        path.write_text(text, encoding="utf-8")


PACKAGE = "rocketride_sync/"
PLANTS = (
    Plant(
        "`completed` alone is the end",
        PACKAGE + "models/behaviour.py",
        r"return self\.completed and self\.state\.name in \([^)]*\)",
        "return self.completed",
    ),
    Plant(
        "answers go to the next in line instead of by their number",
        PACKAGE + "protocol/dap.py",
        r'number = message\.get\("request_seq"\)',
        "number = next((n for n, answer in self._answers.items() if answer is None), None)",
    ),
    Plant(
        "`execute` is sent again",
        PACKAGE + "protocol/start_operations.py",
        r'(name="use",)',
        r"\1 repeatable=True,",
        kinds="old_start_without_an_answer",
    ),
    Plant(
        "Retry-After is obeyed past the deadline",
        PACKAGE + "waiting/wait_rules.py",
        r"return min\(pause, (\w+)\)",
        r"return max(min(pause, \1), getattr(fault, 'retry_after', None) or 0.0)",
    ),
    Plant(
        "the last poll is left out",
        PACKAGE + "waiting/wait_rules.py",
        r"return min\(pause, (\w+)\)",
        r"""if pause >= \1:
            raise self._timed_out() from fault
        return pause""",
    ),
    Plant(
        "`startTime` is not compared",
        PACKAGE + "waiting/same_run.py",
        r"if previous is not None and previous\.start_time and",
        "if False and",
    ),
    Plant(
        "a connect turn is not given back after Ctrl-C",
        PACKAGE + "transports/websocket/pool.py",
        r"        thread = threading\.get_ident\(\)\n.*?self\._wake_first\(\)\n",
        """        thread = max(self._queue, default=0) + 1
        try:
            self._await_turn(thread, deadline)
            result = step()
        except Exception:
            self._queue.pop(thread, None)
            self._wake_first()
            raise
        self._queue.pop(thread, None)
        self._wake_first()
        return result
""",
    ),
    Plant(
        "a connection is given back whose answer did not end where it should",
        PACKAGE + "transports/http/adapter.py",
        r"if not current\(\)\.ended_exactly:",
        "if False:",
        kinds="calls wait",
        transports="http",
    ),
    Plant(
        "the run log's next chapter is taken",
        PACKAGE + "waiting/logged_run.py",
        r'started = number_of\(body\.get\("startTime"\)\)',
        'started = self._wanted or number_of(body.get("startTime"))',
        kinds="old_run_that_was_never_logged",
        transports="websocket",
    ),
    Plant(
        "the run log tells the reason of the run that came next",
        PACKAGE + "waiting/logged_run.py",
        r" and not is_next( else None\).*?)by_number if number is None else",
        r"\1True if number is None else",
        kinds="old_reason_of_the_next_run",
        transports="websocket auto",
    ),
    Plant(
        "an overload answer to `write` repeats it",
        PACKAGE + "protocol/failures.py",
        r"\(own_connection or operation\.repeatable\)",
        "True",
        kinds="old_object_sent_twice",
        transports="websocket",
    ),
    Plant(
        "a subscription may come after its end",
        PACKAGE + "transports/websocket/connection.py",
        r"while self\._dialogue\.awaits_notices:",
        "while False:",
        kinds="old_subscription_that_is_left",
        transports="websocket",
    ),
    Plant(
        "after the deadline each answer may take a millisecond",
        PACKAGE + "transports/websocket/websocket_poller.py",
        r"found = connection\.next_answer\(Deadline\(limit\)\) if limit > 0\.0 else connection\.answer_at_hand\(\)",
        "found = connection.next_answer(Deadline(max(limit, 0.001)))",
        kinds="old_answers_after_the_deadline",
        transports="websocket",
    ),
    Plant(
        "a wait for the first of many waits for all",
        PACKAGE + "client/many_tasks_methods.py",
        r"lambda result: True,",
        "lambda result: False,",
        kinds="many",
    ),
    Plant(
        "`as_completed` keeps a result back until the next comes",
        PACKAGE + "client/many_tasks_methods.py",
        r"return (self\._many_tasks_wait\([^\n]*\)\.results\(\))\n",
        r"""results = \1

        def late():
            kept = []
            for result in results:
                yield from kept
                kept = [result]
            yield from kept

        return late()
""",
        kinds="many",
    ),
    Plant(
        "progress is not given what was read in the last half second",
        PACKAGE + "waiting/wait_loop.py",
        r"if not wait\.in_doubt:",
        "if not wait.in_doubt and (wait.ended or wait.deadline.remaining() > 0.5):",
        kinds="wait iterate",
    ),
    Plant(
        "Ctrl-C in `use` does not say what comes of the task",
        PACKAGE + "client/starting_methods.py",
        r"tell_interrupt\(stop, (self\._fate\(operation, start\))\)",
        r"\1",
        kinds="method",
    ),
    Plant(
        "a date in Retry-After is compared with the client's clock",
        PACKAGE + "protocol/retry_after.py",
        r'now = timestamp\(headers\.get\("Date", ""\)\)',
        "now = None",
        kinds="old_date_in_retry_after",
        transports="http",
    ),
    Plant(
        "an informational answer is taken for the answer",
        PACKAGE + "transports/http/exact_response.py",
        r"while 100 <= status\[1\] < 200:",
        "while False:",
        kinds="old_informational_answers",
        transports="http",
    ),
    Plant(
        "an informational answer is taken for that to the upgrade",
        PACKAGE + "transports/websocket/handshake.py",
        r"return 100 <= self\.status < 200 and",
        "return False and",
        kinds="old_informational_answers",
        transports="websocket",
    ),
    Plant(
        "an upgrade may take all the time of a call",
        PACKAGE + "transports/auto.py",
        r"UPGRADE_SHARE = 0\.5",
        "UPGRADE_SHARE = 1.0",
        kinds="old_upgrades_that_do_not_pass",
        transports="auto",
    ),
    Plant(
        "a connection that is cut before the key is answered is no refused upgrade",
        PACKAGE + "transports/websocket/upgrade.py",
        r"return UpgradeCutError\(text\)",
        "return fault",
        kinds="old_upgrades_that_do_not_pass",
        transports="auto",
    ),
    Plant(
        "the answer to the key may take all the time of a call",
        PACKAGE + "transports/websocket/connection.py",
        r"if share is None or not replaceable:",
        "if True:",
        kinds="old_upgrades_that_do_not_pass",
        transports="auto",
    ),
    Plant(
        "a run whose upgrade was cut does not go over HTTP",
        PACKAGE + "transports/auto.py",
        r"fault\._is_for_want_of_websocket = True",
        "pass",
        kinds="old_upgrades_that_do_not_pass",
        transports="auto",
    ),
    Plant(
        "an answer that is cut in its head is a ProtocolError",
        PACKAGE + "transports/http/sockets.py",
        r"elif self\.in_head and _HTTP\.startswith\(self\._first\):",
        "elif False:",
        kinds="old_answers_cut_in_the_head",
        transports="http",
    ),
    Plant(
        "nobody looks whether a kept connection of HTTP has become readable",
        "tests/simulation/seams.py",
        r"wait_for_read = lambda sock, timeout: sock\.is_readable\(\)",
        "wait_for_read = lambda sock, timeout: False",
        kinds="old_408_on_an_idle_connection",
        transports="http auto",
    ),
    Plant(
        "the status just before `terminate` is not read again",
        PACKAGE + "client/lifecycle_methods.py",
        r"for _ in range\(2\):",
        "for _ in range(1):",
        kinds="old_terminate_over_a_dead_connection",
        transports="http auto",
    ),
    Plant(
        "the run log tells the reason of another run",
        PACKAGE + "waiting/logged_run.py",
        r"@property\n    def _is_shared\(self\) -> bool:(.*?may_end_later =) True",
        r"_is_shared = False\n\n    def _was_shared(self) -> bool:\1 False",
        kinds="old_reason_of_another_run",
        transports="websocket auto",
    ),
    Plant(
        "the reason that an event told of a replaced run is forgotten",
        PACKAGE + "waiting/end_reason.py",
        r"status\.end_reason or known\.reason_of\(status\.start_time\)",
        "status.end_reason",
        kinds="old_reason_that_an_event_had_told",
        transports="websocket auto",
    ),
    Plant(
        "the end of the next run is taken for that of the run whose status was polled",
        PACKAGE + "transports/websocket/polled_end.py",
        r"self\._next = _Told\(\)",
        "self._shown.restarted = True",
        kinds="old_end_of_the_next_run",
        transports="websocket auto",
    ),
    Plant(
        "the run log tells the end of a run that began together with this one",
        PACKAGE + "waiting/logged_run.py",
        r"may_end_later = True(.*?)chapter\.rivals = \[",
        r"may_end_later = False\1chapter.rivals = [] and [",
        kinds="old_chapter_of_another_run",
        transports="websocket auto",
    ),
    Plant(
        "what was received before a connection was lost is forgotten",
        PACKAGE + "transports/websocket/watch.py",
        r"if self\._take_queued\(connection\):",
        "if False:",
        kinds="old_reason_heard_before_a_loss",
        transports="websocket auto",
    ),
    Plant(
        "a request to terminate that was not answered does not count",
        PACKAGE + "client/terminated_runs.py",
        r"return error\.request_sent if isinstance\(error, RocketRideError\) else was_sent\(\) is not False",
        "return False",
        kinds="old_terminate_without_an_answer",
    ),
    Plant(
        "the simulated server swaps two tasks",
        "tests/simulation/engine.py",
        r"return document\n$",
        """if run.number % 2 and run.number < len(self.runs):
            return self.document(self.runs[run.number])
        return document
""",
    ),
)
