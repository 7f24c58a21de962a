"""rocketride_sync: a synchronous client for RocketRide, for programs without an event loop.

Every public name is loaded on first use (PEP 562): importing the package costs almost nothing, and a process
loads requests, websocket-client, attrs and cattrs only when it needs them.
"""

from __future__ import annotations

from ._version import __version__

# Type checkers assume True. `typing` is not imported for it: that takes almost as long as starting the interpreter.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from .client.client import RocketRideClient as RocketRideClient
    from .client.run_result import RunResult as RunResult
    from .client.task import Task as Task
    from .errors import AuthenticationError as AuthenticationError
    from .errors import CertificateError as CertificateError
    from .errors import ConfigurationError as ConfigurationError
    from .errors import DecodeError as DecodeError
    from .errors import OverloadedError as OverloadedError
    from .errors import PermissionDeniedError as PermissionDeniedError
    from .errors import ProtocolError as ProtocolError
    from .errors import RocketRideError as RocketRideError
    from .errors import RocketRideWarning as RocketRideWarning
    from .errors import ServerError as ServerError
    from .errors import TaskAlreadyRunningError as TaskAlreadyRunningError
    from .errors import TaskCancelledError as TaskCancelledError
    from .errors import TaskFailedError as TaskFailedError
    from .errors import TaskLostError as TaskLostError
    from .errors import TaskNotFoundError as TaskNotFoundError
    from .errors import TaskReplacedError as TaskReplacedError
    from .errors import TaskVanishedError as TaskVanishedError
    from .errors import TransientError as TransientError
    from .errors import TransportError as TransportError
    from .errors import TransportTimeoutError as TransportTimeoutError
    from .errors import UnsupportedOperationError as UnsupportedOperationError
    from .errors import WaitTimeoutError as WaitTimeoutError
    from .models import TASK_METRICS as TASK_METRICS
    from .models import TASK_STATE as TASK_STATE
    from .models import TASK_STATUS as TASK_STATUS
    from .models import TASK_STATUS_FLOW as TASK_STATUS_FLOW
    from .models import TASK_TOKENS as TASK_TOKENS
    from .models import NewMessages as NewMessages
    from .models import Outcome as Outcome
    from .models import TaskInfo as TaskInfo
    from .models import TaskMetrics as TaskMetrics
    from .models import TaskRun as TaskRun
    from .models import TaskStart as TaskStart
    from .models import TaskState as TaskState
    from .models import TaskStatus as TaskStatus
    from .models import TaskStatusComponentStat as TaskStatusComponentStat
    from .models import TaskStatusFlow as TaskStatusFlow
    from .models import TaskStatusSlowestDoc as TaskStatusSlowestDoc
    from .models import TaskTokens as TaskTokens
    from .models.answers import ServerInfo as ServerInfo
    from .models.answers import Services as Services
    from .models.answers import ServiceSummary as ServiceSummary
    from .models.answers import ValidationMessage as ValidationMessage
    from .models.answers import ValidationResult as ValidationResult
    from .models.converter import converter as converter
    from .options import RetryPolicy as RetryPolicy
    from .reporting.recorder import RunRecorder as RunRecorder
    from .reporting.tqdm_progress import TqdmProgress as TqdmProgress
    from .sending.pipe import Pipe as Pipe
    from .sending.upload_events import UploadEvent as UploadEvent
    from .sending.upload_events import UploadResult as UploadResult
    from .transports.memory import MemoryTransport as MemoryTransport
    from .waiting.task_result import TaskResult as TaskResult

_NAMES_BY_MODULE = {
    "client.client": ("RocketRideClient",),
    "errors": (
        "AuthenticationError",
        "CertificateError",
        "ConfigurationError",
        "DecodeError",
        "OverloadedError",
        "PermissionDeniedError",
        "ProtocolError",
        "RocketRideError",
        "RocketRideWarning",
        "ServerError",
        "TaskAlreadyRunningError",
        "TaskCancelledError",
        "TaskFailedError",
        "TaskLostError",
        "TaskNotFoundError",
        "TaskReplacedError",
        "TaskVanishedError",
        "TransientError",
        "TransportError",
        "TransportTimeoutError",
        "UnsupportedOperationError",
        "WaitTimeoutError",
    ),
    "models": (
        "NewMessages",
        "Outcome",
        "TASK_METRICS",
        "TASK_STATE",
        "TASK_STATUS",
        "TASK_STATUS_FLOW",
        "TASK_TOKENS",
        "TaskInfo",
        "TaskMetrics",
        "TaskRun",
        "TaskStart",
        "TaskState",
        "TaskStatus",
        "TaskStatusComponentStat",
        "TaskStatusFlow",
        "TaskStatusSlowestDoc",
        "TaskTokens",
    ),
    "models.answers": (
        "ServerInfo",
        "ServiceSummary",
        "Services",
        "ValidationMessage",
        "ValidationResult",
    ),
    "models.converter": ("converter",),
    "options": ("RetryPolicy",),
    "sending.pipe": ("Pipe",),
    "sending.upload_events": ("UploadEvent", "UploadResult"),
    "reporting.tqdm_progress": ("TqdmProgress",),
    "reporting.recorder": ("RunRecorder",),
    "client.task": ("Task",),
    "client.run_result": ("RunResult",),
    "waiting.task_result": ("TaskResult",),
    "transports.memory": ("MemoryTransport",),
}
_MODULE_BY_NAME = {name: module for module, names in _NAMES_BY_MODULE.items() for name in names}

__all__ = ["__version__", *_MODULE_BY_NAME]


def __getattr__(name: str) -> object:
    module = _MODULE_BY_NAME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .import_lock import import_lock  # itself without the lock, when the first name is asked for

    with import_lock:
        from importlib import import_module

        value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__} - {"TYPE_CHECKING", "annotations"})
