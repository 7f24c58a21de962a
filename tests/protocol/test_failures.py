"""The error for a failure answer, whichever transport brought it."""

import pytest
from cases import each

from rocketride_sync import errors
from rocketride_sync.protocol import object_operations, operations, run_log_operations, start_operations
from rocketride_sync.protocol.failures import (
    NotReadyError,
    failure,
    is_transient,
    is_unprocessed,
    is_want_of_time,
    readable,
    refused_by_proxy,
    refused_object,
)
from rocketride_sync.redact import Secret

KEY = "key-0123456789abcdef"
TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"
STATUS = operations.get_task_status(TOKEN)
START = start_operations.execute({}, env={"GREETING": "hunter22", "LEVEL": "verbose", "COUNT": 3})
NO_SLOTS = "server rejected WebSocket connection: HTTP 403"
OWN_CONNECTION = "transport_websocket.py"
NOT_BOUND = "[Errno 111] Connect call failed ('127.0.0.1', 20001)"


@pytest.mark.parametrize(
    ("kind", "seconds", "expected"),
    [
        (errors.TransportTimeoutError, 0.99, True),
        (errors.TransportTimeoutError, 1.0, False),
        (errors.TransportError, 0.01, False),
    ],
)
def test_only_a_timeout_tells_no_more_than_that_there_was_hardly_any_time(kind, seconds, expected):
    assert is_want_of_time(kind("no answer"), seconds) is expected


# --- which error


@each(
    ("operation", "options", "kind"),
    [
        (STATUS, {}, errors.OverloadedError),
        (STATUS, {"http_status": 400}, errors.OverloadedError),
        (STATUS, {"http_status": 400, "file": "client.py"}, errors.OverloadedError),
        (STATUS, {"http_status": 400, "file": OWN_CONNECTION}, errors.OverloadedError),
        (START, {"http_status": 400, "file": OWN_CONNECTION}, errors.OverloadedError),
        (START, {"http_status": 400, "file": "client.py"}, errors.ServerError),
        (START, {"http_status": 400, "file": 411}, errors.ServerError),
        (START, {"http_status": 400}, errors.ServerError),
        (START, {"file": OWN_CONNECTION}, errors.ServerError),
        (START, {}, errors.ServerError),
    ],
)
def test_an_overload_means_that_nothing_was_begun_or_that_it_does_no_harm(operation, options, kind):
    """The text may also come from what the request began, such as a pipeline that asks another server."""
    error = failure(operation, NO_SLOTS, KEY, **options)
    assert type(error) is kind
    assert ("try again later" in str(error)) is (kind is errors.OverloadedError)


@each(
    ("options", "kind"),
    [
        ({"http_status": 400, "file": OWN_CONNECTION}, errors.TransientError),
        ({"http_status": 400, "file": OWN_CONNECTION, "own": False}, errors.ServerError),
        ({"http_status": 400, "file": OWN_CONNECTION, "code": "ODD"}, errors.ServerError),
        ({"http_status": 401, "file": OWN_CONNECTION}, errors.AuthenticationError),
        ({"http_status": 400, "file": "client.py"}, errors.ServerError),
        ({"http_status": 400}, errors.ServerError),
        ({"file": OWN_CONNECTION}, errors.ServerError),
    ],
)
@each("operation", [STATUS, START])
@each("message", ["timed out during opening handshake", NOT_BOUND, "received 1012 (service restart)", ""])
def test_that_the_server_has_lost_its_connection_to_itself_may_pass(operation, message, options, kind):
    """For each HTTP request it makes one. Over WebSocket there is none: there the text has another origin."""
    error = failure(operation, message, KEY, **options)
    assert type(error) is kind
    if kind is errors.TransientError:
        assert error.http_status == 400
        assert (message or "no message") in str(error)


def test_such_a_fault_asks_for_a_pause_too():
    error = failure(STATUS, "lost", KEY, http_status=400, file=OWN_CONNECTION, retry_after=7.0)
    assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("message", "opens_pipe", "kind"),
    [
        (NOT_BOUND, True, NotReadyError),
        (NOT_BOUND, False, errors.ServerError),
        ("no", True, errors.ServerError),
    ],
)
def test_only_a_pipe_that_is_opened_can_be_too_early(message, opens_pipe, kind):
    assert type(failure(STATUS, message, KEY, opens_pipe=opens_pipe)) is kind
    assert type(failure(STATUS, message, KEY)) is errors.ServerError


@each(
    ("message", "options", "kind"),
    [
        ("Your pipeline is not running", {}, errors.TaskNotFoundError),
        ("Sorry: Your pipeline is not running", {}, errors.ServerError),
        ("Your pipeline is not running", {"own": False}, errors.ServerError),
        ("Your pipeline is not running", {"http_status": 403}, errors.PermissionDeniedError),
        ("Your pipeline is not running", {"code": ""}, errors.TaskNotFoundError),
        ("Your pipeline is not running", {"code": 7}, errors.TaskNotFoundError),
        ("Your pipeline is not running", {"code": "TASK_STOPPED"}, errors.ServerError),
        ("Your pipeline is not running", {"code": "TASK_COMPLETED"}, errors.ServerError),
        ("Your pipeline is not running", {"code": "TASK_AMBIGUOUS"}, errors.ServerError),
        ("anything", {"code": "TASK_NOT_REGISTERED"}, errors.TaskNotFoundError),
        ("Pipeline is already running.", {}, errors.TaskAlreadyRunningError),
        ("Permission 'task.monitor' denied", {}, errors.PermissionDeniedError),
        ("anything", {"http_status": 401}, errors.AuthenticationError),
        ("Permission 'x'", {"http_status": 401, "own": False}, errors.AuthenticationError),
    ],
)
def test_the_kind_of_an_error(message, options, kind):
    error = failure(STATUS, message, KEY, **options)
    assert type(error) is kind
    if isinstance(error, errors.ServerError):
        assert error.operation == "get_task_status"
        assert error.http_status == options.get("http_status")


@each("code", ["ODD", "TASK_AMBIGUOUS", "TASK_COMPLETED", "TASK_STOPPED", "task_not_registered"])
@each(
    ("message", "auth", "operation", "options"),
    [
        ("Your pipeline is not running", KEY, STATUS, {}),
        ("Your pipeline is not running", KEY, STATUS, {"http_status": 400}),
        ("Pipeline is already running.", KEY, START, {}),
        ("Permission 'task.monitor' denied", KEY, STATUS, {}),
        ("Access denied: no permissions", KEY, STATUS, {}),
        ("Not authenticated", KEY, STATUS, {}),
        ("Bad request", TOKEN, STATUS, {}),
        (NO_SLOTS, KEY, STATUS, {}),
        (NOT_BOUND, KEY, STATUS, {"opens_pipe": True}),
    ],
)
def test_where_there_is_a_code_no_text_means_anything(message, auth, operation, options, code):
    """Also where the code is unknown: texts are for people, and may be reworded."""
    error = failure(operation, message, auth, code=code, **options)
    assert type(error) is errors.ServerError
    assert error.code == code
    assert type(failure(operation, message, auth, **options)) is not errors.ServerError


@pytest.mark.parametrize(("code", "advice"), [(None, True), ("TASK_COMPLETED", True), ("ODD", False)])
def test_nor_does_it_give_advice_that_the_code_does_not_support(code, advice):
    error = failure(START, "Task has already completed", KEY, code=code)
    assert ("250 ms" in str(error)) is advice
    assert "250 ms" not in str(failure(START, "Task has already completed", KEY, code=code, own=False))


@each(
    ("auth", "message", "kind"),
    [
        (TOKEN, "Bad request", errors.TaskNotFoundError),
        ("pk_0123", "auth: Bad request", errors.TaskNotFoundError),
        (KEY, "Bad request", errors.ServerError),
        (TOKEN, "no", errors.ServerError),
    ],
)
def test_a_credential_of_a_task_is_forgotten_with_it(auth, message, kind):
    assert type(failure(STATUS, message, auth)) is kind


# --- what it says


@each(
    ("operation", "message", "options", "says"),
    [
        (STATUS, "no", {}, "get_task_status failed: the server answered: no"),
        (STATUS, "", {}, "get_task_status failed: the server answered: no message"),
        (
            STATUS,
            "no",
            {"http_status": 401},
            "get_task_status failed: the server answered: no. Check the API key (auth= or ROCKETRIDE_APIKEY)",
        ),
        (
            START,
            "Pipeline is already running.",
            {},
            "use failed: the server answered: Pipeline is already running. "
            "Join it with use(use_existing=True), wait for its end, or terminate it: over WebSocket, "
            "get_task_token(project_id, source) gives its token.",
        ),
        (
            STATUS,
            "Your pipeline is not running",
            {},
            "get_task_status failed: the server answered: Your pipeline is not running; check the token and the address. A server "
            "forgets a task 5 to 6 minutes after its end, or when it restarts: then get_task_runs(project_id, source) "
            "tells how the run ended, if the server keeps a run log",
        ),
        (
            operations.get_task_token("p", "s"),
            "Your pipeline is not running",
            {},
            "get_task_token failed: the server answered: Your pipeline is not running",
        ),
        (
            run_log_operations.get_task_runs("p", "s"),
            "Invalid command: rrext_log",
            {},
            "get_task_runs failed: the server answered: Invalid command: rrext_log. An older server has no run log",
        ),
        (
            STATUS,
            "Invalid command: x",
            {},
            "get_task_status failed: the server answered: Invalid command: x",
        ),
        (
            run_log_operations.get_task_runs("p", "s"),
            "no",
            {},
            "get_task_runs failed: the server answered: no",
        ),
        (
            START,
            "Task has already completed",
            {},
            "use failed: the server answered: Task has already completed. It ended within moments of its start, "
            "which a server takes for a failed start. Its work may be done: look at what it should have produced, or "
            "for its run in the run log (get_task_runs, or rocketride-sync runs). A pipeline must work for longer than 250 ms",
        ),
    ],
)
def test_what_it_says(operation, message, options, says):
    assert str(failure(operation, message, KEY, **options)).split(" [")[0] == says


@pytest.mark.parametrize(
    "operation", [START, start_operations.restart(TOKEN, "p", "s", {}), operations.call("execute", {})]
)
def test_a_start_that_fails_because_the_task_has_ended_is_explained(operation):
    assert "moments of its start" in str(failure(operation, "Task has already completed", KEY))


@each(
    ("token", "blank"),
    [(f"{TOKEN}\n", True), (f" {TOKEN}", True), ("tk_\t", True), (TOKEN, False), ("tk_a b", False)],
)
def test_an_unknown_token_with_the_end_of_a_line_is_told_apart_from_a_forgotten_one(token, blank):
    """As it is read from a file into which the command line has printed it."""
    for operation in (operations.get_task_status(token), operations.terminate(token)):
        text = str(failure(operation, "Your pipeline is not running", KEY))
        assert ("the token begins or ends with white space: leave that out, as strip() does" in text) is blank
        assert "check the token and the address" in text
        assert token not in text


@each(
    ("token", "quoted"),
    [
        (f'"{TOKEN}"', True),
        (f"'{TOKEN}'", True),
        (f'"{TOKEN}"\n', True),
        (f'{TOKEN}"', True),
        (TOKEN, False),
        ('tk_a"b', False),
    ],
)
def test_an_unknown_token_in_quotes_is_told_apart_from_a_forgotten_one(token, quoted):
    """As jq prints it without -r, or as a file of variables holds it where no shell reads it."""
    for operation in (operations.get_task_status(token), operations.terminate(token)):
        text = str(failure(operation, "Your pipeline is not running", KEY))
        assert ("the token begins or ends with a quote: leave the quotes out" in text) is quoted
        assert ("white space" in text) is token.endswith("\n")
        assert "check the token and the address" in text
        assert token not in text


@each(
    "operation",
    [
        STATUS,
        object_operations.send("send", TOKEN, {}, "text/plain"),
        object_operations.through_pipe(object_operations.send("pipe", TOKEN, {}, "text/plain"), "write", 1),
        operations.terminate(TOKEN),
        operations.call("any", {"token": TOKEN}),
    ],
)
@each("http_status", [None, 400])
def test_what_comes_after_the_end_of_a_task_says_nothing_of_its_start(operation, http_status):
    """The task may have worked for hours."""
    said = str(failure(operation, "Task has already completed", KEY, http_status=http_status))
    assert said.startswith(
        f"{operation.name} failed: the server answered: Task has already completed. "
        "A task that has ended does nothing more; to go on, start its pipeline again"
    )
    assert "moments" not in said
    assert "250" not in said


def test_code_and_hint_are_readable_texts_or_nothing():
    error = failure(STATUS, "no", KEY, code=f"A\n{KEY}", hint=f"try {TOKEN}\x07")
    assert error.code == "A …" or KEY not in error.code
    assert TOKEN not in error.hint
    assert "\\x07" in error.hint
    error = failure(STATUS, "no", KEY, code=5, hint=["x"])
    assert (error.code, error.hint) == (None, None)


def test_no_secret_is_repeated():
    """A short value of a variable is none: without it, messages would be unreadable."""
    auth = Secret(KEY, ("proxy-header-value",))
    error = failure(START, f"{KEY} proxy-header-value hunter22 verbose 3", auth)
    for secret in (KEY, "proxy-header-value", "hunter22"):
        assert secret not in str(error)
    assert "verbose 3" in str(error)
    token = operations.get_task_status("nightly")
    assert "nightly" not in str(failure(token, "no nightly", KEY))


def test_nor_is_a_credential_within_what_was_sent():
    """A server may quote the key of a component that its provider refused, or what `call` was given."""
    components = [{"id": "llm", "config": {"openai": {"apikey": "sk-0123456789", "model": "gpt-large-3"}}}]
    pipeline = {"components": components, "source": "documents"}
    said = "llm of documents, gpt-large-3: the key sk-0123456789 was refused"
    shown = str(failure(start_operations.execute(pipeline), said, KEY))
    assert "sk-0123456789" not in shown
    assert "llm of documents, gpt-large-3" in shown
    called = operations.call("auth", {"auth": "the-other-key"})
    assert "the-other-key" not in str(failure(called, "no the-other-key", KEY))


def test_nor_is_the_password_of_a_proxy_that_a_variable_has_set(monkeypatch):
    """Variables are read when a connection is made, which may be after the client was."""
    monkeypatch.setenv("Http_Proxy", "http://user:hunter22@proxy:1")
    assert "hunter22" not in str(failure(STATUS, "you sent hunter22", KEY))


def test_without_a_token_no_word_is_hidden_in_its_place():
    assert "None of them" in str(failure(START, "None of them", KEY))


def test_a_text_is_shown_on_one_line_of_limited_length():
    assert readable(" a\n\tb ") == "a b"
    assert readable("x" * 300) == "x" * 300
    assert readable("x" * 301) == "x" * 299 + "…"


def test_an_object_that_was_refused_without_a_word():
    error = refused_object("send")
    assert str(error).startswith("send failed: the pipeline refused the object")
    assert error.operation == "send"


# --- statuses


def test_which_statuses_may_pass():
    passing = {status for status in range(100, 700) if is_transient(status)}
    assert passing == {408, 425, 429, *range(500, 700)} - {501, 505}
    assert {status for status in range(100, 700) if is_unprocessed(status)} == {405, 425, 429, 501}


@each(
    ("status", "options", "kind", "says"),
    [
        (
            407,
            {},
            errors.ServerError,
            "x: the proxy wants a password, or refused the one it got (HTTP 407). See proxies=",
        ),
        (
            407,
            {"proxy": "http://p:1 (HTTP_PROXY)"},
            errors.ServerError,
            "x: http://p:1 (HTTP_PROXY) wants a password, or refused the one it got (HTTP 407)",
        ),
        (403, {}, errors.ServerError, "x: the proxy refused the tunnel (HTTP 403). See proxies="),
        (502, {}, errors.TransportError, "x: the proxy refused the tunnel (HTTP 502)"),
    ],
)
def test_a_proxy_that_refuses(status, options, kind, says):
    error = refused_by_proxy("x", status, "send", **options)
    assert type(error) is kind
    assert str(error).split(" [")[0] == says
    assert error.http_status == status
