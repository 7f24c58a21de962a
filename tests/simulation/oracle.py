"""What a client may say of an end that it was told of: PROTOCOL.md's second table, and the two rules under it."""

from __future__ import annotations

from .ends import CANCELLED, FAILED, SUCCEEDED


def outcome(document, reason_heard=False, own_terminate=False):
    """The outcome of a terminal status, and whether it is certain. `own_terminate` None: it was sent, and not answered."""
    state, code, message = document["state"], document["exitCode"], document["exitMessage"]
    if state == 5:
        if code not in (0, None):
            return FAILED, True
        return SUCCEEDED, document["completedCount"] + document["failedCount"] >= document["totalCount"]
    if code == 0:
        return CANCELLED, True
    if reason_heard or own_terminate:
        return CANCELLED, True
    if own_terminate is None or code is None:
        return CANCELLED, False
    if code == 1 and message == "":
        whole = document["completedCount"] >= document["totalCount"] > 0
        well = whole and not document["failedCount"] and not document["errors"]
        return (SUCCEEDED if well else FAILED), False
    if code == -15 and message == "Stopped":
        return FAILED, False
    return FAILED, True


def is_terminal(document):
    return document["completed"] and document["state"] in (5, 6)
