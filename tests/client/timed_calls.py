"""A transport without a server that notes how much time each call has."""

from rocketride_sync import MemoryTransport


class TimedCalls(MemoryTransport):
    """Also has `limits`: the seconds that were left for each call."""

    def __init__(self, script):
        super().__init__(script)
        self.limits = []

    def call(self, operation, deadline):
        self.limits.append(deadline.remaining())
        return super().call(operation, deadline)
