"""The HTTP request on the wire, and what an answer may and must not be, against real sockets."""

import gzip
import json

import pytest
import requests

from rocketride_sync import errors
from rocketride_sync.protocol.operations import get_task_status

from ..loopback import HOST, Server, after_request, always, answer
from .calls import KEY, TOKEN, call, failing, using


class TestTheRequest:
    def test_is_what_the_protocol_says(self):
        with Server(always(answer({"state": 3}))) as server, using(server.url + "/base/") as transport:
            assert call(transport) == {"state": 3}
        first, *rest = server.requests[0].split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest)
        assert first == f"GET /base/task?token={TOKEN} HTTP/1.1"
        assert headers["Authorization"] == f"Bearer {KEY}"
        assert headers["Accept"] == "application/json"
        assert headers["Accept-Encoding"] == "identity"
        assert headers["User-Agent"].startswith("rocketride-sync/")
        assert headers["Host"] == f"{HOST}:{server.port}"

    def test_quotes_the_token(self):
        with Server(always(answer({}))) as server, using(server.url) as transport:
            call(transport, get_task_status("a&b=c d/é"))
        assert server.requests[0].startswith("GET /task?token=a%26b%3Dc+d%2F%C3%A9 HTTP/1.1")

    def test_keeps_its_credential_whatever_a_netrc_says(self, tmp_path, monkeypatch):
        (tmp_path / ".netrc").write_text(f"machine {HOST} login somebody password else\n")
        (tmp_path / ".netrc").chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        assert requests.utils.get_netrc_auth(f"http://{HOST}/") == ("somebody", "else")
        with Server(always(answer({}))) as server, using(server.url) as transport:
            call(transport)
        assert f"Authorization: Bearer {KEY}" in server.requests[0]

    def test_does_not_follow_a_redirect(self):
        with Server(always(answer({}))) as elsewhere:
            location = f"{elsewhere.url}/task?token={TOKEN}"
            redirect = answer(b"", "307 Temporary Redirect", Location=location)
            with Server(always(redirect)) as server, using(server.url) as transport:
                error = failing(transport, errors.ProtocolError)
        assert f"a redirect to {elsewhere.url}/task." in str(error)
        assert elsewhere.connections == 0


class TestTheAnswer:
    def test_may_have_no_data(self):
        with Server(always(answer(b'{"status":"OK"}'))) as server, using(server.url) as transport:
            assert call(transport) is None

    def test_may_come_in_chunks(self):
        def chunked(peer):
            peer.send(answer(length=False, Transfer_Encoding="chunked"))
            for piece in (b'{"status":"OK",', b'"data":{"state"', b":5}}", b""):
                peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            peer.stall()

        with Server(after_request(chunked)) as server, using(server.url) as transport:
            assert call(transport) == {"state": 5}

    def test_may_end_with_the_connection(self):
        def unannounced(peer):
            peer.send(answer({"state": 5}, length=False))

        with Server(after_request(unannounced)) as server, using(server.url) as transport:
            assert call(transport) == {"state": 5}

    def test_may_be_compressed_unasked(self):
        body = gzip.compress(json.dumps({"status": "OK", "data": [1] * 10_000}).encode())
        with Server(always(answer(body, Content_Encoding="gzip"))) as server, using(server.url) as transport:
            assert call(transport) == [1] * 10_000

    def test_may_be_an_error(self):
        body = b'{"status":"Error","error":{"message":"Your pipeline is not running"}}'
        with Server(always(answer(body, "400 Bad Request"))) as server, using(server.url) as transport:
            assert failing(transport, errors.TaskNotFoundError).http_status == 400

    @pytest.mark.parametrize("first", [b"SSH-2.0-OpenSSH_9.0\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00\xff" * 99])
    def test_must_be_http(self, first):
        with Server(after_request(lambda peer: peer.send(first))) as server, using(server.url) as transport:
            failing(transport, errors.ProtocolError)

    def test_must_not_have_endless_headers(self):
        many = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(1000))
        with Server(after_request(lambda peer: peer.send(many))) as server, using(server.url) as transport:
            failing(transport, errors.ProtocolError)

    def test_that_breaks_off_between_chunks_is_a_transport_error(self):
        def broken(peer):
            peer.send(answer(length=False, Transfer_Encoding="chunked") + b'f\r\n{"status":"OK"}\r\n')

        with Server(after_request(broken)) as server, using(server.url) as transport:
            failing(transport, errors.TransportError)


class TestTheSizeLimit:
    def oversized(self, handler):
        with Server(handler) as server, using(server.url, max_response_bytes=1000) as transport:
            error = failing(transport, errors.ProtocolError)
            assert "larger than max_response_bytes (1000 bytes)" in str(error)

    def test_is_checked_before_anything_is_read(self):
        def announces(peer):
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n")
            peer.stall()

        self.oversized(after_request(announces))

    @pytest.mark.parametrize("chunked", [True, False])
    def test_holds_for_an_endless_answer(self, chunked):
        def endless(peer):
            peer.send(answer(length=False, **({"Transfer_Encoding": "chunked"} if chunked else {})))
            while True:
                peer.send(b"400\r\n" + b" " * 1024 + b"\r\n")

        self.oversized(after_request(endless))

    def test_holds_for_what_is_unpacked(self):
        bomb = gzip.compress(bytes(900_000))
        assert len(bomb) < 1000
        self.oversized(always(answer(bomb, Content_Encoding="gzip")))

    def test_lets_an_answer_of_just_that_size_pass(self):
        body = json.dumps({"status": "OK", "data": "x" * 500}).encode()
        with Server(always(answer(body))) as server:
            with using(server.url, max_response_bytes=len(body)) as transport:
                assert call(transport) == "x" * 500
            with using(server.url, max_response_bytes=len(body) - 1) as transport:
                failing(transport, errors.ProtocolError)
