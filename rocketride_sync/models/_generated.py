"""The models of the documents on the wire. Generated: do not edit.

Change the schema and run ``python -m codegen``. Made from:
schema/task_status.schema.json, sha256 51b03ff7d7b2245938fca14fc84e7e85f1b980410b0c64ad6dedccbc2b58b513
"""

from __future__ import annotations

from typing import Any, ClassVar, Mapping, Optional, Tuple, Type, Union

import attrs

from . import checks as _checks
from .behaviour import StatusBehaviour
from .checks import ROOT, Place
from .document import Document
from .enums import OpenIntEnum
from .readonly import EMPTY, ReadOnlyDict

# A decoder fills an object of a twin class with the same slots, which is not frozen, and then makes it one of
# the real class: a field costs a plain store. Locals begin with v_, so that no field can hide a name.


class TaskState(OpenIntEnum):
    """Where a task is in its life: NONE, STARTING, INITIALIZING, RUNNING, STOPPING, then COMPLETED or
    CANCELLED.
    """

    NONE = 0
    """Nothing is set up yet."""

    STARTING = 1
    """Resources are being set up and the engine's process prepared."""

    INITIALIZING = 2
    """The engine's process is there and loads the pipeline."""

    RUNNING = 3
    """At work, ready for requests."""

    STOPPING = 4
    """Shutting down in order."""

    COMPLETED = 5
    """Ended by itself and cleaned up. Whether it went well, the exit code tells."""

    CANCELLED = 6
    """Ended before it was done, or by a fatal error."""


_TASK_STATE_VALUES: Mapping[int, TaskState] = {int(member): member for member in TaskState}


def _decode_task_state(value: Any, place: Place) -> TaskState:
    known = _TASK_STATE_VALUES.get(value) if type(value) is int else None
    return _checks.member(TaskState, value, place) if known is None else known


@attrs.frozen(kw_only=True, repr=False, hash=False, weakref_slot=False)
class TaskStatusFlow(Document):
    """What the instances of a pipeline are working in.

    Attributes:
        total_pipes: Number of instances of the pipeline. Unit: pipes. Default: 0.
        by_pipe: By the number of the instance: the components it is in, outermost first. Decimal strings
            as keys on the wire, integers here. Default: empty.
        extra: Keys that the schema does not know, with their JSON values.
    """

    total_pipes: int = 0
    by_pipe: Mapping[int, Tuple[str, ...]] = attrs.field(default=EMPTY, converter=ReadOnlyDict)
    extra: Mapping[str, Any] = attrs.field(default=EMPTY, converter=ReadOnlyDict)

    __hash__ = None  # type: ignore[assignment]
    _attributes: ClassVar[Mapping[str, str]] = {
        "totalPipes": "total_pipes",
        "byPipe": "by_pipe",
    }

    @classmethod
    def from_dict(cls, document: Any) -> TaskStatusFlow:
        return _decode_task_status_flow(document, ROOT)


class _TaskStatusFlowDraft(Document):
    __slots__ = TaskStatusFlow.__slots__


_TASK_STATUS_FLOW_DEFAULTS: Mapping[str, Any] = {
    "totalPipes": 0,
    "byPipe": None,
}


def _decode_task_status_flow(document: Any, place: Place) -> TaskStatusFlow:
    if type(document) is not dict:
        document = _checks.json_object(document, place)
    while True:
        try:
            v_total_pipes = document["totalPipes"]
            v_by_pipe = document["byPipe"]
            break
        except KeyError:
            document = {**_TASK_STATUS_FLOW_DEFAULTS, **document}
    draft: Any = _TaskStatusFlowDraft()
    if type(v_total_pipes) is not int:
        v_total_pipes = _checks.integer(v_total_pipes, (place, "totalPipes"), 0)
    draft.total_pipes = v_total_pipes
    draft.by_pipe = _checks.numbered(v_by_pipe, (place, "byPipe"), _checks.texts)
    known = len(document) == 2
    draft.extra = EMPTY if known else _checks.unknown(document, _TASK_STATUS_FLOW_DEFAULTS, place)
    draft.__class__ = TaskStatusFlow
    return draft  # type: ignore[no-any-return]


@attrs.frozen(kw_only=True, repr=False, hash=False, weakref_slot=False)
class TaskMetrics(Document):
    """Use of processor and memory by the task's own process. Zeroed when the task ends, peaks and averages
    too.

    Attributes:
        cpu_percent: Current processor use; all cores together are 100. Unit: percent. Default: 0.0.
        cpu_memory_mb: Current use of memory. Unit: MB. Default: 0.0.
        gpu_memory_mb: Current use of graphics memory. Unit: MB. Default: 0.0.
        peak_cpu_percent: Highest processor use; all cores together are 100. Unit: percent. Default: 0.0.
        peak_cpu_memory_mb: Highest use of memory. Unit: MB. Default: 0.0.
        peak_gpu_memory_mb: Highest use of graphics memory. Unit: MB. Default: 0.0.
        avg_cpu_percent: Average processor use; all cores together are 100. Unit: percent. Default: 0.0.
        avg_cpu_memory_mb: Average use of memory. Unit: MB. Default: 0.0.
        avg_gpu_memory_mb: Average use of graphics memory. Unit: MB. Default: 0.0.
        extra: Keys that the schema does not know, with their JSON values.
    """

    cpu_percent: float = 0.0
    cpu_memory_mb: float = 0.0
    gpu_memory_mb: float = 0.0
    peak_cpu_percent: float = 0.0
    peak_cpu_memory_mb: float = 0.0
    peak_gpu_memory_mb: float = 0.0
    avg_cpu_percent: float = 0.0
    avg_cpu_memory_mb: float = 0.0
    avg_gpu_memory_mb: float = 0.0
    extra: Mapping[str, Any] = attrs.field(default=EMPTY, converter=ReadOnlyDict)

    __hash__ = None  # type: ignore[assignment]
    _attributes: ClassVar[Mapping[str, str]] = {
        "cpu_percent": "cpu_percent",
        "cpu_memory_mb": "cpu_memory_mb",
        "gpu_memory_mb": "gpu_memory_mb",
        "peak_cpu_percent": "peak_cpu_percent",
        "peak_cpu_memory_mb": "peak_cpu_memory_mb",
        "peak_gpu_memory_mb": "peak_gpu_memory_mb",
        "avg_cpu_percent": "avg_cpu_percent",
        "avg_cpu_memory_mb": "avg_cpu_memory_mb",
        "avg_gpu_memory_mb": "avg_gpu_memory_mb",
    }

    @classmethod
    def from_dict(cls, document: Any) -> TaskMetrics:
        return _decode_task_metrics(document, ROOT)


class _TaskMetricsDraft(Document):
    __slots__ = TaskMetrics.__slots__


_TASK_METRICS_DEFAULTS: Mapping[str, Any] = {
    "cpu_percent": 0.0,
    "cpu_memory_mb": 0.0,
    "gpu_memory_mb": 0.0,
    "peak_cpu_percent": 0.0,
    "peak_cpu_memory_mb": 0.0,
    "peak_gpu_memory_mb": 0.0,
    "avg_cpu_percent": 0.0,
    "avg_cpu_memory_mb": 0.0,
    "avg_gpu_memory_mb": 0.0,
}


def _decode_task_metrics(document: Any, place: Place) -> TaskMetrics:
    if type(document) is not dict:
        document = _checks.json_object(document, place)
    while True:
        try:
            v_cpu_percent = document["cpu_percent"]
            v_cpu_memory_mb = document["cpu_memory_mb"]
            v_gpu_memory_mb = document["gpu_memory_mb"]
            v_peak_cpu_percent = document["peak_cpu_percent"]
            v_peak_cpu_memory_mb = document["peak_cpu_memory_mb"]
            v_peak_gpu_memory_mb = document["peak_gpu_memory_mb"]
            v_avg_cpu_percent = document["avg_cpu_percent"]
            v_avg_cpu_memory_mb = document["avg_cpu_memory_mb"]
            v_avg_gpu_memory_mb = document["avg_gpu_memory_mb"]
            break
        except KeyError:
            document = {**_TASK_METRICS_DEFAULTS, **document}
    draft: Any = _TaskMetricsDraft()
    if type(v_cpu_percent) is not float or v_cpu_percent - v_cpu_percent != 0.0:
        v_cpu_percent = _checks.number(v_cpu_percent, (place, "cpu_percent"), 0.0)
    draft.cpu_percent = v_cpu_percent
    if type(v_cpu_memory_mb) is not float or v_cpu_memory_mb - v_cpu_memory_mb != 0.0:
        v_cpu_memory_mb = _checks.number(v_cpu_memory_mb, (place, "cpu_memory_mb"), 0.0)
    draft.cpu_memory_mb = v_cpu_memory_mb
    if type(v_gpu_memory_mb) is not float or v_gpu_memory_mb - v_gpu_memory_mb != 0.0:
        v_gpu_memory_mb = _checks.number(v_gpu_memory_mb, (place, "gpu_memory_mb"), 0.0)
    draft.gpu_memory_mb = v_gpu_memory_mb
    if type(v_peak_cpu_percent) is not float or v_peak_cpu_percent - v_peak_cpu_percent != 0.0:
        v_peak_cpu_percent = _checks.number(v_peak_cpu_percent, (place, "peak_cpu_percent"), 0.0)
    draft.peak_cpu_percent = v_peak_cpu_percent
    if type(v_peak_cpu_memory_mb) is not float or v_peak_cpu_memory_mb - v_peak_cpu_memory_mb != 0.0:
        v_peak_cpu_memory_mb = _checks.number(v_peak_cpu_memory_mb, (place, "peak_cpu_memory_mb"), 0.0)
    draft.peak_cpu_memory_mb = v_peak_cpu_memory_mb
    if type(v_peak_gpu_memory_mb) is not float or v_peak_gpu_memory_mb - v_peak_gpu_memory_mb != 0.0:
        v_peak_gpu_memory_mb = _checks.number(v_peak_gpu_memory_mb, (place, "peak_gpu_memory_mb"), 0.0)
    draft.peak_gpu_memory_mb = v_peak_gpu_memory_mb
    if type(v_avg_cpu_percent) is not float or v_avg_cpu_percent - v_avg_cpu_percent != 0.0:
        v_avg_cpu_percent = _checks.number(v_avg_cpu_percent, (place, "avg_cpu_percent"), 0.0)
    draft.avg_cpu_percent = v_avg_cpu_percent
    if type(v_avg_cpu_memory_mb) is not float or v_avg_cpu_memory_mb - v_avg_cpu_memory_mb != 0.0:
        v_avg_cpu_memory_mb = _checks.number(v_avg_cpu_memory_mb, (place, "avg_cpu_memory_mb"), 0.0)
    draft.avg_cpu_memory_mb = v_avg_cpu_memory_mb
    if type(v_avg_gpu_memory_mb) is not float or v_avg_gpu_memory_mb - v_avg_gpu_memory_mb != 0.0:
        v_avg_gpu_memory_mb = _checks.number(v_avg_gpu_memory_mb, (place, "avg_gpu_memory_mb"), 0.0)
    draft.avg_gpu_memory_mb = v_avg_gpu_memory_mb
    known = len(document) == 9
    draft.extra = EMPTY if known else _checks.unknown(document, _TASK_METRICS_DEFAULTS, place)
    draft.__class__ = TaskMetrics
    return draft  # type: ignore[no-any-return]


@attrs.frozen(kw_only=True, repr=False, hash=False, weakref_slot=False)
class TaskTokens(Document):
    """What a task has cost so far, in billing tokens (100 make a dollar).

    Attributes:
        cpu_utilization: For processor time. Unit: tokens. Default: 0.0.
        cpu_memory: For memory. Unit: tokens. Default: 0.0.
        gpu_memory: For graphics memory. Unit: tokens. Default: 0.0.
        gpu_inference: For inference on graphics processors. Unit: tokens. Default: 0.0.
        custom: For counters of single components, by the counter's name. Unit: tokens. Default: empty.
        total: All together. Unit: tokens. Default: 0.0.
        extra: Keys that the schema does not know, with their JSON values.
    """

    cpu_utilization: float = 0.0
    cpu_memory: float = 0.0
    gpu_memory: float = 0.0
    gpu_inference: float = 0.0
    custom: Mapping[str, float] = attrs.field(default=EMPTY, converter=ReadOnlyDict)
    total: float = 0.0
    extra: Mapping[str, Any] = attrs.field(default=EMPTY, converter=ReadOnlyDict)

    __hash__ = None  # type: ignore[assignment]
    _attributes: ClassVar[Mapping[str, str]] = {
        "cpu_utilization": "cpu_utilization",
        "cpu_memory": "cpu_memory",
        "gpu_memory": "gpu_memory",
        "gpu_inference": "gpu_inference",
        "custom": "custom",
        "total": "total",
    }

    @classmethod
    def from_dict(cls, document: Any) -> TaskTokens:
        return _decode_task_tokens(document, ROOT)


class _TaskTokensDraft(Document):
    __slots__ = TaskTokens.__slots__


_TASK_TOKENS_DEFAULTS: Mapping[str, Any] = {
    "cpu_utilization": 0.0,
    "cpu_memory": 0.0,
    "gpu_memory": 0.0,
    "gpu_inference": 0.0,
    "custom": None,
    "total": 0.0,
}


def _decode_task_tokens(document: Any, place: Place) -> TaskTokens:
    if type(document) is not dict:
        document = _checks.json_object(document, place)
    while True:
        try:
            v_cpu_utilization = document["cpu_utilization"]
            v_cpu_memory = document["cpu_memory"]
            v_gpu_memory = document["gpu_memory"]
            v_gpu_inference = document["gpu_inference"]
            v_custom = document["custom"]
            v_total = document["total"]
            break
        except KeyError:
            document = {**_TASK_TOKENS_DEFAULTS, **document}
    draft: Any = _TaskTokensDraft()
    if type(v_cpu_utilization) is not float or v_cpu_utilization - v_cpu_utilization != 0.0:
        v_cpu_utilization = _checks.number(v_cpu_utilization, (place, "cpu_utilization"), 0.0)
    draft.cpu_utilization = v_cpu_utilization
    if type(v_cpu_memory) is not float or v_cpu_memory - v_cpu_memory != 0.0:
        v_cpu_memory = _checks.number(v_cpu_memory, (place, "cpu_memory"), 0.0)
    draft.cpu_memory = v_cpu_memory
    if type(v_gpu_memory) is not float or v_gpu_memory - v_gpu_memory != 0.0:
        v_gpu_memory = _checks.number(v_gpu_memory, (place, "gpu_memory"), 0.0)
    draft.gpu_memory = v_gpu_memory
    if type(v_gpu_inference) is not float or v_gpu_inference - v_gpu_inference != 0.0:
        v_gpu_inference = _checks.number(v_gpu_inference, (place, "gpu_inference"), 0.0)
    draft.gpu_inference = v_gpu_inference
    draft.custom = _checks.mapping(v_custom, (place, "custom"), _checks.number)
    if type(v_total) is not float or v_total - v_total != 0.0:
        v_total = _checks.number(v_total, (place, "total"), 0.0)
    draft.total = v_total
    known = len(document) == 6
    draft.extra = EMPTY if known else _checks.unknown(document, _TASK_TOKENS_DEFAULTS, place)
    draft.__class__ = TaskTokens
    return draft  # type: ignore[no-any-return]


@attrs.frozen(kw_only=True, repr=False, hash=False, weakref_slot=False)
class TaskStatusComponentStat(Document):
    """Time spent in one component.

    Attributes:
        calls: How often the component was entered and left again. Unit: calls. Default: 0.
        total_seconds: Time in the component, added up. Unit: seconds. Default: 0.0.
        max_seconds: The longest single time in the component. Unit: seconds. Default: 0.0.
        extra: Keys that the schema does not know, with their JSON values.
    """

    calls: int = 0
    total_seconds: float = 0.0
    max_seconds: float = 0.0
    extra: Mapping[str, Any] = attrs.field(default=EMPTY, converter=ReadOnlyDict)

    __hash__ = None  # type: ignore[assignment]
    _attributes: ClassVar[Mapping[str, str]] = {
        "calls": "calls",
        "totalSeconds": "total_seconds",
        "maxSeconds": "max_seconds",
    }

    @classmethod
    def from_dict(cls, document: Any) -> TaskStatusComponentStat:
        return _decode_task_status_component_stat(document, ROOT)


class _TaskStatusComponentStatDraft(Document):
    __slots__ = TaskStatusComponentStat.__slots__


_TASK_STATUS_COMPONENT_STAT_DEFAULTS: Mapping[str, Any] = {
    "calls": 0,
    "totalSeconds": 0.0,
    "maxSeconds": 0.0,
}


def _decode_task_status_component_stat(document: Any, place: Place) -> TaskStatusComponentStat:
    if type(document) is not dict:
        document = _checks.json_object(document, place)
    while True:
        try:
            v_calls = document["calls"]
            v_total_seconds = document["totalSeconds"]
            v_max_seconds = document["maxSeconds"]
            break
        except KeyError:
            document = {**_TASK_STATUS_COMPONENT_STAT_DEFAULTS, **document}
    draft: Any = _TaskStatusComponentStatDraft()
    if type(v_calls) is not int:
        v_calls = _checks.integer(v_calls, (place, "calls"), 0)
    draft.calls = v_calls
    if type(v_total_seconds) is not float or v_total_seconds - v_total_seconds != 0.0:
        v_total_seconds = _checks.number(v_total_seconds, (place, "totalSeconds"), 0.0)
    draft.total_seconds = v_total_seconds
    if type(v_max_seconds) is not float or v_max_seconds - v_max_seconds != 0.0:
        v_max_seconds = _checks.number(v_max_seconds, (place, "maxSeconds"), 0.0)
    draft.max_seconds = v_max_seconds
    known = len(document) == 3
    draft.extra = EMPTY if known else _checks.unknown(document, _TASK_STATUS_COMPONENT_STAT_DEFAULTS, place)
    draft.__class__ = TaskStatusComponentStat
    return draft  # type: ignore[no-any-return]


@attrs.frozen(kw_only=True, repr=False, hash=False, weakref_slot=False)
class TaskStatusSlowestDoc(Document):
    """One of the slowest items of a run.

    Attributes:
        name: Name of the item, at most 200 characters. Default: empty.
        elapsed: Time from its beginning to its end. Unit: seconds. Default: 0.0.
        begin_time: When it began. Unit: seconds since 1970-01-01 UTC. Default: 0.0.
        begin_seq: Number of the event it began with, by which its trace is found; None if unknown.
            Default: None.
        extra: Keys that the schema does not know, with their JSON values.
    """

    name: str = ""
    elapsed: float = 0.0
    begin_time: float = 0.0
    begin_seq: Optional[int] = None
    extra: Mapping[str, Any] = attrs.field(default=EMPTY, converter=ReadOnlyDict)

    __hash__ = None  # type: ignore[assignment]
    _attributes: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "elapsed": "elapsed",
        "beginTime": "begin_time",
        "beginSeq": "begin_seq",
    }

    @classmethod
    def from_dict(cls, document: Any) -> TaskStatusSlowestDoc:
        return _decode_task_status_slowest_doc(document, ROOT)


class _TaskStatusSlowestDocDraft(Document):
    __slots__ = TaskStatusSlowestDoc.__slots__


_TASK_STATUS_SLOWEST_DOC_DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "elapsed": 0.0,
    "beginTime": 0.0,
    "beginSeq": None,
}


def _decode_task_status_slowest_doc(document: Any, place: Place) -> TaskStatusSlowestDoc:
    if type(document) is not dict:
        document = _checks.json_object(document, place)
    while True:
        try:
            v_name = document["name"]
            v_elapsed = document["elapsed"]
            v_begin_time = document["beginTime"]
            v_begin_seq = document["beginSeq"]
            break
        except KeyError:
            document = {**_TASK_STATUS_SLOWEST_DOC_DEFAULTS, **document}
    draft: Any = _TaskStatusSlowestDocDraft()
    if type(v_name) is not str:
        v_name = _checks.text(v_name, (place, "name"), "")
    draft.name = v_name
    if type(v_elapsed) is not float or v_elapsed - v_elapsed != 0.0:
        v_elapsed = _checks.number(v_elapsed, (place, "elapsed"), 0.0)
    draft.elapsed = v_elapsed
    if type(v_begin_time) is not float or v_begin_time - v_begin_time != 0.0:
        v_begin_time = _checks.number(v_begin_time, (place, "beginTime"), 0.0)
    draft.begin_time = v_begin_time
    if type(v_begin_seq) is not int:
        v_begin_seq = _checks.integer(v_begin_seq, (place, "beginSeq"), None)
    draft.begin_seq = v_begin_seq
    known = len(document) == 4
    draft.extra = EMPTY if known else _checks.unknown(document, _TASK_STATUS_SLOWEST_DOC_DEFAULTS, place)
    draft.__class__ = TaskStatusSlowestDoc
    return draft  # type: ignore[no-any-return]


@attrs.frozen(kw_only=True, repr=False, hash=False, weakref_slot=False)
class TaskStatus(StatusBehaviour):
    """How a task is doing: its state, what it has worked on, what went wrong, and what it costs. One look at
    it, taken when the server answered.

    Attributes:
        name: The task's name, as given when it was started or made from the start of its token and the
            source's name. Default: empty.
        project_id: Identifier of the project whose pipeline this task runs. Default: empty.
        source: Identifier of the component the pipeline starts at. Default: empty.
        completed: Whether the work has ended. It turns true while the state is still STOPPING:
            `is_terminal` tells the true end. Default: False.
        state: Where the task is in its life. Default: TaskState.NONE.
        start_time: When the run started; 0.0 before that. A restart keeps it. Unit: seconds since
            1970-01-01 UTC. Default: 0.0.
        end_time: When the run ended; 0.0 before that. Unit: seconds since 1970-01-01 UTC. Default: 0.0.
        debugger_attached: Whether a debugger is attached to the task. Default: False.
        status: What the task says it is doing, for people to read. Default: empty.
        warnings: The newest warnings, oldest first. Servers keep 50 or 1000; many have the form
            `kind*text*location`. Default: empty.
        errors: The newest error messages, oldest first. Servers keep 50 or 1000; many have the form
            `kind*text*location`. Default: empty.
        current_object: Name of the item being worked on. Default: empty.
        current_size: Size of the item being worked on. Unit: bytes. Default: 0.
        notes: Remarks for display, as text or as objects. They can hold the task's token: do not log them.
            Default: empty.
        total_size: Size of all items to work on, as far as known. Unit: bytes. Default: 0.
        total_count: Number of items to work on, as far as known. Unit: items. Default: 0.
        completed_size: Size of the items done successfully. Unit: bytes. Default: 0.
        completed_count: Number of items done successfully. Unit: items. Default: 0.
        failed_size: Size of the items that failed. Unit: bytes. Default: 0.
        failed_count: Number of items that failed. Unit: items. Default: 0.
        words_size: Size of the text extracted. Unit: bytes. Default: 0.
        words_count: Number of words extracted. Unit: words. Default: 0.
        rate_size: Current speed. Some engine builds send a hundredfold: do not compute with it. Unit:
            bytes per second. Default: 0.
        rate_count: Current speed. Some engine builds send a hundredfold: do not compute with it. Unit:
            items per second. Default: 0.
        service_up: Whether the task is ready to take requests. Default: False.
        exit_code: How the engine ended: 0 is success. Some servers send null for it. Default: 0.
        exit_message: Why the task ended, where there is something to say. Default: empty.
        pipeflow: What each instance of the pipeline is working in. Default: all defaults.
        metrics: Use of processor and memory. Zeroed when the task ends. Default: all defaults.
        tokens: What the task has cost so far. Kept when the task ends. Default: all defaults.
        component_stats: Time spent in each component, by its name. Empty unless the run is traced.
            Default: empty.
        slowest_docs: The slowest items of the run, slowest first. Empty unless the run is traced. Default:
            empty.
        completion_seconds: Time all finished items took, added up. 0.0 unless the run is traced. Unit:
            seconds. Default: 0.0.
        idle_seconds: Time without work between items, added up. 0.0 unless the run is traced. Unit:
            seconds. Default: 0.0.
        idle_longest_seconds: The longest time without work between items. 0.0 unless the run is traced.
            Unit: seconds. Default: 0.0.
        idle_longest_at: When the longest time without work began; 0.0 if there was none. Unit: seconds
            since 1970-01-01 UTC. Default: 0.0.
        extra: Keys that the schema does not know, with their JSON values.
    """

    name: str = ""
    project_id: str = ""
    source: str = ""
    completed: bool = False
    state: TaskState = attrs.field(default=TaskState.NONE, converter=TaskState)
    start_time: float = 0.0
    end_time: float = 0.0
    debugger_attached: bool = False
    status: str = ""
    warnings: Tuple[str, ...] = attrs.field(default=(), converter=tuple)
    errors: Tuple[str, ...] = attrs.field(default=(), converter=tuple)
    current_object: str = ""
    current_size: int = 0
    notes: Tuple[Union[str, Mapping[str, Any]], ...] = attrs.field(default=(), converter=tuple)
    total_size: int = 0
    total_count: int = 0
    completed_size: int = 0
    completed_count: int = 0
    failed_size: int = 0
    failed_count: int = 0
    words_size: int = 0
    words_count: int = 0
    rate_size: int = 0
    rate_count: int = 0
    service_up: bool = False
    exit_code: Optional[int] = 0
    exit_message: str = ""
    pipeflow: TaskStatusFlow = attrs.field(factory=TaskStatusFlow)
    metrics: TaskMetrics = attrs.field(factory=TaskMetrics)
    tokens: TaskTokens = attrs.field(factory=TaskTokens)
    component_stats: Mapping[str, TaskStatusComponentStat] = attrs.field(
        default=EMPTY, converter=ReadOnlyDict
    )
    slowest_docs: Tuple[TaskStatusSlowestDoc, ...] = attrs.field(default=(), converter=tuple)
    completion_seconds: float = 0.0
    idle_seconds: float = 0.0
    idle_longest_seconds: float = 0.0
    idle_longest_at: float = 0.0
    extra: Mapping[str, Any] = attrs.field(default=EMPTY, converter=ReadOnlyDict)

    __hash__ = None  # type: ignore[assignment]
    _attributes: ClassVar[Mapping[str, str]] = {
        "name": "name",
        "project_id": "project_id",
        "source": "source",
        "completed": "completed",
        "state": "state",
        "startTime": "start_time",
        "endTime": "end_time",
        "debuggerAttached": "debugger_attached",
        "status": "status",
        "warnings": "warnings",
        "errors": "errors",
        "currentObject": "current_object",
        "currentSize": "current_size",
        "notes": "notes",
        "totalSize": "total_size",
        "totalCount": "total_count",
        "completedSize": "completed_size",
        "completedCount": "completed_count",
        "failedSize": "failed_size",
        "failedCount": "failed_count",
        "wordsSize": "words_size",
        "wordsCount": "words_count",
        "rateSize": "rate_size",
        "rateCount": "rate_count",
        "serviceUp": "service_up",
        "exitCode": "exit_code",
        "exitMessage": "exit_message",
        "pipeflow": "pipeflow",
        "metrics": "metrics",
        "tokens": "tokens",
        "componentStats": "component_stats",
        "slowestDocs": "slowest_docs",
        "completionSeconds": "completion_seconds",
        "idleSeconds": "idle_seconds",
        "idleLongestSeconds": "idle_longest_seconds",
        "idleLongestAt": "idle_longest_at",
    }

    @classmethod
    def from_dict(cls, document: Any) -> TaskStatus:
        return _decode_task_status(document, ROOT)


class _TaskStatusDraft(StatusBehaviour):
    __slots__ = TaskStatus.__slots__


_TASK_STATUS_DEFAULTS: Mapping[str, Any] = {
    "name": "",
    "project_id": "",
    "source": "",
    "completed": False,
    "state": 0,
    "startTime": 0.0,
    "endTime": 0.0,
    "debuggerAttached": False,
    "status": "",
    "warnings": None,
    "errors": None,
    "currentObject": "",
    "currentSize": 0,
    "notes": None,
    "totalSize": 0,
    "totalCount": 0,
    "completedSize": 0,
    "completedCount": 0,
    "failedSize": 0,
    "failedCount": 0,
    "wordsSize": 0,
    "wordsCount": 0,
    "rateSize": 0,
    "rateCount": 0,
    "serviceUp": False,
    "exitCode": 0,
    "exitMessage": "",
    "pipeflow": None,
    "metrics": None,
    "tokens": None,
    "componentStats": None,
    "slowestDocs": None,
    "completionSeconds": 0.0,
    "idleSeconds": 0.0,
    "idleLongestSeconds": 0.0,
    "idleLongestAt": 0.0,
}


def _decode_task_status(document: Any, place: Place) -> TaskStatus:
    if type(document) is not dict:
        document = _checks.json_object(document, place)
    while True:
        try:
            v_name = document["name"]
            v_project_id = document["project_id"]
            v_source = document["source"]
            v_completed = document["completed"]
            v_state = document["state"]
            v_start_time = document["startTime"]
            v_end_time = document["endTime"]
            v_debugger_attached = document["debuggerAttached"]
            v_status = document["status"]
            v_warnings = document["warnings"]
            v_errors = document["errors"]
            v_current_object = document["currentObject"]
            v_current_size = document["currentSize"]
            v_notes = document["notes"]
            v_total_size = document["totalSize"]
            v_total_count = document["totalCount"]
            v_completed_size = document["completedSize"]
            v_completed_count = document["completedCount"]
            v_failed_size = document["failedSize"]
            v_failed_count = document["failedCount"]
            v_words_size = document["wordsSize"]
            v_words_count = document["wordsCount"]
            v_rate_size = document["rateSize"]
            v_rate_count = document["rateCount"]
            v_service_up = document["serviceUp"]
            v_exit_code = document["exitCode"]
            v_exit_message = document["exitMessage"]
            v_pipeflow = document["pipeflow"]
            v_metrics = document["metrics"]
            v_tokens = document["tokens"]
            v_component_stats = document["componentStats"]
            v_slowest_docs = document["slowestDocs"]
            v_completion_seconds = document["completionSeconds"]
            v_idle_seconds = document["idleSeconds"]
            v_idle_longest_seconds = document["idleLongestSeconds"]
            v_idle_longest_at = document["idleLongestAt"]
            break
        except KeyError:
            document = {**_TASK_STATUS_DEFAULTS, **document}
    draft: Any = _TaskStatusDraft()
    if type(v_name) is not str:
        v_name = _checks.text(v_name, (place, "name"), "")
    draft.name = v_name
    if type(v_project_id) is not str:
        v_project_id = _checks.text(v_project_id, (place, "project_id"), "")
    draft.project_id = v_project_id
    if type(v_source) is not str:
        v_source = _checks.text(v_source, (place, "source"), "")
    draft.source = v_source
    if type(v_completed) is not bool:
        v_completed = _checks.boolean(v_completed, (place, "completed"), False)
    draft.completed = v_completed
    if v_state is None:
        v_state = 0
    draft.state = _decode_task_state(v_state, (place, "state"))
    if type(v_start_time) is not float or v_start_time - v_start_time != 0.0:
        v_start_time = _checks.number(v_start_time, (place, "startTime"), 0.0)
    draft.start_time = v_start_time
    if type(v_end_time) is not float or v_end_time - v_end_time != 0.0:
        v_end_time = _checks.number(v_end_time, (place, "endTime"), 0.0)
    draft.end_time = v_end_time
    if type(v_debugger_attached) is not bool:
        v_debugger_attached = _checks.boolean(v_debugger_attached, (place, "debuggerAttached"), False)
    draft.debugger_attached = v_debugger_attached
    if type(v_status) is not str:
        v_status = _checks.text(v_status, (place, "status"), "")
    draft.status = v_status
    draft.warnings = _checks.texts(v_warnings, (place, "warnings"))
    draft.errors = _checks.texts(v_errors, (place, "errors"))
    if type(v_current_object) is not str:
        v_current_object = _checks.text(v_current_object, (place, "currentObject"), "")
    draft.current_object = v_current_object
    if type(v_current_size) is not int:
        v_current_size = _checks.integer(v_current_size, (place, "currentSize"), 0)
    draft.current_size = v_current_size
    draft.notes = _checks.array(v_notes, (place, "notes"), _checks.text_or_object)
    if type(v_total_size) is not int:
        v_total_size = _checks.integer(v_total_size, (place, "totalSize"), 0)
    draft.total_size = v_total_size
    if type(v_total_count) is not int:
        v_total_count = _checks.integer(v_total_count, (place, "totalCount"), 0)
    draft.total_count = v_total_count
    if type(v_completed_size) is not int:
        v_completed_size = _checks.integer(v_completed_size, (place, "completedSize"), 0)
    draft.completed_size = v_completed_size
    if type(v_completed_count) is not int:
        v_completed_count = _checks.integer(v_completed_count, (place, "completedCount"), 0)
    draft.completed_count = v_completed_count
    if type(v_failed_size) is not int:
        v_failed_size = _checks.integer(v_failed_size, (place, "failedSize"), 0)
    draft.failed_size = v_failed_size
    if type(v_failed_count) is not int:
        v_failed_count = _checks.integer(v_failed_count, (place, "failedCount"), 0)
    draft.failed_count = v_failed_count
    if type(v_words_size) is not int:
        v_words_size = _checks.integer(v_words_size, (place, "wordsSize"), 0)
    draft.words_size = v_words_size
    if type(v_words_count) is not int:
        v_words_count = _checks.integer(v_words_count, (place, "wordsCount"), 0)
    draft.words_count = v_words_count
    if type(v_rate_size) is not int:
        v_rate_size = _checks.integer(v_rate_size, (place, "rateSize"), 0)
    draft.rate_size = v_rate_size
    if type(v_rate_count) is not int:
        v_rate_count = _checks.integer(v_rate_count, (place, "rateCount"), 0)
    draft.rate_count = v_rate_count
    if type(v_service_up) is not bool:
        v_service_up = _checks.boolean(v_service_up, (place, "serviceUp"), False)
    draft.service_up = v_service_up
    if type(v_exit_code) is not int:
        v_exit_code = _checks.integer(v_exit_code, (place, "exitCode"), None)
    draft.exit_code = v_exit_code
    if type(v_exit_message) is not str:
        v_exit_message = _checks.text(v_exit_message, (place, "exitMessage"), "")
    draft.exit_message = v_exit_message
    if v_pipeflow is None:
        draft.pipeflow = TaskStatusFlow()
    else:
        draft.pipeflow = _decode_task_status_flow(v_pipeflow, (place, "pipeflow"))
    if v_metrics is None:
        draft.metrics = TaskMetrics()
    else:
        draft.metrics = _decode_task_metrics(v_metrics, (place, "metrics"))
    if v_tokens is None:
        draft.tokens = TaskTokens()
    else:
        draft.tokens = _decode_task_tokens(v_tokens, (place, "tokens"))
    draft.component_stats = _checks.mapping(
        v_component_stats, (place, "componentStats"), _decode_task_status_component_stat
    )
    draft.slowest_docs = _checks.array(
        v_slowest_docs, (place, "slowestDocs"), _decode_task_status_slowest_doc
    )
    if type(v_completion_seconds) is not float or v_completion_seconds - v_completion_seconds != 0.0:
        v_completion_seconds = _checks.number(v_completion_seconds, (place, "completionSeconds"), 0.0)
    draft.completion_seconds = v_completion_seconds
    if type(v_idle_seconds) is not float or v_idle_seconds - v_idle_seconds != 0.0:
        v_idle_seconds = _checks.number(v_idle_seconds, (place, "idleSeconds"), 0.0)
    draft.idle_seconds = v_idle_seconds
    if type(v_idle_longest_seconds) is not float or v_idle_longest_seconds - v_idle_longest_seconds != 0.0:
        v_idle_longest_seconds = _checks.number(v_idle_longest_seconds, (place, "idleLongestSeconds"), 0.0)
    draft.idle_longest_seconds = v_idle_longest_seconds
    if type(v_idle_longest_at) is not float or v_idle_longest_at - v_idle_longest_at != 0.0:
        v_idle_longest_at = _checks.number(v_idle_longest_at, (place, "idleLongestAt"), 0.0)
    draft.idle_longest_at = v_idle_longest_at
    known = len(document) == 36
    draft.extra = EMPTY if known else _checks.unknown(document, _TASK_STATUS_DEFAULTS, place)
    draft.__class__ = TaskStatus
    return draft  # type: ignore[no-any-return]


TASK_STATE = TaskState
TASK_STATUS_FLOW = TaskStatusFlow
TASK_METRICS = TaskMetrics
TASK_TOKENS = TaskTokens
TASK_STATUS_COMPONENT_STAT = TaskStatusComponentStat
TASK_STATUS_SLOWEST_DOC = TaskStatusSlowestDoc
TASK_STATUS = TaskStatus
MODELS: Tuple[Type[Document], ...] = (
    TaskStatusFlow,
    TaskMetrics,
    TaskTokens,
    TaskStatusComponentStat,
    TaskStatusSlowestDoc,
    TaskStatus,
)
ENUMS: Tuple[Type[OpenIntEnum], ...] = (TaskState,)
