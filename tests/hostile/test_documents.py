"""Documents that are hardly JSON, or too much of it: a status or an error of ours comes of them, and soon."""

import json
import pickle
import sys
import time

import pytest

from rocketride_sync import DecodeError, ProtocolError, ServerError, TaskStatus
from rocketride_sync.protocol import http_answers, operations

from .servers import KEY, TOKEN, both_transports, client_of, poll

needs_digit_limit = pytest.mark.skipif(
    not hasattr(sys, "get_int_max_str_digits"), reason="this Python reads integers of any length"
)


def nested(depth, inner=b"0"):
    return b'{"x":' + b"[" * depth + inner + b"]" * depth + b"}"


@both_transports
@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b'{"totalCount":' + b"9" * 100_000 + b"}", marks=needs_digit_limit, id="digits"),
        pytest.param(b'{"startTime":NaN}', id="nan"),
        pytest.param(b'{"startTime":Infinity}', id="infinity"),
        pytest.param(b'{"x":[-Infinity]}', id="minus-infinity-in-extra"),
        pytest.param(b'{"startTime":1e999}', id="overflow"),
        pytest.param(b'{"x":{"y":-1e999}}', id="overflow-in-extra"),
        pytest.param(b'{"startTime":' + b"9" * 400 + b"}", id="integer-beyond-floats"),
        pytest.param(b'{"state":9223372036854775808}', id="state-beyond-64-bits"),
        pytest.param(b'{"name":"\x1b[2J"}', id="raw-escape"),
        pytest.param(b'{"name":"\x00"}', id="raw-nul"),
        pytest.param(b'{"name":"\xff\xfe"}', id="not-utf8"),
        pytest.param(b'{"name":"\xed\xa0\x80"}', id="surrogate-in-utf8"),
        pytest.param("{}".encode("utf-16"), id="utf16"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
        pytest.param(b"{}{}", id="two"),
        pytest.param(b"{'name':1}", id="python"),
        pytest.param(b'{"name":"a",}', id="comma"),
        pytest.param(b'{"totalCount":01}', id="octal"),
        pytest.param(b'{"totalCount":0x10}', id="hex"),
        pytest.param(b'{"totalCount":1_0}', id="underscore"),
        pytest.param(b'{"completed":1}', id="bool"),
        pytest.param(b'{"pipeflow":{"byPipe":{"\xd9\xa1":[]}}}', id="arabic-digit"),
        pytest.param(nested(200_000), id="deep"),
        pytest.param(nested(900), id="deep-for-us"),
        pytest.param(nested(200_000).replace(b"]", b""), id="deep-and-open"),
        pytest.param(b'{"x":' * 5000 + b"1" + b"}" * 5000, id="deep-objects"),
        pytest.param(b'{"notes":[' + nested(500) + b"]}", id="deep-notes"),
    ],
)
def test_what_is_no_status_is_a_protocol_error(transport, document):
    with pytest.raises(ProtocolError) as caught:
        poll(transport, document)
    assert len(str(caught.value)) < 1000
    assert str(caught.value).isprintable()


@both_transports
def test_of_a_name_that_comes_twice_the_last_counts(transport):
    seen = poll(transport, b'{"name":"a","x":1,"name":"b","x":2,"state":5,"state":3}')
    assert (seen.name, seen.extra, seen.state) == ("b", {"x": 2}, 3)


@both_transports
def test_odd_text_is_kept_as_it_is(transport):
    text = "\x00\x1b[2J\x9b\udfff\ud800\u202e\ud83d"
    seen = poll(transport, json.dumps({"name": text, "errors": [text], text: text}).encode())
    assert (seen.name, seen.errors, seen.extra) == (text, (text,), {text: text})
    assert pickle.loads(pickle.dumps(seen)) == seen == TaskStatus.from_dict(seen.to_dict())
    assert repr(seen).isprintable()


@both_transports
def test_large_integers_are_integers(transport):
    number = 10**4000
    seen = poll(
        transport, json.dumps({"totalCount": number, "failedCount": -number, "exitCode": number}).encode()
    )
    assert (seen.total_count, seen.failed_count) == (number, -number)
    assert seen.progress == 0.0
    assert len(repr(seen)) < 100
    with pytest.raises(DecodeError):
        poll(transport, json.dumps({"startTime": number}).encode())


@both_transports
def test_many_errors_take_no_more_than_they_are(transport):
    document = json.dumps({"state": 5, "completed": True, "errors": ["bad*x*y"] * 200_000}).encode()
    began = time.monotonic()
    with client_of(transport, document) as client:
        seen = client.wait_until_complete(TOKEN)
    assert len(seen.errors) == 200_000
    assert seen.new_errors(seen).messages == ()
    assert time.monotonic() - began < 15.0


@both_transports
def test_many_names_take_no_more_than_they_are(transport):
    document = json.dumps({f"name-{number}": number for number in range(50_000)}).encode()
    began = time.monotonic()
    assert len(poll(transport, document).extra) == 50_000
    assert time.monotonic() - began < 15.0


@pytest.mark.parametrize("complaint", [b'{"msg":%s}', b'{"loc":[%s],"msg":""}', b'{"loc":%s,"msg":""}'])
def test_complaints_of_any_depth_become_an_error_of_ours(complaint):
    """Python can read a little more than it can print."""
    for depth in range(100, 1100):
        body = b'{"detail":[' + complaint % (b"[" * depth + b"]" * depth) + b"]}"
        with pytest.raises(ServerError):
            http_answers.interpret(operations.get_task_status(TOKEN), 422, {}, body, KEY)
