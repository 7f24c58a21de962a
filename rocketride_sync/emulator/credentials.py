"""Authentication and authorization: an API key gives access to everything, a task's token to that task only."""

from __future__ import annotations

from typing import Any, Optional

import attrs

from .constant_time import equal_in_constant_time
from .registry import TaskRegistry
from .request_errors import CredentialError, RequestError
from .task import Task


@attrs.frozen
class Access:
    """What a credential gives access to.

    Attributes:
        credential: the credential itself.
        task: the one task it is restricted to; None for an API key, which gives access to all tasks.
    """

    credential: str = attrs.field(repr=False)
    task: Optional[Task] = attrs.field(default=None, repr=False)

    @property
    def is_public_token(self) -> bool:
        """Whether it is a task's public token, which gets no events."""
        return self.credential.startswith("pk_")

    def effective_token(self, requested: Any) -> Any:
        """The task token a request applies to: a task's credential overrides the token in the request."""
        return self.task.token if self.task else requested

    def require_account(self, permission: str) -> None:
        """Raise RequestError for a credential that is restricted to one task."""
        if self.task:
            raise RequestError(f"Permission '{permission}' denied: this credential opens one task only")


class CredentialChecker:
    """Checks credentials against the server's API key and the tokens of its tasks.

    Args:
        api_key: the key; None accepts any non-empty credential, as the real server does.
        task_registry: the tasks whose tokens are credentials.
    """

    def __init__(self, api_key: Optional[str], task_registry: TaskRegistry) -> None:
        self._api_key = api_key
        self._task_registry = task_registry

    def check(self, header: str) -> Access:
        """Check the credential in `header`, with or without ``Bearer`` before it.

        Returns what it gives access to. Raises CredentialError when it is refused.
        """
        prefix = "Bearer "
        credential = (header[len(prefix) :] if header.startswith(prefix) else header).strip()
        if not credential:
            raise CredentialError("No authorization provided")
        if credential.startswith(("tk_", "pk_")):
            task = self._task_registry.find_by_credential(credential)
            if task is None:
                raise CredentialError("Bad request", http_status=400, http_text="Bad request")
            return Access(credential, task)
        if self._api_key is not None and not equal_in_constant_time(credential, self._api_key):
            raise CredentialError("Invalid API key")
        return Access(credential)
