"""Keys from a function of the user's, which is asked for another one when the server refuses a key."""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from . import connection_arguments
from .errors import RocketRideError
from .handler_exceptions import pass_on
from .redact import Secret


class KeySource:
    """The key of a client whose `auth` is a function. It is called when the first key is needed.

    There is no lock, which a fork could leave locked: threads that need a key at the same moment may each ask for one.

    Args:
        function: returns a key. What it raises comes out unchanged.
        along: the secrets that are sent with each key.
    """

    def __init__(self, function: Callable[[], str], along: Tuple[str, ...]) -> None:
        self.function = function
        self._along = along
        self._key: Optional[Secret] = None

    def current(self) -> Secret:
        """The key to use."""
        key = self._key
        return self._fetch() if key is None else key

    @property
    def known(self) -> Tuple[str, ...]:
        """The secrets known so far, without asking for a key."""
        return self._along if self._key is None else (self._key, *self._along)

    def renew(self, refused: str) -> bool:
        """Get another key than `refused`, if there is one; whether there is."""
        if self._key is None or self._key == refused:  # else another thread was faster
            self._fetch()
        return self._key != refused

    def _fetch(self) -> Secret:
        try:
            found = self.function()
        except (RocketRideError, StopIteration) as error:
            pass_on(error, foreign_code=True)
            # These have a meaning here, of a fault that may pass and of the end of an iterator, that is not theirs.
            error._is_of_auth = True  # type: ignore[union-attr]
            raise
        self._key = key = Secret(connection_arguments.api_key(found, "the result of auth"), self._along)
        return key
