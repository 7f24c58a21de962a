"""What an HTTP answer means."""

import json
import sys

import pytest
from cases import each
from handlers import that_raises

from rocketride_sync import errors
from rocketride_sync.cli.exit_codes import ExitCode, code_and_advice
from rocketride_sync.protocol import http_answers
from rocketride_sync.protocol.catalogue_operations import get_server_info
from rocketride_sync.protocol.http_answers import interpret
from rocketride_sync.protocol.operations import get_task_status
from rocketride_sync.protocol.start_operations import execute

KEY = "key-0123456789abcdef"
TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"
NOW = 1_800_000_000.0

HTML_401 = (
    b"\n<!DOCTYPE html>\n<html><head><title>401 - Access Denied</title><style>* { margin: 0; }</style></head>"
    b"<body><h1>Access&nbsp;denied</h1><p>Your key is wrong</p></body></html>"
)


def ask(status, body=b"", auth=KEY, proxy=None, **headers):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return interpret(get_task_status(TOKEN), status, named, body, auth, clock=lambda: NOW, proxy=proxy)


def failing(status, body=b"", auth=KEY, **headers):
    with pytest.raises(errors.RocketRideError) as caught:
        ask(status, body, auth, **headers)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert KEY not in str(error)
    assert TOKEN not in str(error)
    return error


def error_of(message, **more):
    return {"status": "Error", "error": {"message": message, "file": "client.py", "lineno": 301, **more}}


def test_success_gives_the_data():
    assert ask(200, {"status": "OK", "data": {"state": 3}}) == {"state": 3}


def test_success_without_data_gives_none():
    assert ask(200, {"status": "OK"}) is None


@pytest.mark.parametrize("status", [200, 201, 299])
def test_which_statuses_are_a_success(status):
    assert ask(status, {"status": "OK", "data": 7}, proxy="http://proxy:1") == 7


@each("status", [199, 300, 301, 399])
def test_an_envelope_is_no_success_with_another_status(status):
    assert type(failing(status, {"status": "OK", "data": 7})) is errors.ProtocolError


@pytest.mark.parametrize(("proxy", "named"), [("http://proxy:1", "http://proxy:1"), (None, "the proxy")])
def test_the_proxy_that_wants_a_password_is_named(proxy, named):
    with pytest.raises(errors.ServerError, match=f"failed: {named} wants a password"):
        ask(407, b"", proxy=proxy)


@each(
    ("status", "body", "auth", "expected"),
    [
        (401, {"status": "Error", "error": {"error": "Access denied"}}, KEY, errors.AuthenticationError),
        (401, HTML_401, KEY, errors.AuthenticationError),
        (401, b"Access denied", KEY, errors.AuthenticationError),
        (401, b"", KEY, errors.AuthenticationError),
        (400, {"status": "Error", "error": {"error": "Bad request"}}, "tk_dead", errors.TaskNotFoundError),
        (400, {"status": "Error", "error": {"error": "Bad request"}}, "pk_dead", errors.TaskNotFoundError),
        (400, {"status": "Error", "error": {"error": "Bad request"}}, KEY, errors.ServerError),
        (400, b"<html><h1>Error</h1>\n<p>Bad request</p></html>", "tk_dead", errors.ProtocolError),
        (400, b"Bad request", "pk_dead", errors.ProtocolError),
        (400, error_of("Your pipeline is not running"), KEY, errors.TaskNotFoundError),
        (400, error_of("Your pipeline is not running*more*x.py:1"), KEY, errors.TaskNotFoundError),
        (400, error_of("Gone", code="TASK_NOT_REGISTERED"), KEY, errors.TaskNotFoundError),
        (404, error_of("Gone", code="TASK_NOT_REGISTERED"), KEY, errors.TaskNotFoundError),
        (400, error_of("Your pipeline is not running", code="TASK_AMBIGUOUS"), KEY, errors.ServerError),
        (400, error_of("Task token is required"), KEY, errors.ServerError),
        (
            400,
            error_of("server rejected WebSocket connection: HTTP 403"),
            KEY,
            errors.OverloadedError,
        ),
        (400, error_of("Permission 'task.monitor' denied for x"), KEY, errors.PermissionDeniedError),
        (400, error_of("Access denied: no permissions for x"), KEY, errors.PermissionDeniedError),
        (400, error_of("Not authenticated"), KEY, errors.PermissionDeniedError),
        (400, {"detail": "Your pipeline is not running"}, KEY, errors.TaskNotFoundError),
        (400, {"message": "Your pipeline is not running"}, KEY, errors.ServerError),
        (400, {"error": {"code": "TASK_NOT_REGISTERED"}}, KEY, errors.ServerError),
        (400, b'"no"', KEY, errors.ServerError),
        (400, b"[" * 200_000, KEY, errors.ServerError),
        (402, b"<html>no</html>", KEY, errors.ProtocolError),
        (403, b"", KEY, errors.ProtocolError),
        (403, b"<html>no</html>", KEY, errors.ProtocolError),
        (403, {"message": "Forbidden"}, KEY, errors.ProtocolError),
        (403, b'"no"', KEY, errors.ProtocolError),
        (403, b"[" * 200_000, KEY, errors.ProtocolError),
        (403, error_of("Your pipeline is not running"), KEY, errors.PermissionDeniedError),
        (403, {"detail": "no"}, KEY, errors.PermissionDeniedError),
        (404, {"detail": "Not Found"}, KEY, errors.ServerError),
        (404, b"<html>no</html>", KEY, errors.ProtocolError),
        (404, b"[" * 200_000, KEY, errors.ServerError),
        (405, {"detail": "Method Not Allowed"}, KEY, errors.ServerError),
        (407, b"", KEY, errors.ServerError),
        (422, {"detail": [{"type": "missing", "loc": ["query", "token"]}]}, KEY, errors.ServerError),
        (429, b"", KEY, errors.TransientError),
        (500, b"Internal Server Error", KEY, errors.TransientError),
        (502, b"<html>bad gateway</html>", KEY, errors.TransientError),
        (503, {"detail": "Shell UI not built."}, KEY, errors.TransientError),
        (504, b"", KEY, errors.TransientError),
        (599, b"", KEY, errors.TransientError),
        (101, b"", KEY, errors.ProtocolError),
        (307, b"", KEY, errors.ProtocolError),
        (304, b"", KEY, errors.ProtocolError),
    ],
)
def test_each_error_answer_has_its_error(status, body, auth, expected):
    error = failing(status, body, auth)
    assert type(error) is expected
    if isinstance(error, errors.ServerError):
        assert error.http_status == status
        assert error.operation == "get_task_status"


def test_a_transient_error_tells_status_and_delay():
    error = failing(503, b"busy", retry_after="7")
    assert (error.http_status, error.retry_after) == (503, 7.0)
    assert "HTTP 503 (Service Unavailable): busy" in str(error)


@pytest.mark.parametrize(("asked", "delay"), [("7", 7.0), ("soon", None)])
def test_so_does_an_overload_answer_tell_the_delay(asked, delay):
    error = failing(400, error_of("server rejected WebSocket connection: HTTP 403"), retry_after=asked)
    assert type(error) is errors.OverloadedError
    assert error.retry_after == delay


@each("message", ["not connected", "", None])
def test_a_server_that_lost_its_connection_to_itself_may_find_it_again(message):
    """It names the file where it failed."""
    error = failing(400, error_of(message, file="transport_websocket.py"))
    assert type(error) is errors.TransientError
    assert "lost its connection to itself; try again later" in str(error)
    assert "itself" not in str(failing(400, error_of(message)))
    assert "itself" not in str(failing(400, {"error": "transport_websocket.py"}))


def test_code_and_hint_are_kept():
    error = failing(400, error_of("no", code="TASK_STOPPED", hint="start it again"))
    assert (error.code, error.hint) == ("TASK_STOPPED", "start it again")


def test_code_and_hint_of_other_types_are_ignored():
    error = failing(400, error_of("Your pipeline is not running", code=7, hint=["x"]))
    assert type(error) is errors.TaskNotFoundError
    assert (error.code, error.hint) == (None, None)


def test_complaints_about_parameters_are_readable():
    complaint = {"type": "missing", "loc": ["query", "token"], "msg": "Field required", "input": None}
    assert "query.token: Field required" in str(failing(422, {"detail": [complaint, "odd", complaint]}))


def test_a_complaint_without_a_place_is_about_the_request():
    assert "answered: the request: odd; the request: refused" in str(
        failing(422, {"detail": [{"loc": [], "msg": "odd"}, {}]})
    )


def test_the_first_five_complaints_are_shown():
    complaints = [{"loc": ["query", n], "msg": "odd"} for n in range(7)]
    said = str(failing(422, {"detail": complaints}))
    assert [n for n in range(7) if f"query.{n}: odd" in said] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("document", "said"),
    [({"data": {}, "more": 1}, "keys data, more"), (error_of("odd"), "odd"), ({"detail": "odd"}, "odd")],
)
def test_what_came_in_place_of_an_envelope_is_told(document, said):
    assert f"not a success answer of RocketRide: {said}" in str(failing(200, document))


def test_what_has_no_type_and_no_words_is_told_too():
    assert "RocketRide's JSON but no declared type: nothing. Is the address" in str(failing(200))


def test_a_refusal_may_be_a_text_alone():
    assert str(failing(400, b'"no\\nway"')).endswith("the server answered: no way")


def test_a_refusal_without_a_word_is_told_by_its_status():
    assert str(failing(400, {"status": "Error"})).endswith("the server answered: HTTP 400 (Bad Request)")


@pytest.mark.parametrize(("status", "named"), [(502, "HTTP 502 (Bad Gateway)"), (520, "HTTP 520")])
def test_the_name_of_a_status_is_shown_if_it_has_one(status, named):
    assert str(failing(status, b"busy")).startswith(
        f"get_task_status failed: the server answered {named}: busy"
    )


@pytest.mark.parametrize("body", [b"<html><b>Blocked</b> here.</html>", b'{"message": "Blocked here"}'])
def test_a_gateway_that_forbids_is_not_taken_for_the_server(body):
    """The server refuses with 400."""
    assert str(failing(403, body)) == (
        "get_task_status failed: HTTP 403 (Forbidden) came with no answer of RocketRide, but a page, perhaps a proxy's: "
        "Blocked here"
    )


def test_html_is_shown_as_its_words():
    assert "Access denied Your key is wrong" in str(failing(401, HTML_401))


def test_a_wrong_address_is_named_as_such():
    for status in (404, 405):
        for body in ({"detail": "Not Found"}, {"error": {"code": "NoSuchKey"}}):
            assert "does not look like a RocketRide server" in str(failing(status, body))


@pytest.mark.parametrize("operation", [get_task_status(TOKEN), execute({})], ids=["status", "use"])
@pytest.mark.parametrize("body", [b'{"detail": "Not Found"}', b"<html>no</html>"])
def test_a_wrong_address_is_known_as_one_and_has_the_same_exit_code_whatever_was_asked(operation, body):
    """Also of a start: its pipeline was not refused."""
    with pytest.raises(errors.RocketRideError) as caught:
        interpret(operation, 404, {}, body, KEY)
    assert caught.value._is_of_address
    assert code_and_advice(caught.value)[0] is ExitCode.UNAVAILABLE
    assert str(caught.value).endswith(
        f"(Not Found) to {operation.method} /task. Check the URI and its base path"
    )


@pytest.mark.parametrize("body", [b'{"status": "Error", "error": {"error": "Access denied"}}', HTML_401, b""])
def test_who_wants_a_key_for_what_needs_none_refuses_no_key(body):
    """The key was not sent. A RocketRide server answers so below a wrong base path."""
    with pytest.raises(errors.RocketRideError, match="does not look like a RocketRide server") as caught:
        interpret(get_server_info(), 401, {}, body, KEY)
    assert caught.value._is_of_address
    assert not isinstance(caught.value, errors.AuthenticationError)
    assert "to GET /version, which needs no key. Check the URI and its base path" in str(caught.value)
    assert "API key" not in str(caught.value)


@each("body", [b'{"detail": "Gone", "code": "TASK_NOT_REGISTERED"}', b"busy"])
@each(
    ("operation", "statuses"),
    [(get_task_status(TOKEN), (400, 401, 403, 500)), (get_server_info(), (400, 403, 500))],
)
def test_no_other_answer_is_about_the_address(body, operation, statuses):
    for status in statuses:
        with pytest.raises(errors.RocketRideError) as caught:
            interpret(operation, status, {}, body, KEY)
        assert not caught.value._is_of_address


def test_a_redirect_is_named_without_its_secrets():
    error = failing(307, location=f"https://user:pw@other.test/login?token={TOKEN}&back={KEY}#x")
    assert "a redirect to https://other.test/login. It was not followed" in str(error)
    assert "pw" not in str(error)


@pytest.mark.parametrize("location", ["http://[::1/x", f"/{TOKEN}/{KEY}", ""])
def test_odd_redirects_are_errors_too(location):
    assert type(failing(302, location=location)) is errors.ProtocolError


@each(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"12",
        b'"OK"',
        b"OK",
        b"<html><body>Please log in</body></html>",
        b'{"data": {}}',
        b'{"status": "Error", "error": {"message": "odd"}}',
        b'{"status": ["OK"]}',
        b'{"status": "OK", "data": NaN}',
        b'{"status": "OK", "data": [Infinity, -Infinity]}',
        b'{"status": "OK", "data": "\xff\xfe"}',
        b'{"status": "OK", "data": {}',
        '{"status": "OK"}'.encode("utf-16"),
        b"[" * 200_000,
        b'{"status": "OK", "data": ' + b'{"a":' * 200_000,
    ],
)
def test_a_success_that_is_no_envelope_is_a_protocol_error(body):
    assert type(failing(200, body, content_type="text/plain")) is errors.ProtocolError


def test_a_login_page_is_recognisable():
    error = failing(200, b"<html><body>Please log in</body></html>", content_type="text/html")
    assert "not RocketRide's JSON but text/html: Please log in" in str(error)


@each(
    ("body", "said"),
    [
        (b"", ": nothing. "),
        (b" \n", ": nothing. "),
        (b"<p></p>", ": nothing that can be shown. "),
        (b"x" * 100_000, ": nothing that can be shown. "),
        (b"[" * 200_000, " that cannot be read (nested too deeply): nothing that can be shown. "),
        (
            b'{"status": "OK", "data": ' + b'{"a":' * 200_000,
            ' that cannot be read (nested too deeply): {"status": "OK", "data":',
        ),
        (b' {"data": NaN}', " that cannot be read (NaN is not JSON): "),
        (b"[-Infinity]", " that cannot be read (-Infinity is not JSON): "),
        (b'{"data": "\xff"}', " that cannot be read (no UTF-8 at byte 10): "),
        (b'{"data": 1', " that cannot be read (Expecting ',' delimiter: character 10): "),
        (b'{"data": 1} x', " that cannot be read (something follows the value): "),
        (b'["OK"]', ': ["OK"]. '),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(body, said):
    """Also if its beginning looks right, or holds nothing that could be shown."""
    message = str(failing(200, body, content_type="application/json"))
    assert f"the answer is not RocketRide's JSON but application/json{said}" in message


@pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="there is no limit before Python 3.11")
def test_a_number_without_end_is_told():
    message = str(failing(200, b'{"data": ' + b"9" * 5000 + b"}", content_type="application/json"))
    assert "that cannot be read (a number has too many digits): " in message


@each("status", [400, 404, 501])
@each("words", ["", "No.", "Not here...", "Really?", "Server does not support this operation. " * 9])
def test_a_page_is_quoted_briefly_in_one_sentence(status, words):
    """What follows in the message begins with a semicolon."""
    said = str(failing(status, f"<html><body>{words}</body></html>".encode()))
    assert ".." not in said
    assert not said.endswith((".", " ", ":"))
    assert len(said) < 300


@pytest.mark.parametrize(("words", "shown"), [(120 * "w", 120 * "w"), (121 * "w", 119 * "w" + "…")])
def test_of_a_page_this_much_is_quoted(words, shown):
    assert str(failing(400, words.encode())).endswith(f"perhaps a proxy's: {shown}")


def test_a_page_that_a_wait_meets_needs_nothing_that_is_not_loaded(monkeypatch):
    """The installation may be gone by then."""
    http_answers._page_reader.cache_clear()
    http_answers.load_for_pages()
    for name in ("html", "rocketride_sync.protocol.page_text"):
        monkeypatch.setitem(sys.modules, name, None)  # it cannot be imported
    assert "perhaps a proxy's: 1 < 2" in str(failing(400, b"<p>1 &lt; 2</p>"))


def test_messages_hide_secrets_in_every_form():
    text = f"{KEY} and {TOKEN} and pk_0123456789abcdef0123 and Bearer%20{KEY}"
    for body in (error_of(text), text.encode(), {"detail": text}):
        message = str(failing(400, body))
        assert "tk_560d…" in message
        assert "pk_0123456789" not in message


def test_a_token_chosen_by_the_caller_is_hidden_too():
    operation = get_task_status("nightly&import")
    body = json.dumps(error_of("no nightly&import, no nightly%26import")).encode()
    with pytest.raises(errors.ServerError) as caught:
        interpret(operation, 400, {}, body, KEY)
    assert "nightly" not in str(caught.value)


def test_messages_are_bounded():
    for body in (error_of("x " * 100_000), b"y" * 1_000_000, b"z " * 1_000_000):
        assert len(str(failing(400, body))) < 500


def test_a_secret_at_the_cut_does_not_show_its_beginning():
    padding = b" " * 8184
    assert "key-0123" not in str(failing(400, padding + KEY.encode()))
    assert "key-0123" not in str(failing(400, error_of(" " * 8184 + KEY)))


@pytest.mark.parametrize(("size", "shown"), [(8192, "good word"), (8193, "good")])
def test_of_a_long_body_the_word_that_may_be_cut_is_not_shown(size, shown):
    said = str(failing(400, b"good word".rjust(size)))
    assert said.endswith(f"perhaps a proxy's: {shown}")


def test_control_characters_are_made_visible():
    message = str(failing(400, error_of("\x1b[2J\u202eevil\u0007")))
    assert message.isprintable()
    assert "\\x1b[2J\\u202eevil\\x07" in message


@each("reported", [7, ["a"], {"deep": {}}, None, [], ""])
def test_messages_of_other_types_do_no_harm(reported):
    for body in ({"error": {"message": reported}}, {"error": reported}, {"detail": reported}, [reported]):
        assert type(failing(400, body)) is errors.ServerError


@each(
    ("page", "words"),
    [
        ("<head><title>x</title></head><body>Sorry</body>", "Sorry"),
        ("<HEAD\n><title>x</title></HEAD ><p>a<br/>b", "a b"),
        ("<head><title>Down</title><body>for <b>now", "Down for now"),
        ("<script>if (a) c()</script>on<style>.a > b {}</style >line", "on line"),
        ("<style>a<script>b</style>c</script>d", "c d"),
        ("<head>a<style>b</style>c</head>d", "d"),
        ("</head>late", "late"),
        ("<style>a</b>b<style>c</style>d", "d"),
        ("<style>a<style>b", "a b"),
        ("1 < 2 and 3 > 2", "1 2"),
        ("<header>top</header>", "top"),
        ("a < b", "a < b"),
    ],
)
def test_of_markup_the_text_is_shown(page, words):
    assert f": {words}" in str(failing(400, page.encode())).replace(words + ".", words)


@each("status", [200, 500])
def test_what_a_signal_handler_raises_while_an_answer_is_decoded_is_no_malformed_one(monkeypatch, status):
    monkeypatch.setattr(http_answers.strict_json, "loads", that_raises(ValueError("alarm")))
    with pytest.raises(ValueError, match="alarm"):
        interpret(get_task_status("tk"), status, {"Content-Type": "application/json"}, b"{}", "key")


@pytest.mark.parametrize(
    ("looked_up", "tell"),
    [
        ("urlsplit", lambda: http_answers._without_secrets("http://host/")),
        ("http.HTTPStatus", lambda: http_answers._status_name(200)),
    ],
)
def test_an_exception_of_a_handler_that_comes_while_an_answer_is_told_comes_out(monkeypatch, looked_up, tell):
    alarm = ValueError("alarm")
    monkeypatch.setattr(f"rocketride_sync.protocol.http_answers.{looked_up}", that_raises(alarm))
    with pytest.raises(ValueError, match="alarm") as caught:
        tell()
    assert caught.value is alarm
