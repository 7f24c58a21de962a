"""What is known of a run besides its status document: facts that travel with a status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Mapping, Optional

from .document import Document
from .lazy_attrs import frozen

_END_REASON = """Why the server ended the task, as its ``end`` event or its run log told: ``"user"`` (somebody terminated it),
``"ttl"`` (its ttl ran out); None where nothing was told, as by older servers and of a task that ended by itself."""
_FROM_RUN_LOG = (
    "Whether the server's run log told this status, when the task itself was forgotten or replaced."
)
_TERMINATED_BY_CLIENT = (
    "Whether the client that read this status had terminated this run before it showed its end."
)


if TYPE_CHECKING:

    @frozen(kw_only=True, repr=False, eq=False)
    class RunFacts(Document):
        """As below, for type checkers: fields of attrs."""

        end_reason: Optional[str] = None
        from_run_log: bool = False
        terminated_by_client: bool = False

else:

    class RunFacts(Document):
        """A document that carries facts: in pickles, copies and `attrs.evolve`; not in `to_dict()`, nor in ``==``."""

        __slots__: ClassVar[Mapping[str, str]] = {  # with their docstrings
            "end_reason": _END_REASON,
            "from_run_log": _FROM_RUN_LOG,
            "terminated_by_client": _TERMINATED_BY_CLIENT,
        }

        end_reason: Optional[str]
        from_run_log: bool
        terminated_by_client: bool

        _facts: ClassVar[Mapping[str, Any]] = {
            "end_reason": None,
            "from_run_log": False,
            "terminated_by_client": False,
        }
