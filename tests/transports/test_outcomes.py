"""Every way to end, as older and newer servers show it on the wire: what a client calls it, over each transport."""

import pytest
from cases import each

from rocketride_sync import RocketRideClient

from .dap_peer import KEY, RUNNING, TOKEN
from .either_transport import STATUS, either
from .loopback import Server

YES, NO = True, False
ALL, FEWER = {"totalCount": 4, "completedCount": 4}, {"totalCount": 4, "completedCount": 2}

# How it ended: state, exit code, exit message, counts; what the client says, and whether it is certain of it.
OLDER = {
    "well, with a line": (6, 1, "", ALL, "succeeded", NO),
    "well, without a line": (5, 0, "", ALL, "succeeded", YES),
    "failed, with a line": (6, 1, "text", FEWER, "failed", YES),
    "failed, with a line without a text": (6, 1, "", FEWER, "failed", NO),
    "exit code 3": (5, 0, "", ALL, "succeeded", YES),
    "killed": (5, 0, "", FEWER, "succeeded", NO),
    "stopped, no line": (6, 0, "", FEWER, "cancelled", YES),
    "stopped, with a line": (6, 1, "text", FEWER, "failed", YES),
    "stopped, with a line without a text": (6, 1, "", FEWER, "failed", NO),
    "restarted, then well, with a line": (6, 1, "", ALL, "succeeded", NO),
    "restarted, then well, no line": (6, None, "Stopped", ALL, "cancelled", NO),
    "the same, the other way of the race": (5, 0, "Stopped", ALL, "succeeded", YES),
    "restarted, then exit code 3": (6, None, "Stopped", FEWER, "cancelled", NO),
    "restarted, then exit code 3, the other way": (6, 3, "Stopped", FEWER, "failed", YES),
    "restarted, then stopped": (6, None, "Stopped", FEWER, "cancelled", NO),
    "restarted, then stopped, the other way": (6, -15, "Stopped", FEWER, "failed", NO),
}
NEWER = {
    "well, with a line": (5, 0, "", ALL, "succeeded", YES),
    "well, without a line": (5, 0, "Stopped", ALL, "succeeded", YES),
    "failed, with a line": (6, 1, "text", FEWER, "failed", YES),
    "failed, with a line without a text": (6, 1, "", FEWER, "failed", NO),
    "exit code 3": (6, 3, "Stopped", ALL, "failed", YES),
    "killed": (6, -9, "Stopped", FEWER, "failed", YES),
    "stopped, no line": (6, 0, "", FEWER, "cancelled", YES),
    "stopped, with a line": (6, 1, "text", FEWER, "failed", YES),
    "restarted, then well": (5, 0, "Stopped", ALL, "succeeded", YES),
    "restarted, then exit code 3": (6, 3, "Stopped", FEWER, "failed", YES),
    "restarted, then stopped": (6, None, "", FEWER, "cancelled", NO),
}
ALL_ROWS = {
    f"{g}: {how}": row for g, rows in (("older", OLDER), ("newer", NEWER)) for how, row in rows.items()
}
ROWS = each("row", ALL_ROWS.values(), ids=ALL_ROWS)


def document_of(row):
    state, code, text, counts, _, _ = row
    ended = {"state": state, "completed": True, "exitCode": code, "exitMessage": text, "endTime": 200.0}
    return {**RUNNING, **ended, **counts}


def serving(document, reason=None):
    """Polls are answered with the document; the task had ended before, or ends now with a reason."""

    def reply(peer, request):
        if request["command"] == STATUS:
            peer.answer(request, document)
            if reason is not None:
                peer.event("end", reason=reason)
        else:
            if reason is None:
                peer.event("running", tasks=[], __id="")
            peer.answer(request)

    return Server(either(lambda _: document, reply))


WAYS = {
    "get": lambda client: client.get_task_status(TOKEN),
    "wait": lambda client: client.wait_until_complete(TOKEN, 20.0),
    "many": lambda client: client.wait_all([TOKEN], 20.0)[0].result(),
    "iterate": lambda client: list(client.iter_task_status(TOKEN, timeout=20.0))[-1],
}


@ROWS
@pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
def test_each_row_over_each_transport(row, transport):
    with serving(document_of(row)) as server, RocketRideClient(
        server.url, KEY, transport=transport
    ) as client:
        for read in WAYS.values():
            status = read(client)
            assert (status.outcome, status.outcome_certain) == row[-2:]


@ROWS
@pytest.mark.parametrize("way", ["wait", "many", "iterate"])
@pytest.mark.parametrize("reason", ["user", "ttl"])
def test_a_reason_outweighs_all_rows_of_state_6(row, way, reason):
    with serving(document_of(row), reason) as server, RocketRideClient(
        server.url, KEY, transport="websocket"
    ) as client:
        status = WAYS[way](client)
    expected = ("cancelled", YES) if row[0] == 6 else row[-2:]
    assert (status.outcome, status.outcome_certain) == expected
