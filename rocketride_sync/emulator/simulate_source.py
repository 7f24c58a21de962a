"""The source `simulate`: work on items that takes as long, and ends as, its config says. For tests."""

from __future__ import annotations

import asyncio
from typing import List, Optional

from .checked_fields import CheckedFields
from .data_pipes import DataPipePool
from .ends import SIGKILL_CODE, EngineExit
from .pipeline import Pipeline
from .request_errors import RequestError
from .status_record import StatusRecord


class SimulateSource:
    """Simulates work on items, for tests.

    Config, with defaults in parentheses: `seconds`, how long the work takes (1); `total`, the number of items (4);
    `failed`, how many of them fail (0); `errors` and `warnings`, messages spread over the items; `init_seconds`, how
    long it stays INITIALIZING (0); `stopping_seconds`, how long it stays STOPPING (0); `forever`, whether it stays
    RUNNING after the work (false).

    How the engine ends: `exit_code` (0) and `exit_message`; `exit_line`, whether it prints an exit line (null: unless
    there is a code other than 0 and no message); `killed`, whether the process is killed before the last item is done
    (false); `stop_line`, the text of the line that it prints when it is stopped (null: it prints none);
    `restart_code_seen` and `logged`, see `Source` (false, true).
    """

    pipe_pool: Optional[DataPipePool] = None
    ITEM_SIZE = 1000
    ITEM_WORDS = (7, 35)

    def __init__(self, config: CheckedFields, pipeline: Pipeline) -> None:
        self._component_ids = [component.id for component in pipeline.chain]
        self._seconds = config.seconds("seconds", 1.0)
        self._total = config.count("total", 4)
        self._failed = config.count("failed", 0)
        self._errors = config.strings("errors", [])
        self._warnings = config.strings("warnings", [])
        self._init_seconds = config.seconds("init_seconds", 0.0)
        self._forever = config.flag("forever")
        self._killed = config.flag("killed")
        self.logged = config.optional_flag("logged") is not False
        self.restart_code_seen = config.flag("restart_code_seen")
        stopping_seconds = config.seconds("stopping_seconds", 0.0)
        self._exit = _natural_exit(config, stopping_seconds, killed=self._killed)
        self.stop_exit = _stop_exit(config, stopping_seconds)
        if self._failed > self._total:
            raise RequestError(f"{config.where}: 'failed' must not exceed 'total'")

    async def load(self) -> None:
        await asyncio.sleep(self._init_seconds)

    async def run(self, status: StatusRecord) -> EngineExit:
        status.expect(self._total, self._total * self.ITEM_SIZE)
        steps = max(self._total, 1)
        started = asyncio.get_running_loop().time()
        for step in range(steps):
            if self._total:
                name = f"item-{step + 1:04}"
                status.begin(f"simulate://{name}", self.ITEM_SIZE, [name, *self._component_ids])
            await _sleep_until(started + self._seconds * (step + 1) / steps)
            if self._killed and step == steps - 1:
                return self._exit
            self._finish_step(step, steps, status)
        if self._forever:
            await asyncio.Event().wait()
        return self._exit

    def _finish_step(self, step: int, steps: int, status: StatusRecord) -> None:
        location = f"simulate:{step + 1}"
        for text in _messages_of_step(self._errors, step, steps):
            status.error(text, location)
        for text in _messages_of_step(self._warnings, step, steps):
            status.warning(text, location)
        if step >= self._total:
            return
        if step >= self._total - self._failed:
            status.fail(self.ITEM_SIZE, f"item {step + 1} failed", location)
        else:
            status.complete(self.ITEM_SIZE, self.ITEM_WORDS)


def _natural_exit(config: CheckedFields, stopping_seconds: float, *, killed: bool) -> EngineExit:
    """How the engine ends by itself."""
    code, message = config.exit_code("exit_code"), config.text("exit_message")
    line = config.optional_flag("exit_line")
    if killed:
        return EngineExit(line=False, code=SIGKILL_CODE, stopping_seconds=stopping_seconds)
    if line is None:
        line = code == 0 or bool(message)
    return EngineExit(line=line, code=code, message=message, stopping_seconds=stopping_seconds)


def _stop_exit(config: CheckedFields, stopping_seconds: float) -> EngineExit:
    """How the engine ends when it is stopped."""
    text = config.optional_text("stop_line")
    return EngineExit(line=text is not None, code=1, message=text or "", stopping_seconds=stopping_seconds)


def _messages_of_step(texts: List[str], step: int, steps: int) -> List[str]:
    """The messages of one step, when `texts` are spread evenly over `steps`."""
    return texts[len(texts) * step // steps : len(texts) * (step + 1) // steps]


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))
