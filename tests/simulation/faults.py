"""Which faults a life has, and when. Few kinds a life, and none in two lives of five: there promises are exact."""

from __future__ import annotations

CALM_SHARE = 0.4
_LONG = 10_000.0  # seconds of a life in which outages of minutes belong

# Each with the longest time that it lasts, in seconds; 0 happens in a moment.
NETWORK = {
    "name not found": 8.0,
    "refused": 8.0,
    "connecting hangs": 8.0,
    "stall": 12.0,
    "reset": 0.0,
    "half-close": 0.0,
    "silence": 0.0,  # all connections that there are carry nothing any more
    "cut answers": 5.0,
}
SERVER = {
    "overload": 8.0,
    "busy neighbours": 8.0,  # who take most of the ten slots of connections that are not authenticated yet
    "slow answers": 10.0,
    "mute": 10.0,
    "restart": 6.0,
    "killed": 6.0,
    "garbage": 2.0,
    "doubled answers": 30.0,  # over HTTP
    "events lost": 60.0,
    "events doubled": 60.0,
}
PROXY = {
    "proxy page": 8.0,
    "early hints": 30.0,
    "upgrade refused": 8.0,
    "upgrade cut": 8.0,
    "upgrade swallowed": 30.0,
    "upgrade in vain": 30.0,  # it is accepted, and nothing passes after it
    "idle connections answered 408": 60.0,
}
UPGRADES = {kind for kind in PROXY if kind.startswith("upgrade ")}
KINDS = {**NETWORK, **SERVER, **PROXY}
_SORTED = sorted(KINDS)


class Fault:
    def __init__(self, kind, begin, end, chance, variant):
        self.kind = kind
        self.begin = begin
        self.end = end
        self.chance = chance
        self.variant = variant


class Faults:
    """The faults of one life.

    Attributes:
        all: the faults, in no order.
        hits: how often each kind came into play.
    """

    def __init__(self, world, span, calm=None):
        self.world = world
        self.all = []
        self.hits = {}
        self.calm = world.rng.random() < CALM_SHARE if calm is None else calm
        self.over = False
        if not self.calm:
            self._choose(span)

    def _choose(self, span):
        rng = self.world.rng
        for kind in rng.sample(_SORTED, rng.choice((1, 1, 2, 2, 3, 4))):
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                begin = self.world.now + rng.uniform(0.0, span) * rng.choice((0.0, 0.3, 1.0, 1.0))
                lasting = KINDS[kind] * rng.choice((0.05, 0.3, 1.0))
                if span > _LONG:
                    lasting *= rng.choice((1.0, 1.0, 60.0))
                fault = Fault(kind, begin, begin + lasting, rng.choice((0.3, 1.0, 1.0)), rng.randrange(1000))
                self.all.append(fault)
                self.world.tell("planned: %s from %.3f to %.3f", kind, begin - 1000.0, fault.end - 1000.0)

    def now(self, kind):
        """The fault of this kind that is in play at the moment, or None."""
        for fault in () if self.over else self.all:
            if fault.kind == kind and fault.begin <= self.world.now < fault.end:
                if fault.chance < 1.0 and self.world.rng.random() > fault.chance:
                    return None
                self.count(kind)
                return fault
        return None

    def count(self, kind):
        self.hits[kind] = self.hits.get(kind, 0) + 1

    def has(self, *kinds):
        return any(fault.kind in kinds for fault in self.all)

    @property
    def only_of_upgrades(self):
        """Whether there are faults, and all of them leave HTTP alone."""
        return bool(self.all) and all(fault.kind in UPGRADES for fault in self.all)

    def held_until(self, moment):
        """When something that would arrive at `moment` arrives: a stall holds it up."""
        for fault in () if self.over else self.all:
            if fault.kind == "stall" and fault.begin <= moment < fault.end:
                self.count("stall")
                moment = fault.end + 0.001
        return moment

    @property
    def last(self):
        """When the last fault is over."""
        return max((fault.end for fault in self.all), default=0.0)

    def heal(self):
        """No faults any more."""
        self.over = True
