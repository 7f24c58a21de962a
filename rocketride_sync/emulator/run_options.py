"""How a task is to be run, apart from what it runs."""

from __future__ import annotations

from typing import Mapping, Optional

import attrs


@attrs.frozen(kw_only=True)
class RunOptions:
    """What `execute` may say of a run; a restart keeps it.

    Attributes:
        name: what the status calls the task; by default its id.
        ttl: idle time in seconds after which it is cancelled; None for the server's default, 0 for never.
        threads: how many objects that are sent may be in work at a time.
        env: values for the pipeline's placeholders, by name.
    """

    name: str = ""
    ttl: Optional[float] = None
    threads: int = 64
    env: Mapping[str, str] = attrs.field(factory=dict, repr=False)
