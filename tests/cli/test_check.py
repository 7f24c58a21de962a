"""`check` in this process: each step against a server or a network that fails just there."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
import time
from datetime import datetime

import pytest
from cases import each
from command import KEY, TOKEN, run_here
from transports.dap_peer import DapPeer, Gone
from transports.loopback import HOST, Server, answer
from transports.network_peers import SocksProxy, TunnelProxy

from rocketride_sync.cli import main
from rocketride_sync.transports import tcp

VERSION = answer({"version": "3.2.1.0", "hash": "stub", "stamp": "stub"})
NOT_RUNNING = answer(
    b'{"status":"Error","error":{"message":"Your pipeline is not running"}}', "400 Bad Request"
)
DENIED = answer(b'{"status":"Error","error":{"error":"Access denied"}}', "401 Unauthorized")
PAGE = answer(b"<html>Please log in</html>", Content_Type="text/html")
STEPS = ["address", "name", "proxy", "tcp", "tls", "http", "websocket", "key"]
UNKNOWN_NAME = "no-such-host.invalid"


class RocketRide:
    """A handler: a server that answers all that a check asks.

    `upgrade` is an answer in place of the upgrade, None agrees; `refusal` refuses the key over WebSocket; `ends(it)` is
    done in place of an answer to it.
    """

    def __init__(
        self, version=VERSION, task=NOT_RUNNING, upgrade=None, refusal=None, account=None, ends=None
    ):
        self.version, self.task, self.upgrade = version, task, upgrade
        self.refusal, self.account, self.ends = refusal, account, ends

    def __call__(self, peer):
        request = peer.read_request()
        while request is not None and "upgrade: websocket" not in request.lower():
            reply = self.version if " /version " in request else self.task
            if reply is None:
                peer.stall()
                return
            peer.send(reply)
            request = peer.read_request()
        if request is None:
            return
        if self.upgrade is not None:
            peer.send(self.upgrade)
            return
        peer._received = (request + "\r\n\r\n").encode() + peer._received
        with contextlib.suppress(Gone):
            it = DapPeer(peer)
            it.upgrade()
            if self.ends is not None:
                it.receive()
                self.ends(it)
                return
            if self.refusal:
                it.refuse(it.request(), self.refusal)
            else:
                it.answer(it.request(), self.account)
            it.receive()


@pytest.fixture
def check(monkeypatch, capsys):
    """Run it; returns the exit code, the rows of the document by step, and the lines without --json."""

    def run(uri, *options, json_only=False, **variables):
        variables = {"ROCKETRIDE_URI": uri, "ROCKETRIDE_APIKEY": KEY, **variables}
        done = run_here(monkeypatch, capsys, "check", "--json", *options, **variables)
        document = json.loads(done.stdout)
        rows = {row["step"]: row for row in document["checks"]}
        assert KEY not in done.stdout + done.stderr
        failed = [row for row in document["checks"] if row["result"] == "failed"]
        assert (
            bool(failed) == bool(done.code) == bool(document["error"]) == ("the check failed" in done.stderr)
        )
        assert all(row["text"] for row in document["checks"] if row["result"] != "not tried")
        return done.code, rows

    return run


def results(rows):
    return {step: row["result"] for step, row in rows.items()}


def all_ok(rows, *but):
    """The rest is ok; TLS is not used with http://."""
    unused = {"tls": "not used"} if rows["address"]["text"].startswith("http://") else {}
    return all(row["result"] == unused.get(step, "ok") for step, row in rows.items() if step not in but)


@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
def test_nothing_in_the_way(check, transport):
    with Server(RocketRide(account={"serverVersion": "3.3"})) as server:
        code, rows = check(server.url, "--transport", transport)
    assert (code, list(rows)) == (0, STEPS)
    assert all_ok(rows)
    assert rows["address"]["text"] == f"{server.url} (from ROCKETRIDE_URI)"
    assert rows["name"]["text"] == "127.0.0.1 is an address: no look-up needed"
    assert rows["proxy"]["text"] == "none: no proxy is set for http://"
    assert rows["tcp"]["text"] == f"connected to 127.0.0.1:{server.port}"
    assert "http://" in rows["tls"]["text"]
    assert "3.2.1.0" in rows["http"]["text"]
    assert rows["key"]["text"].startswith("accepted")
    assert rows["key"]["text"].endswith("(from ROCKETRIDE_APIKEY)")
    assert ("3.3" in rows["key"]["text"]) == (transport != "http")
    timed = {step for step, row in rows.items() if row["seconds"] is not None}
    assert timed == {"tcp", "http", "websocket", "key"}  # nothing was looked up


def test_a_line_each(monkeypatch, capsys):
    with Server(RocketRide()) as server:
        done = run_here(monkeypatch, capsys, "check", ROCKETRIDE_URI=server.url, ROCKETRIDE_APIKEY=KEY)
        quiet = run_here(monkeypatch, capsys, "check", "--quiet")
    assert (done.code, done.stderr, quiet) == (0, "", (0, "", ""))
    assert [line[:20].split(None, 1) for line in done.stdout.splitlines()] == [
        [step, "not used " if step == "tls" else "ok       "] for step in STEPS
    ]
    assert re.search(r"^tcp +ok +connected to \S+ \([\d.]+ ms\)$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("uri", "options", "source"),
    [
        ("", ["--uri", "{0}"], "--uri"),
        ("http://127.0.0.1:1", ["--uri", "{0}"], "--uri"),
        ("{0}", [], "ROCKETRIDE_URI"),
        ("", ["--env-file", "job.env"], "ROCKETRIDE_URI in job.env"),
    ],
)
def test_where_the_address_came_from(check, tmp_path, monkeypatch, uri, options, source):
    monkeypatch.chdir(tmp_path)
    with Server(RocketRide()) as server:
        (tmp_path / "job.env").write_text(f"ROCKETRIDE_URI={server.url}")
        options = [option.format(server.url) for option in options]
        code, rows = check(uri.format(server.url), *options)
    assert (code, rows["address"]["text"]) == (0, f"{server.url} (from {source})")


@pytest.mark.parametrize(
    "uri", ["ftp://x", "http://", "http://u:p@h", "a b", "'http://h'", "http://h/task/service"]
)
def test_a_useless_address(check, uri):
    code, rows = check(uri)
    assert (code, results(rows)) == (2, {"address": "failed"})
    assert rows["address"]["text"].startswith("ROCKETRIDE_URI: ")


@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
@pytest.mark.parametrize("key", ["", "'quoted'"])
def test_without_a_key_all_steps_but_the_last_are_made(check, transport, key):
    with Server(RocketRide()) as server:
        code, rows = check(server.url, "--transport", transport, ROCKETRIDE_APIKEY=key)
    assert (code, list(rows), rows["key"]["result"]) == (2, STEPS, "failed")
    assert all_ok(rows, "key")
    assert "ROCKETRIDE_APIKEY" in rows["key"]["text"]


def test_nothing_is_configured(check):
    proxy = {"HTTPS_PROXY": "http://127.0.0.1:1"}
    code, rows = check("", ROCKETRIDE_APIKEY="", **proxy)
    assert (code, rows["tcp"]["result"], rows["key"]["result"]) == (5, "failed", "not tried")
    default = "https://api.rocketride.ai (the default: neither --uri nor ROCKETRIDE_URI is set)"
    assert rows["address"]["text"] == default


@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
@pytest.mark.parametrize("reply", [PAGE, answer(b"", "404 Not Found")])
def test_a_server_of_something_else_fails_at_http_and_the_key_is_not_tried(check, transport, reply):
    with Server(RocketRide(version=reply, upgrade=reply, task=reply)) as server:
        code, rows = check(server.url, "--transport", transport)
    assert code == 5
    assert [rows[step]["result"] for step in ("http", "websocket", "key")] == ["failed", "no", "not tried"]
    assert "--transport" not in rows["http"]["text"] + rows["websocket"]["text"]
    assert len(re.findall("(?i)check|is the address", rows["http"]["text"])) == 1


def test_tls_is_not_tried_if_an_earlier_step_failed(check):
    for uri in ("http://127.0.0.1:1", f"http://{UNKNOWN_NAME}"):
        assert results(check(uri)[1])["tls"] == "not tried"


def test_an_unknown_name(check):
    code, rows = check(f"http://{UNKNOWN_NAME}")
    assert (code, rows["name"]["result"], rows["http"]["result"]) == (5, "failed", "not tried")
    assert UNKNOWN_NAME in rows["name"]["text"]


def test_a_name_that_is_looked_up_for_ever(check, monkeypatch):
    free = threading.Event()
    monkeypatch.setattr(tcp.SystemNetwork, "resolve", lambda *_: free.wait(60))
    began = time.monotonic()
    code, rows = check("http://example.invalid", "--timeout", "0.2")
    free.set()
    assert (code, rows["name"]["result"]) == (5, "failed")
    assert time.monotonic() - began < 10


def test_a_port_that_nobody_listens_to(check):
    with socket.socket() as free:
        free.bind((HOST, 0))
        code, rows = check(f"http://{HOST}:{free.getsockname()[1]}")
    assert (code, rows["tcp"]["result"], rows["key"]["result"]) == (5, "failed", "not tried")
    assert "refused" in rows["tcp"]["text"]
    assert "check --uri" in rows["tcp"]["text"]


@pytest.mark.parametrize(("port", "note"), [("", "; 5565 is the default port"), (":5565", ""), (":443", "")])
def test_a_port_that_is_assumed_is_said_to_be(check, monkeypatch, port, note):
    def refuse(*_):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("rocketride_sync.transports.dialing.connect", refuse)
    code, rows = check(f"https://127.0.0.1{port}")
    address = f"https://127.0.0.1{port or ':5565'}"
    assert (code, rows["address"]["text"]) == (5, f"{address} (from ROCKETRIDE_URI{note})")
    assert rows["tcp"]["text"].count("https://127.0.0.1:443") == (port != ":5565")


def test_http_that_is_silent_leaves_websocket_its_time(check):
    with Server(RocketRide(version=None)) as server:
        code, rows = check(server.url, "--timeout", "6")
    assert (code, rows["http"]["result"], rows["websocket"]["result"], rows["key"]["result"]) == (
        0,
        "no",
        "ok",
        "ok",
    )


@pytest.mark.parametrize("silent", ["task", "upgrade"])
def test_a_server_that_is_silent_takes_no_longer_than_the_timeout(check, silent):
    handler = RocketRide(version=VERSION)
    if silent == "upgrade":
        handler.upgrade, handler.task = b"", None
    handler.task = None if silent == "task" else handler.task
    began = time.monotonic()
    with Server(handler) as server:
        code, _ = check(
            server.url, "--timeout", "0.6", "--transport", "http" if silent == "task" else "websocket"
        )
    assert code == 5
    assert time.monotonic() - began < 10


NOT_FOUND = answer(b'{"detail":"Not Found"}', "404 Not Found")
FORBIDDEN = answer(b"", "403 Forbidden")
BUSY = answer(b"busy", "500 Internal Server Error")
HTTP_FAILED = {"http": "failed", "websocket": "no", "key": "not tried"}
WEBSOCKET_FAILED = {"http": "no", "websocket": "failed", "key": "not tried"}


def last_steps(rows):
    return {step: rows[step]["result"] for step in ("http", "websocket", "key")}


@pytest.mark.parametrize("key", [KEY, ""])
@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
def test_a_wrong_base_path_is_no_fault_of_the_key(check, monkeypatch, capsys, transport, key):
    """Below one, a RocketRide server wants a key for everything, and tells who has one that there is nothing."""
    with Server(RocketRide(version=DENIED, upgrade=FORBIDDEN, task=NOT_FOUND)) as server:
        code, rows = check(server.url, "--transport", transport, ROCKETRIDE_APIKEY=key)
        done = run_here(
            monkeypatch,
            capsys,
            "check",
            "--transport",
            transport,
            ROCKETRIDE_URI=server.url,
            ROCKETRIDE_APIKEY=KEY,
        )
    assert (code, last_steps(rows)) == (5, HTTP_FAILED)
    assert "base path" in rows["http"]["text"]
    assert "key" not in rows["http"]["text"].replace("which needs no key", "")
    assert done.stderr == "rocketride-sync: the check failed at: http\n"


def mute(peer):
    peer.read_request()
    peer.stall()


@pytest.mark.parametrize("key", [KEY, ""])
@pytest.mark.parametrize(
    ("transport", "expected"), [("auto", HTTP_FAILED), ("http", HTTP_FAILED), ("websocket", WEBSOCKET_FAILED)]
)
def test_a_server_that_accepts_and_is_mute_refuses_no_key(check, transport, expected, key):
    options = ["--timeout", "3", "--transport", transport]
    with Server(mute) as server:
        code, rows = check(server.url, *options, ROCKETRIDE_APIKEY=key)
    assert (code, last_steps(rows)) == (5, expected)


@each(
    ("version", "task"),
    [(BUSY, BUSY), (BUSY, PAGE), (BUSY, NOT_FOUND), (None, BUSY), (BUSY, None)],
    ids=["busy", "page", "not found", "mute at first", "mute at last"],
)
@pytest.mark.parametrize("transport", ["auto", "http"])
def test_a_key_is_blamed_only_where_a_server_refused_it(check, transport, version, task):
    """Without WebSocket, what HTTP answers to the key shows whether HTTP works."""
    upgrade = answer(b"", "404 Not Found")
    with Server(RocketRide(version=version, upgrade=upgrade, task=task)) as server:
        code, rows = check(server.url, "--transport", transport, "--timeout", "3")
    assert (code, last_steps(rows)) == (5, HTTP_FAILED)


def test_http_that_is_asked_for_and_fails_is_no_fault_of_the_key_where_websocket_works(check):
    with Server(RocketRide(version=BUSY, task=BUSY)) as server:
        code, rows = check(server.url, "--transport", "http")
    assert (code, last_steps(rows)) == (5, {"http": "failed", "websocket": "ok", "key": "not tried"})


@pytest.mark.parametrize(("task", "auto", "result"), [(DENIED, 4, "failed"), (NOT_RUNNING, 0, "ok")])
def test_a_key_that_is_answered_shows_that_http_works(check, task, auto, result):
    with Server(RocketRide(version=BUSY, upgrade=answer(b"", "404 Not Found"), task=task)) as server:
        code, rows = check(server.url)
    assert (code, last_steps(rows)) == (auto, {"http": "no", "websocket": "no", "key": result})


@pytest.fixture(scope="module")
def authority():
    return pytest.importorskip("trustme").CA(organization_name="An Authority")


@pytest.fixture
def tls(authority, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    return context, str(tmp_path / "ca.pem")


def test_tls_and_its_certificate(check, tls):
    context, ca_file = tls
    with Server(RocketRide(), tls=context) as server:
        code, rows = check(server.url, "--ca-file", ca_file)
    assert (code, list(rows)) == (0, STEPS)
    assert all_ok(rows)
    assert re.fullmatch(r"issued by An Authority.*, until \d{4}-\d\d-\d\d", rows["tls"]["text"])
    assert rows["tls"]["seconds"] > 0


def test_a_certificate_that_is_not_accepted(check, tls):
    with Server(RocketRide(), tls=tls[0]) as server:
        code, rows = check(server.url)
    assert (code, rows["tcp"]["result"], rows["tls"]["result"]) == (5, "ok", "failed")
    assert "--ca-file" in rows["tls"]["text"]
    assert rows["http"]["result"] == "not tried"


@pytest.mark.parametrize(
    ("host", "not_after", "advice"),
    [
        ("other.example", None, "write --uri with a name that is in the certificate"),
        ("192.0.2.1", None, "write --uri with a name that is in the certificate"),
        (HOST, datetime(2001, 1, 1), "have the certificate renewed, or set the clock of this machine right"),
    ],
)
@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_another_authority_is_not_the_advice_if_it_would_not_help(
    check, capsys, authority, tmp_path, host, not_after, advice, transport
):
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    times = {"not_after": not_after} if not_after else {}
    authority.issue_cert(host, **times).configure_cert(context)
    with Server(RocketRide(), tls=context) as server:
        _, rows = check(server.url, "--ca-file", str(ca_file))
        options = ["--uri", server.url, "--ca-file", str(ca_file), "--transport", transport]
        code = main.main([*options, "status", TOKEN])
    problem = capsys.readouterr().err
    assert rows["tls"]["text"].endswith(f"; {advice}")
    assert code == 5
    assert problem.endswith(f"; {advice}\n")
    assert ".;" not in problem
    assert "--ca-file" not in problem


def test_a_useless_file_of_authorities(check, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with Server(RocketRide()) as server:
        code, rows = check(server.url.replace("http", "https"), "--ca-file", str(tmp_path / "ca.pem"))
    assert (code, rows["tcp"]["result"], rows["tls"]["result"]) == (2, "not tried", "failed")


def test_no_file_of_authorities(check):
    code, rows = check("https://127.0.0.1:1", "--ca-file", "/nowhere/ca.pem")
    assert (code, results(rows)) == (2, {"address": "ok", "tls": "failed"})
    assert rows["tls"]["text"].startswith("--ca-file: ")


def test_what_auto_does_is_what_the_check_tells(check, monkeypatch, capsys):
    """Whatever is in the way: a command fails if and only if the check does, with the same exit code."""
    handlers = [
        RocketRide(upgrade=answer(b"", "404 Not Found")),
        RocketRide(upgrade=answer(b"", "502 Bad Gateway")),
        RocketRide(upgrade=answer(b"", "401 Unauthorized")),
        RocketRide(upgrade=b"", task=DENIED),
        RocketRide(ends=lambda it: None),
        RocketRide(ends=lambda it: it.close(1008), task=DENIED),
        RocketRide(ends=lambda it: it.raw(b"junk" * 40)),
        RocketRide(refusal="Invalid API key"),
        RocketRide(upgrade=PAGE, task=PAGE),
        RocketRide(upgrade=FORBIDDEN, task=NOT_FOUND, version=DENIED),
    ]
    for handler in handlers:
        with Server(handler) as server:
            code, _ = check(server.url)
            done = run_here(monkeypatch, capsys, "status", "tk_" + "0" * 32)
        assert done.code == (code or 6), handler.__dict__


def complain(peer):
    """As servers do of what is no HTTP."""
    peer.sock.recv(65536)
    peer.send(answer(b"Invalid HTTP request received.", "400 Bad Request"))


@pytest.mark.parametrize(
    ("handler", "text"),
    [(complain, "does it speak TLS?"), (RocketRide(), "no connection")],
    ids=["complains", "is silent"],
)
def test_tls_with_a_server_that_speaks_none(check, handler, text):
    with Server(handler) as server:
        code, rows = check(server.url.replace("http", "https"), "--timeout", "1")
    assert (code, rows["tls"]["result"]) == (5, "failed")
    assert text in rows["tls"]["text"]


@each(
    ("upgrade", "auto"),
    [
        (answer(b"", "404 Not Found"), 0),
        (answer(b"", "403 Forbidden"), 0),
        (PAGE, 0),
        (b"", 0),
        (answer(b"", "503 Service Unavailable"), 5),
    ],
)
@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
def test_no_websocket(check, upgrade, auto, transport):
    with Server(RocketRide(upgrade=upgrade)) as server:
        code, rows = check(server.url, "--transport", transport)
    expected = {"auto": auto, "websocket": 5, "http": 0}[transport]
    assert code == expected
    assert rows["websocket"]["result"] == ("failed" if expected else "no")
    assert rows["key"]["result"] == ("not tried" if expected else "ok")


@each(
    "ends",
    [lambda it: None, lambda it: it.close(1008), lambda it: it.raw(b"junk" * 40), lambda it: it.peer.stall()],
)
@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
def test_no_websocket_although_the_upgrade_passes(check, ends, transport):
    """Nothing passes after it, which is no fault of the key; what is silent leaves HTTP its time."""
    with Server(RocketRide(ends=ends)) as server:
        code, rows = check(server.url, "--transport", transport, "--timeout", "6")
    failed = transport == "websocket"
    assert code == (5 if failed else 0)
    assert rows["websocket"]["result"] == ("failed" if failed else "no")
    assert "just after the WebSocket upgrade" in rows["websocket"]["text"]
    assert rows["key"]["result"] == ("not tried" if failed else "ok")


@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
def test_a_key_that_is_refused(check, transport):
    with Server(RocketRide(task=DENIED, refusal="Invalid API key")) as server:
        code, rows = check(server.url, "--transport", transport)
    assert (code, rows["key"]["result"]) == (4, "failed")
    assert (rows["http"]["result"], rows["websocket"]["result"]) == ("ok", "ok")


def test_a_key_that_is_refused_where_there_is_no_websocket(check):
    with Server(RocketRide(task=DENIED, upgrade=answer(b"", "404 Not Found"))) as server:
        code, rows = check(server.url)
    assert (code, rows["websocket"]["result"], rows["key"]["result"]) == (4, "no", "failed")


def test_a_gateway_that_forbids_the_request_with_the_key(check):
    """It says nothing of the key."""
    task = answer(b"<html>Blocked</html>", "403 Forbidden")
    with Server(RocketRide(task=task, upgrade=answer(b"", "404 Not Found"))) as server:
        code, rows = check(server.url)
    assert (code, rows["key"]["result"]) == (5, "failed")
    assert "perhaps a proxy's: Blocked" in rows["key"]["text"]


@pytest.mark.parametrize(
    "version", [PAGE, answer(b"", "404 Not Found"), answer(b"", "301 Moved", Location="https://x/")]
)
@pytest.mark.parametrize(("transport", "code"), [("auto", 0), ("http", 5)])
def test_http_that_does_not_answer_as_it_should(check, version, transport, code):
    with Server(RocketRide(version=version)) as server:
        found, rows = check(server.url, "--transport", transport)
    assert (found, rows["http"]["result"]) == (code, "failed" if code else "no")


def test_the_proxy_of_the_environment(check):
    with Server(RocketRide()) as server, Server(SocksProxy(server)) as proxy:
        code, rows = check(server.url, ALL_PROXY=f"socks5h://me:pass-word@{HOST}:{proxy.port}")
    assert (code, list(rows)) == (
        0,
        ["address", "name", "proxy", "tcp", "tunnel", "tls", "http", "websocket", "key"],
    )
    assert rows["proxy"]["text"] == f"socks5h://{HOST}:{proxy.port} (from ALL_PROXY)"
    assert rows["tcp"]["text"] == f"connected to {HOST}:{proxy.port}"
    assert all_ok(rows)


@pytest.mark.parametrize(
    ("scheme", "looks_up"), [("socks5", False), ("socks4", False), ("socks5h", True), ("http", True)]
)
def test_who_looks_up_the_name_behind_a_proxy(check, scheme, looks_up):
    with socket.socket() as free:
        free.bind((HOST, 0))
        _, rows = check(f"http://{UNKNOWN_NAME}", ALL_PROXY=f"{scheme}://{HOST}:{free.getsockname()[1]}")
    assert rows["name"]["result"] == ("ok" if looks_up else "failed")


def test_a_proxy_that_is_excepted(check):
    with Server(RocketRide()) as server:
        code, rows = check(server.url, HTTP_PROXY="http://127.0.0.1:1", NO_PROXY="127.0.0.0/8")
    assert code == 0
    assert "NO_PROXY" in rows["proxy"]["text"]
    assert "HTTP_PROXY" in rows["proxy"]["text"]


def test_a_blank_proxy(check):
    with Server(RocketRide()) as server:
        code, rows = check(server.url, HTTP_PROXY=" ", ALL_PROXY="\t")
    assert code == 0
    assert rows["proxy"]["text"] == "none: no proxy is set for http://"


def test_of_a_blank_proxy_and_another_one_that_is_named(check):
    with Server(RocketRide()) as server, Server(SocksProxy(server)) as proxy:
        code, rows = check(server.url, HTTP_PROXY=" ", ALL_PROXY=f"socks5h://{HOST}:{proxy.port}")
    assert code == 0
    assert rows["proxy"]["text"] == f"socks5h://{HOST}:{proxy.port} (from ALL_PROXY)"


def test_a_useless_proxy(check):
    code, rows = check("http://127.0.0.1:1", HTTP_PROXY="gopher://u:pass-word@h:1")
    assert (code, rows["proxy"]["result"], rows["tcp"]["result"]) == (2, "failed", "not tried")
    assert "pass-word" not in rows["proxy"]["text"]


@pytest.mark.parametrize(("transport", "code"), [("auto", 0), ("websocket", 5), ("http", 0)])
def test_a_proxy_for_whole_urls_that_opens_no_tunnels(check, transport, code):
    with Server(RocketRide()) as server, Server(TunnelProxy(server, "403 Forbidden")) as proxy:
        found, rows = check(server.url, "--transport", transport, HTTP_PROXY=f"http://{HOST}:{proxy.port}")
    assert found == code
    assert rows["tunnel"]["result"] == ("failed" if code else "no")
    assert rows["key"]["result"] == ("not tried" if code else "ok")


def test_a_proxy_that_refuses_tls_connections(check):
    with Server(RocketRide()) as server, Server(
        TunnelProxy(server, "407 Proxy Authentication Required")
    ) as proxy:
        code, rows = check(server.url.replace("http", "https"), HTTPS_PROXY=f"http://{HOST}:{proxy.port}")
    assert (code, rows["tunnel"]["result"], rows["tls"]["result"]) == (5, "failed", "not tried")
    assert "407" in rows["tunnel"]["text"]


@pytest.mark.parametrize("value", ["0", "-1", "nan"])
def test_a_useless_timeout(monkeypatch, capsys, value):
    done = run_here(monkeypatch, capsys, "check", "--timeout", value, ROCKETRIDE_APIKEY=KEY)
    assert done.code == 2
    assert "--timeout" in done.stderr
