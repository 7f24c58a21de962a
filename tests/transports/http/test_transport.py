"""The HTTP transport shows no secret in logs and reprs, and does nothing before the first call."""

import logging
import subprocess
import sys
import textwrap

from rocketride_sync import errors
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol.operations import get_task_status
from rocketride_sync.transports.http import transport as _transport

from ..loopback import Server, always, answer
from .calls import KEY, ROOT, TOKEN, call, failing, make, talking, using


class TestSecrets:
    def test_do_not_reach_the_log(self, caplog):
        caplog.set_level(logging.DEBUG)
        with Server(always(answer({}))) as server, using(server.url) as transport:
            call(transport)
            call(transport, get_task_status("nightly-import"))
        with using(server.url) as transport:
            failing(transport, errors.TransportError)
        logged = "\n".join(record.getMessage() for record in caplog.records)
        assert "GET /task?token=tk_560d… HTTP/1" in logged
        assert TOKEN not in logged
        assert "nightly-import" not in logged
        assert KEY not in logged

    def test_the_log_filter_is_installed_once(self):
        with Server(always(answer({}))) as server:
            for _ in range(3):
                with using(server.url) as transport:
                    call(transport)
        filters = logging.getLogger("urllib3.connectionpool").filters
        assert len([one for one in filters if type(one).__name__ == "_Redact"]) == 1

    def test_are_not_in_the_repr(self):
        assert KEY not in repr(make("http://server.test"))


def test_making_a_transport_does_no_io_and_imports_no_requests():
    script = """
        import sys
        from rocketride_sync.address import Address
        from rocketride_sync.config import Settings
        from rocketride_sync.transports.http import HttpTransport
        transport = HttpTransport(Settings(address=Address.parse("http://nowhere.invalid"), auth="k"))
        transport.watch(None)
        transport.close()
        assert not {"requests", "urllib3", "ssl", "certifi"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, cwd=ROOT, timeout=60)


def test_what_cannot_be_loaded_for_uploads_is_told_by_each_call(monkeypatch):
    """By then the want may have passed: no file fails for it."""
    real, asked = _transport._asking, []

    def once():
        asked.append(True)
        if len(asked) == 1:
            raise OSError(24, "Too many open files")
        return real()

    monkeypatch.setattr(_transport, "_asking", once)
    with talking(always(answer({"state": 1}))) as (_, transport):
        assert transport.uploads(Deadline(9.0)) is None
        assert call(transport) == {"state": 1}
    assert len(asked) == 2
