"""How many tasks of a wait for many may be subscribed to next: a bound in bytes."""

from __future__ import annotations

from typing import Optional

FEW = 32
"""So many are subscribed to with their polls, whatever it costs."""

_BYTES_IN_ALL = 16 * 1024 * 1024
_BYTES_AT_ONCE = 256 * 1024
_SHORTEST_LIST = 4096  # for servers that send no list


class SubscriptionAllowance:
    """Says how many tasks may be subscribed to next, once all earlier subscriptions are answered.

    The server answers each subscription with a list of all active tasks of the account. How long that is, the first
    subscription tells. All tasks are subscribed to if the lists come to 16 MiB at most. Those that may be unread at the
    same time come to 256 KiB: a server whose subscriber does not read waits, and the tasks with it. The list is
    looked at again each time half of the tasks have ended.
    """

    def __init__(self) -> None:
        self._tried_at: Optional[int] = None  # the number of tasks left then

    def next(self, left: int, longest_list: int) -> int:
        """The number of tasks that may be subscribed to now.

        Args:
            left: the tasks that have not ended.
            longest_list: the size of a list since `tries` was true; 0 if none came.
        """
        if self.tries(left):
            self._tried_at = left
            return 1
        if left * longest_list > _BYTES_IN_ALL:
            return 0
        return max(1, _BYTES_AT_ONCE // max(longest_list, _SHORTEST_LIST))

    def tries(self, left: int) -> bool:
        """Whether the next subscription is made to learn how long the list is."""
        return self._tried_at is None or left * 2 <= self._tried_at

    def connection_lost(self) -> None:
        """Begin again: the next connection may lead to another server."""
        self._tried_at = None
