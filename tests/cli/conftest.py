"""Fixtures of the command's tests."""

from __future__ import annotations

import logging
from typing import Iterator

import pytest
from command import Stub

from rocketride_sync.cli import output


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    """What a command that ran in this process has set is taken back: the log, and the secrets that are not shown."""
    logger, secrets = logging.getLogger("rocketride_sync"), list(output.known_secrets)
    level, handlers = logger.level, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers
    output.known_secrets[:] = secrets


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _what_a_command_sets_for_its_process_is_set_back() -> Iterator[None]:
    """A command that runs in this process directs the log, and keeps secrets: other tests of the process go on."""
    from rocketride_sync.cli import output

    log = logging.getLogger("rocketride_sync")
    handlers, level, secrets = log.handlers[:], log.level, output.known_secrets[:]
    yield
    log.handlers[:] = handlers
    log.setLevel(level)
    output.known_secrets[:] = secrets
