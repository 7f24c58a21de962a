"""How a run can end, and what a client sees of it: PROTOCOL.md's first table of outcomes, row by row."""

from __future__ import annotations

SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
OLDER, NEWER = "older", "newer"

_TEXT = "the disk is full"


class End:
    """A row of the table.

    Attributes:
        truth: what truly happened.
        older: what an older server shows, as (state, exit code, exit message) in all its variants.
        newer: what a newer one shows.
        short: whether not all items were worked on.
        restarted: whether the run was restarted before.
        stopped: whether somebody stopped it, or its ttl ran out.
    """

    def __init__(self, truth, older, newer, *, short=False, restarted=False, stopped=False):
        self.truth = truth
        self.older = older
        self.newer = newer
        self.short = short
        self.restarted = restarted
        self.stopped = stopped

    def shown(self, generation, rng):
        return rng.choice(self.older if generation == OLDER else self.newer)


ENDS = {
    "well, with a line": End(SUCCEEDED, [(6, 1, "")], [(5, 0, "")]),
    "well": End(SUCCEEDED, [(5, 0, "")], [(5, 0, "Stopped")]),
    "failed": End(FAILED, [(6, 1, _TEXT)], [(6, 1, _TEXT)], short=True),
    "failed, without a text": End(FAILED, [(6, 1, "")], [(6, 1, "")], short=True),
    "failed at the end, without a text": End(FAILED, [(6, 1, "")], [(6, 1, "")]),
    "exit code 3": End(FAILED, [(5, 0, "")], [(6, 3, "Stopped")], short=True),
    "killed": End(FAILED, [(5, 0, "")], [(6, -9, "Stopped")], short=True),
    "stopped": End(CANCELLED, [(6, 0, "")], [(6, 0, "")], short=True, stopped=True),
    "stopped, with a line": End(
        CANCELLED, [(6, 1, ""), (6, 1, _TEXT)], [(6, 1, ""), (6, 1, _TEXT)], short=True, stopped=True
    ),
    "restarted, well, with a line": End(SUCCEEDED, [(6, 1, "")], [(5, 0, "")], restarted=True),
    "restarted, well": End(
        SUCCEEDED, [(6, None, "Stopped")] * 3 + [(5, 0, "Stopped")], [(5, 0, "Stopped")], restarted=True
    ),
    "restarted, exit code 3": End(
        FAILED, [(6, None, "Stopped"), (6, 3, "Stopped")], [(6, 3, "Stopped")], short=True, restarted=True
    ),
    "restarted, stopped": End(
        CANCELLED,
        [(6, None, "Stopped"), (6, -15, "Stopped")],
        [(6, None, "")],
        short=True,
        restarted=True,
        stopped=True,
    ),
}
