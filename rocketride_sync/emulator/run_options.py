"""Options for running a task, apart from its pipeline."""

from __future__ import annotations

from typing import Mapping, Optional

import attrs

from .run_scope import OWN_RUNS, RunScope


@attrs.frozen(kw_only=True)
class RunOptions:
    """The options of `execute`. A restart keeps them.

    Attributes:
        name: the name of the task in its status; by default its id.
        ttl: idle seconds after which the task is cancelled; None for the server's default, 0 for never.
        threads: how many objects that clients send are processed at a time.
        env: values for the pipeline's placeholders, by name.
        scope: whose run it is.
    """

    name: str = ""
    ttl: Optional[float] = None
    threads: int = 64
    env: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    scope: RunScope = OWN_RUNS
