"""Who may ask for what: an API key opens everything, a task's token only that task."""

from __future__ import annotations

from typing import Any, Optional

import attrs

from .constant_time import equal_in_constant_time
from .registry import Registry
from .request_errors import CredentialError, RequestError
from .task import Task


@attrs.frozen
class Access:
    """What a credential opens.

    Attributes:
        credential: the credential itself.
        task: the one task it is locked to; None for an API key, which opens all.
    """

    credential: str = attrs.field(repr=False)
    task: Optional[Task] = attrs.field(default=None, repr=False)

    @property
    def public(self) -> bool:
        return self.credential.startswith("pk_")

    def token(self, wanted: Any) -> Any:
        """The token to use: a locked credential overrides the one that was asked for."""
        return self.task.token if self.task else wanted

    def require_account(self, permission: str) -> None:
        """Raises RequestError for a credential that is locked to a task."""
        if self.task:
            raise RequestError(f"Permission '{permission}' denied: this credential opens one task only")


class Credentials:
    """Checks credentials against the server's key and the tokens of the tasks it knows.

    Args:
        api_key: the key; None lets any non-empty credential pass, as the real server does.
    """

    def __init__(self, api_key: Optional[str], registry: Registry) -> None:
        self._api_key = api_key
        self._registry = registry

    def check(self, header: str) -> Access:
        """What `header`, a credential with or without ``Bearer`` before it, opens. Raises CredentialError."""
        prefix = "Bearer "
        credential = (header[len(prefix) :] if header.startswith(prefix) else header).strip()
        if not credential:
            raise CredentialError("No authorization provided")
        if credential.startswith(("tk_", "pk_")):
            task = self._registry.find_by_credential(credential)
            if task is None:
                raise CredentialError("Bad request", http_status=400, http_text="Bad request")
            return Access(credential, task)
        if self._api_key is not None and not equal_in_constant_time(credential, self._api_key):
            raise CredentialError("Invalid API key")
        return Access(credential)
