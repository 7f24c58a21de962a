"""Tools that show the local variables of a traceback's frames, each by its `repr`, show neither the key nor `headers=`."""

import _thread
import pickle
import traceback

import pytest
from cases import each
from transports.dap_peer import DapPeer, Gone, frame
from transports.loopback import Server, answer

from rocketride_sync import RocketRideClient, RocketRideError
from rocketride_sync.redact import Secret

from .marks import HEADER, KEY, TOKEN, found_in

HIDDEN = {KEY, HEADER}
SHORT = 0.2
BYTES = ("b'", 'b"', "bytearray(")


def shown(error):
    """The lines in which the frames of `error`, of its causes and its contexts show a secret.

    Without those of tests, and without the bytes that are just being sent: SECURITY.md excepts them.
    """
    lines, pending = [], [traceback.TracebackException.from_exception(error, capture_locals=True)]
    while pending:
        part = pending.pop()
        pending += filter(None, (part.__cause__, part.__context__))
        for step in part.stack:
            if step.filename != __file__:
                place = f"{step.filename}, {step.name}"
                lines += [
                    f"{place}: {name} = {text}"
                    for name, text in (step.locals or {}).items()
                    if not text.startswith(BYTES)
                ]
    return [line for line in lines if HIDDEN & found_in(line).keys()]


def refuse(it, request):
    it.refuse(request, "no")


def garble(it, request):
    it.raw(frame("{no"))


def interrupt(it, request):
    _thread.interrupt_main()
    it.peer.stall()


def stay_silent(it, request):
    it.peer.stall()


def leave(it, request):
    pass


OVER_WEBSOCKET = {
    "refusal": refuse,
    "garbage": garble,
    "interrupt": interrupt,
    "silence": stay_silent,
    "end": leave,
}


def over_websocket(action, stage):
    def handler(peer):
        it = DapPeer(peer)
        try:
            if stage == "the upgrade":
                peer.read_request()
                action(it, None)
            elif stage == "the key":
                it.upgrade()
                action(it, it.request())
            else:
                it.welcome()
                action(it, it.request())
        except Gone:
            pass

    return handler


def over_http(reply):
    def handler(peer):
        if peer.read_request() is not None:
            reply(peer)

    return handler


def interrupt_http(peer):
    _thread.interrupt_main()
    peer.stall()


OVER_HTTP = {
    "refused key": lambda peer: peer.send(answer(b"{}", "401 Unauthorized")),
    "refusal": lambda peer: peer.send(
        answer(b'{"status":"Error","error":{"message":"no"}}', "400 Bad Request")
    ),
    "garbage": lambda peer: peer.send(answer(b"{no")),
    "interrupt": interrupt_http,
    "silence": lambda peer: peer.stall(),
    "end": lambda peer: None,
}


def fault_of(handler, transport, call):
    with Server(handler) as server:
        with RocketRideClient(
            server.url, KEY, transport=transport, headers={"X-Gateway": HEADER}, timeout=SHORT
        ) as client:
            with pytest.raises((RocketRideError, KeyboardInterrupt)) as caught:
                call(client)
    return caught.value


def ask(client):
    client.get_task_status(TOKEN)


def wait(client):
    client.wait_until_complete(TOKEN, timeout=SHORT)


def wait_for_many(client):
    raise client.wait_all([TOKEN], timeout=SHORT)[0].error


CALLS = pytest.mark.parametrize("call", [ask, wait, wait_for_many])


@CALLS
@each("stage", ["the upgrade", "the key", "the request"])
@each("fault", OVER_WEBSOCKET)
def test_over_websocket(call, stage, fault):
    if stage == "the upgrade" and fault == "refusal":
        return
    error = fault_of(over_websocket(OVER_WEBSOCKET[fault], stage), "websocket", call)
    assert not shown(error)


@CALLS
@each("fault", OVER_HTTP)
def test_over_http(call, fault):
    assert not shown(fault_of(over_http(OVER_HTTP[fault]), "http", call))


def test_the_search_looks_into_frames():
    names = {}
    exec(compile("def fail(key):\n    raise ValueError", "elsewhere.py", "exec"), names)
    with pytest.raises(ValueError) as caught:
        names["fail"](KEY)
    assert shown(caught.value)


def test_a_key_is_a_text_whose_repr_is_none():
    key = Secret("k3y", ("along",))
    assert f"{key}" == str(key) == "k3y"
    assert "k3y" not in f"{key!r} {[key]!r} { {'key': key}!r}"
    assert "k" not in f"{key[:2]!r} {key[0]!r}"
    assert key[:2] == "k3"
    again = pickle.loads(pickle.dumps(key))
    assert (again, again.along) == (key, ("along",))
