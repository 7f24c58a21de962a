"""A data port that is not bound yet: opening a pipe is tried again, within the timeout; nothing else is."""

import pytest

from rocketride_sync import OverloadedError, RetryPolicy, ServerError, TransportTimeoutError

from .dap_peer import TOKEN, dap
from .loopback import Server, answer
from .object_peers import QUICK, HttpPeer, PipePeer, http, websocket

NOT_BOUND = "[Errno 111] Connect call failed ('127.0.0.1', 20000)"


def send(client, files):
    client.send(TOKEN, b"data" * 100)


def pipe(client, files):
    with client.pipe(TOKEN) as it:
        it.write(b"data")


def send_files(client, files):
    results = client.send_files(files, TOKEN, max_workers=1)
    errors = [result["error"] for result in results if result["action"] == "error"]
    if errors:
        raise OverloadedError("\n".join(errors))


WAYS = pytest.mark.parametrize("way", [send, pipe, send_files], ids=lambda way: way.__name__)


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.txt" for number in range(3)]
    for path in paths:
        path.write_text("some text")
    return paths


def refusing(times, step="open"):
    """A server's side that answers the first `times` requests of that step as long as nothing listens."""
    peer = PipePeer()

    def reply(it, request):
        if peer.steps.count(step) >= times:
            del peer.script[step]
        it.refuse(request, NOT_BOUND)

    peer.script[step] = reply
    return peer


@WAYS
def test_opening_a_pipe_is_tried_again_over_the_same_connection(way, files):
    peer = refusing(4)
    with Server(dap(peer)) as server, websocket(server, retry=QUICK) as client:
        way(client, files)
        assert server.connections == 1
    assert peer.steps[:5] == ["open"] * 5
    expected = 3 if way is send_files else 1
    assert peer.steps.count("open") == 4 + expected
    assert peer.steps.count("close") == expected


@WAYS
@pytest.mark.parametrize("within", ["timeout", "outage"])
def test_it_is_given_up_in_time(way, files, within, leaping):
    """The time passes with the third attempt, and with each after that."""
    peer, limit = refusing(10**9), 20.0
    refuse = peer.script["open"]

    def refuse_late(it, request):
        if peer.steps.count("open") > 2:
            leaping.leap(limit)
        refuse(it, request)

    peer.script["open"] = refuse_late
    retry = RetryPolicy(initial_delay=0.05, max_delay=0.1, max_outage=600 if within == "timeout" else limit)
    with Server(dap(peer)) as server:
        with websocket(server, retry=retry, timeout=limit if within == "timeout" else 300) as client:
            if within == "timeout" and way is send_files:
                client.send_files, original = (
                    lambda *a, **kw: original(*a, **kw, timeout=limit),
                    client.send_files,
                )
            # The time may be up while an answer is on its way; of several files, that of each.
            late = TransportTimeoutError if within == "timeout" else OverloadedError
            with pytest.raises(
                (OverloadedError, late),
                match=r"\A(.*(takes no data yet; try again later|within the timeout).*\n?)+\Z",
            ):
                way(client, files)
    assert 2 <= peer.steps.count("open") < 10
    assert set(peer.steps) == {"open"}


@WAYS
@pytest.mark.parametrize("step", ["write", "close"])
def test_nothing_else_is_tried_again_for_that_text(way, files, step):
    """It comes from what the pipeline did with the object."""
    peer = PipePeer({step: lambda it, request: it.refuse(request, NOT_BOUND)})
    with Server(dap(peer)) as server, websocket(server, retry=QUICK) as client:
        with pytest.raises((ServerError, OverloadedError), match="Connect call failed") as caught:
            way(client, files[:1])
    assert "takes no data yet" not in str(caught.value)
    assert peer.steps.count("open") == 1


@WAYS
def test_over_http_it_is_not_tried_again(way, files):
    """There the pipeline has the object by then: the same text may be what became of it."""
    refused = answer(
        b'{"status": "Error", "error": {"message": "%s"}}' % NOT_BOUND.encode(), "400 Bad Request"
    )
    peer = HttpPeer(refused)
    with Server(peer) as server, http(server, retry=QUICK) as client:
        with pytest.raises((ServerError, OverloadedError), match="Connect call failed"):
            way(client, files[:1])
    assert len(peer.bodies) == 1


def test_files_that_were_sent_before_are_not_sent_again(files):
    """The port is gone for a moment in the middle, as in a restart."""
    peer = PipePeer()

    def reply(it, request):
        count = peer.steps.count("open")
        if count in (2, 3):
            it.refuse(request, NOT_BOUND)
        else:
            peer.opened.append(request["arguments"])
            peer.objects[len(peer.opened)] = b""
            it.answer(request, {"pipe_id": len(peer.opened)})

    peer.script["open"] = reply
    with Server(dap(peer)) as server, websocket(server, retry=QUICK) as client:
        results = client.send_files(files, TOKEN, max_workers=1)
    assert [result["action"] for result in results] == ["complete"] * 3
    assert [arguments["object"]["name"] for arguments in peer.opened] == ["0.txt", "1.txt", "2.txt"]
