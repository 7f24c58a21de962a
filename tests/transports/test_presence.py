"""What an answer over HTTP tells of an address, for an upgrade that was refused with 403."""

import pytest
from cases import each

from rocketride_sync import (
    AuthenticationError,
    CertificateError,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    ServerError,
    TaskNotFoundError,
    TransientError,
    TransportTimeoutError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol.operations import get_task_status
from rocketride_sync.transports import presence


class Http:
    """An HTTP transport with one answer. To load it takes `loading` seconds."""

    def __init__(self, answer=None, loading=0.0):
        self.answer, self.loading, self.now = answer, loading, 1000.0

    def load(self):
        self.now += self.loading

    def call(self, operation, deadline):
        self.operation, self.left = operation, deadline.remaining()
        if self.answer is not None:
            raise self.answer

    def asked(self, seconds, name="get_tasks"):
        return presence.fault_of_address(name, self, Deadline(seconds, lambda: self.now))


def of_address(error):
    error._is_of_address = True
    return error


@each(
    "answer",
    [
        of_address(ServerError("404")),
        of_address(ProtocolError("404")),
        ProtocolError("a page"),
        AuthenticationError("401"),
    ],
    ids=repr,
)
def test_what_no_upgrade_will_ever_pass(answer):
    assert Http(answer).asked(30.0) is answer
    assert answer.__traceback__ is None


def test_its_own_request_is_not_that_of_the_call():
    answer = ProtocolError("a page")
    answer.request_sent = True
    assert Http(answer).asked(30.0).request_sent is False


@each(
    "answer",
    [
        None,
        TaskNotFoundError("not running"),
        PermissionDeniedError("may not"),
        OverloadedError("no slots"),
        ServerError("a proxy", http_status=407),
        TransientError("busy"),
        TransportTimeoutError("silent"),
        CertificateError("expired"),
    ],
    ids=repr,
)
def test_what_says_that_a_server_is_there_or_nothing(answer):
    assert Http(answer).asked(30.0) is None


def test_a_foreign_exception_comes_out():
    with pytest.raises(KeyboardInterrupt):
        Http(KeyboardInterrupt()).asked(30.0)


@each(("seconds", "loading", "left"), [(30.0, 0.0, 5.0), (8.0, 0.0, 4.0), (8.0, 2.0, 3.0), (None, 0.0, 5.0)])
def test_the_call_keeps_half_of_its_time(seconds, loading, left):
    http = Http(loading=loading)
    http.asked(seconds)
    assert http.left == pytest.approx(left)


def test_a_status_of_no_task_is_asked_for_in_the_name_of_the_call():
    http = Http()
    http.asked(30.0, "validate")
    asked = http.operation
    status = get_task_status("tk_" + 32 * "0")
    assert asked.name == "validate"
    assert {**vars(asked), "name": status.name} == vars(status)


@each(
    ("error", "says"),
    [
        (None, False),
        (ProtocolError("a page"), True),
        (of_address(ServerError("404")), True),
        (ServerError("refused"), False),
        (AuthenticationError("401"), False),
    ],
)
def test_which_errors_say_that_no_server_is_there(error, says):
    assert presence.says_no_server(error) is says
