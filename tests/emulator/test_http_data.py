"""``POST /task/data``: objects sent as the body, or as the parts of a form."""

import http.client
import json
import socket
from contextlib import closing

import pytest
import requests
from data_helpers import ODD, TEXT, amounts, begin, wordcount
from emulator_helpers import KEY, SECONDS, pipeline, read_status, request, request_json, wait_until

from rocketride_sync.emulator import Emulator


@pytest.fixture
def token(server):
    token = begin(server)
    yield token
    request_json(server, "DELETE", f"/task?token={token}")


def upload(server, token, data=TEXT, **headers):
    sent = {"Authorization": f"Bearer {KEY}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    code, answer = request_json(server, "POST", f"/task/data?token={token}", headers=sent, body=data)
    assert (code, answer["status"]) == (200, "OK")
    return answer["data"]


def upload_form(server, token, **parts):
    """`parts` as requests takes them in `files` and `data`."""
    response = requests.post(
        f"{server.uri}/task/data",
        params={"token": token},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=SECONDS,
        **parts,
    )
    assert response.status_code == 200, response.text
    return response.json()["data"]


@pytest.mark.parametrize("text", [TEXT, ODD, b"", b"a b " * 700_000])
def test_the_body_is_one_object(server, token, text):
    data = upload(
        server, token, text, Content_Type="text/plain", Content_Disposition="attachment; filename=a.txt"
    )
    result = data["objects"].pop("body")
    assert result.pop("objectId")
    assert result == {"name": "a.txt", "path": "", "wordcount": wordcount(text), "status": "OK"}
    assert data == {
        "objectsRequested": 1,
        "objectsCompleted": 1,
        "resultTypes": {"wordcount": "json"},
        "objects": {},
    }
    status = read_status(server, token)
    assert (status["totalCount"], status["completedCount"]) == (1, 1)
    assert status["totalSize"] == status["completedSize"] == len(text)
    assert status["wordsCount"] == wordcount(text)["wordsCount"]
    assert status["currentObject"] == "webhook://a.txt"


def test_the_body_may_be_chunked(server, token):
    pieces = iter([b"one tw", b"o", b" three"])
    assert upload(server, token, pieces)["objects"]["body"]["wordcount"]["wordsCount"] == 3
    assert read_status(server, token)["totalSize"] == len("one two three")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="with a space; and more.txt"', "with a space; and more.txt"),
        ("attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt", "Grüße.txt"),
        ('attachment; filename="Grüße.txt"'.encode(), "Grüße.txt"),
        ("attachment; filename*=utf-7''%2B2AA-.txt", "?.txt"),
    ],
)
def test_the_name_is_that_of_content_disposition(server, token, header, name):
    assert upload(server, token, Content_Disposition=header)["objects"]["body"]["name"] == name
    assert read_status(server, token)["currentObject"] == f"webhook://{name}"


@pytest.mark.parametrize("headers", [{}, {"Content_Disposition": "nonsense"}])
def test_a_body_without_a_filename_is_named_by_its_id(server, token, headers):
    result = upload(server, token, **headers)["objects"]["body"]
    assert result["name"] == result["objectId"]


def test_each_part_of_a_form_is_an_object(server, token):
    files = [
        ("file", ("a.txt", TEXT, "text/plain")),
        ("file", ("b.bin", ODD)),
        ("image", ("large.bin", b"one two " * 500_000)),
    ]
    data = upload_form(server, token, files=files, data={"question": "How many words?"})
    assert (data["objectsRequested"], data["objectsCompleted"]) == (4, 4)
    counted = {key: (item["name"], item["wordcount"]) for key, item in data["objects"].items()}
    assert counted == {
        "file_0": ("a.txt", wordcount(TEXT)),
        "file_1": ("b.bin", wordcount(ODD)),
        "image": ("large.bin", wordcount(b"one two " * 500_000)),
        "question": ("question", wordcount(b"How many words?")),
    }
    assert read_status(server, token)["completedCount"] == 4


def test_an_empty_form_has_no_objects(server, token):
    data = upload(server, token, b"--x--\r\n", Content_Type="multipart/form-data; boundary=x")
    assert data == {"objectsRequested": 0, "objectsCompleted": 0, "resultTypes": {}, "objects": {}}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--"),
    ],
)
def test_a_malformed_form_is_a_bad_request(server, token, content_type, body):
    headers = {"Authorization": KEY, "Content-Type": content_type}
    code, answer = request_json(server, "POST", f"/task/data?token={token}", headers=headers, body=body)
    assert code == 400
    assert answer["detail"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?token=tk_0", "Your pipeline is not running"),
        ("?token=", "Task token is required"),
        ("", "Task token is required"),
    ],
)
def test_a_wrong_token_is_an_error_of_each_object(server, query, message):
    headers = {"Authorization": KEY}
    code, answer = request_json(server, "POST", f"/task/data{query}", headers=headers, body=TEXT)
    assert (code, answer["status"]) == (200, "OK")
    assert (answer["data"]["objectsRequested"], answer["data"]["objectsCompleted"]) == (1, 0)
    error = answer["data"]["objects"]["body"]
    assert (error["status"], error["error"]["message"]) == ("Error", message)
    assert error["error"]["file"] == "registry.py"


def test_sources_that_take_no_data_refuse_uploads(server):
    token = begin(server, pipeline("simulate", forever=True))
    error = upload(server, token)["objects"]["body"]["error"]
    assert "'simulate' takes no data" in error["message"]
    assert read_status(server, token)["failedCount"] == 0


def test_a_task_that_has_ended_refuses_uploads(server, token):
    request_json(server, "DELETE", f"/task?token={token}")
    assert upload(server, token)["objects"]["body"]["error"]["message"] == "Task was stopped"


def test_without_a_credential_uploads_are_refused(server, token):
    assert request(server, "POST", f"/task/data?token={token}", headers={}, body=TEXT)[0] == 401
    assert read_status(server, token)["totalCount"] == 0


def begin_upload(server, token, announced, sent):
    """A connection with a partial upload that the server has begun to receive."""
    connection = socket.create_connection(("127.0.0.1", server.port), SECONDS)
    head = f"POST /task/data?token={token} HTTP/1.1\r\nHost: x\r\nAuthorization: {KEY}\r\n"
    head += f"Content-Disposition: attachment; filename=half\r\nContent-Length: {announced}\r\n\r\n"
    connection.sendall(head.encode() + sent)
    wait_until(lambda: read_status(server, token)["currentObject"] == "webhook://half")
    return connection


def test_an_interrupted_upload_counts_as_failed(server, token):
    with closing(begin_upload(server, token, 1000, b"only a part")) as connection:
        assert read_status(server, token)["totalSize"] == 1000
        connection.shutdown(socket.SHUT_RDWR)
    status = wait_until(lambda: next((s for s in [read_status(server, token)] if s["failedCount"]), None))
    assert amounts(status) == {"totalCount": 1, "completedCount": 0, "failedCount": 1, "totalSize": 11}
    assert status["errors"] == ["Failed*the connection was lost before it was complete*half"]


def test_the_end_of_the_task_during_an_upload_is_an_error_of_the_object(server, token):
    with closing(begin_upload(server, token, 10, b"12345")) as connection:
        request_json(server, "DELETE", f"/task?token={token}")
        connection.sendall(b"67890")
        response = http.client.HTTPResponse(connection)
        response.begin()
        data = json.loads(response.read())["data"]
    assert data["objectsCompleted"] == 0
    assert data["objects"]["body"]["error"]["message"] == "Task was stopped"
    assert amounts(read_status(server, token))["failedCount"] == 1


def test_a_body_beyond_the_limit_is_refused_and_its_object_has_failed():
    with Emulator(api_key=KEY, max_data_bytes=1000) as server:
        token = begin(server)
        assert upload(server, token, b"x" * 1000)["objectsCompleted"] == 1
        headers = {"Authorization": KEY}
        code, answer = request_json(
            server, "POST", f"/task/data?token={token}", headers=headers, body=iter([b"x" * 1001])
        )
        assert (code, answer) == (413, {"detail": "The request body exceeds 1000 bytes"})
        assert read_status(server, token)["failedCount"] == 1


def test_a_large_body_is_not_held_in_memory():
    with Emulator(api_key=KEY, metrics_interval=0.02) as server:
        token = begin(server)
        piece = b"word " * 200_000
        upload(server, token, iter([piece]))
        before = read_status(server, token)["metrics"]["peak_cpu_memory_mb"]
        assert upload(server, token, iter([piece] * 60))["objectsCompleted"] == 1
        status = read_status(server, token)
        assert status["wordsCount"] == 61 * 200_000
        assert status["metrics"]["peak_cpu_memory_mb"] - before < 20


def test_the_openapi_document_describes_the_body(server):
    _, schema = request_json(server, "GET", "/openapi.json")
    operation = schema["paths"]["/task/data"]["post"]
    assert set(operation["requestBody"]["content"]) == {"*/*", "multipart/form-data"}
    assert [(p["name"], p["required"]) for p in operation["parameters"]] == [
        ("token", False),
        ("authorization", True),
    ]
    assert {"200", "400", "401", "413", "422"} <= set(operation["responses"])
    assert set(schema["paths"]["/task/data"]) == {"post"}
    assert request(server, "GET", "/task/data")[0] == 405
