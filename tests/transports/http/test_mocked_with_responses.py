"""The users' own tests may use `responses`, which replaces requests' adapter."""

import requests
import responses

from rocketride_sync import errors

from .calls import KEY, TOKEN, call, failing, using


class TestMockedWithResponses:
    URL = "http://server.test:5565/task"

    @responses.activate
    def test_an_answer(self):
        responses.get(self.URL, json={"status": "OK", "data": {"state": 5}})
        with using("http://server.test") as transport:
            assert call(transport) == {"state": 5}
        assert responses.calls[0].request.headers["Authorization"] == f"Bearer {KEY}"

    @responses.activate
    def test_an_error(self):
        responses.get(self.URL, status=429, headers={"Retry-After": "3"})
        with using("http://server.test") as transport:
            error = failing(transport, errors.TransientError)
        assert (error.http_status, error.retry_after) == (429, 3.0)

    @responses.activate
    def test_an_exception_is_not_retried(self):
        responses.get(self.URL, body=requests.ConnectionError(f"no {TOKEN}"))
        with using("http://server.test") as transport:
            failing(transport, errors.TransportError)
        assert len(responses.calls) == 1

    @responses.activate
    def test_an_address_without_a_mock(self):
        with using("http://server.test") as transport:
            failing(transport, errors.TransportError)
