"""Fixtures of the tests of sending."""

from counting_tasks import client, server, task

__all__ = ["client", "server", "task"]
