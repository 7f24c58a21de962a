"""Whether there is a RocketRide server at the address: asked over HTTP, where a refused upgrade leaves it open.

A server without a free slot and one whose base path is wrong both answer an upgrade with 403 (docs/protocol.md, "Which
transport"). Without this, a wrong base path would be tried again for minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..deadline import Deadline
from ..errors import AuthenticationError, ProtocolError, RocketRideError
from ..handler_exceptions import pass_on
from ..protocol.operations import Operation, get_task_status

if TYPE_CHECKING:
    from .http import HttpTransport

_NO_TASK = "tk_00000000000000000000000000000000"
_LONGEST = 5.0  # what is not answered by then is not known
_SHARE = 0.5  # of the time that is left: the call itself needs the rest


def status_of_no_task(name: str) -> Operation:
    """Ask for a task that there is not, on behalf of the call `name`, after which its errors are named.

    HTTP has no other request that needs the key and does nothing. Its path is that of a status: what a proxy lets through
    is asked for, and the address is found wrong where a status would find it wrong.
    """
    return get_task_status(_NO_TASK, name)


def says_no_server(error: Optional[RocketRideError]) -> bool:
    """Whether an answer over HTTP, with this error, is none of a RocketRide server at the address."""
    return error is not None and (error._is_of_address or isinstance(error, ProtocolError))


def fault_of_address(name: str, http: HttpTransport, deadline: Deadline) -> Optional[RocketRideError]:
    """Why no upgrade will ever succeed at the address, as an error of the call `name`, which was not sent: made, not raised.

    None if a server is there, or if that is not known, such as for want of an answer in time.
    """
    http.load()  # which takes a while
    soon = deadline.within(min(_LONGEST, deadline.remaining() * _SHARE))
    try:
        http.call(status_of_no_task(name), soon)
    except RocketRideError as error:
        pass_on(error)
        if says_no_server(error) or isinstance(error, AuthenticationError):
            error.request_sent = False  # the question was; of the call, nothing was
            return error.with_traceback(None)
    return None
