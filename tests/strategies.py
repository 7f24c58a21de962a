"""Hypothesis strategies: documents as servers send them."""

from hypothesis import strategies as st

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**70), 2**70)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PIPE_KEYS = st.integers(-(10**6), 10**6).map(str)

FLOW = {
    "totalPipes": INTEGERS,
    "byPipe": st.dictionaries(PIPE_KEYS, st.lists(TEXT, max_size=4), max_size=4),
}
METRICS = {
    f"{kind}{name}": FLOATS
    for kind in ("", "peak_", "avg_")
    for name in ("cpu_percent", "cpu_memory_mb", "gpu_memory_mb")
}
TOKENS = {
    **dict.fromkeys(("cpu_utilization", "cpu_memory", "gpu_memory", "gpu_inference", "total"), FLOATS),
    "custom": st.dictionaries(TEXT, FLOATS, max_size=3),
}
COMPONENT_STAT = {"calls": INTEGERS, "totalSeconds": FLOATS, "maxSeconds": FLOATS}
SLOWEST_DOC = {"name": TEXT, "elapsed": FLOATS, "beginTime": FLOATS, "beginSeq": st.none() | INTEGERS}
NESTED = {
    "pipeflow": FLOW,
    "metrics": METRICS,
    "tokens": TOKENS,
}
STATUS = {
    **dict.fromkeys(("name", "project_id", "source", "status", "currentObject", "exitMessage"), TEXT),
    **{name: st.booleans() for name in ("completed", "debuggerAttached", "serviceUp")},
    "state": st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(0, 8),
    **dict.fromkeys(("startTime", "endTime", "completionSeconds", "idleSeconds"), FLOATS),
    **dict.fromkeys(("idleLongestSeconds", "idleLongestAt"), FLOATS),
    "warnings": st.lists(TEXT, max_size=4),
    "errors": st.lists(TEXT, max_size=4),
    "notes": st.lists(TEXT | st.dictionaries(TEXT, JSON_VALUES, max_size=3), max_size=3),
    **dict.fromkeys(("currentSize", "totalSize", "totalCount", "completedSize", "completedCount"), INTEGERS),
    **dict.fromkeys(("failedSize", "failedCount", "wordsSize", "wordsCount"), INTEGERS),
    **dict.fromkeys(("rateSize", "rateCount"), INTEGERS),
    "exitCode": st.none() | INTEGERS,
    **{name: st.fixed_dictionaries(fields) for name, fields in NESTED.items()},
    "componentStats": st.dictionaries(TEXT, st.fixed_dictionaries(COMPONENT_STAT), max_size=3),
    "slowestDocs": st.lists(st.fixed_dictionaries(SLOWEST_DOC), max_size=3),
}


def full_documents():
    """Documents with every documented key."""
    return st.fixed_dictionaries(STATUS)


def partial_documents():
    """Documents of older servers: some keys are missing."""
    return st.fixed_dictionaries({}, optional=STATUS)


def newer_documents():
    """Documents of newer servers: every documented key, and others."""
    others = st.dictionaries(TEXT.filter(lambda name: name not in STATUS), JSON_VALUES, max_size=3)
    return st.tuples(full_documents(), others).map(lambda both: {**both[0], **both[1]})
