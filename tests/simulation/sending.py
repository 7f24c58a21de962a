"""Lives in which objects and files are sent."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .actions import action
from .invariants import Call, check_error, require

_SIZES = (20, 20, 3000, 300_000, 2_500_000)


def _object(life):
    mark = f"object {len(life.objects)}"
    size = life.rng.choice(_SIZES)
    data = f"{mark}|".encode() + bytes(life.rng.randrange(256) for _ in range(7)) * (size // 7)
    life.objects[mark] = data
    return mark, data


def _check(life, call, mark, result):
    """A result is this object's, which arrived whole."""
    require(
        result.get("objectId") == mark,
        "%s: the result of %s, not of %s",
        call.name,
        result.get("objectId"),
        mark,
    )
    require(
        life.server.pipes.whole.get(mark) == life.objects[mark], "%s: %s arrived otherwise", call.name, mark
    )


@action("send", span=15.0, lines=4.0)
def send(life, client):
    """Single objects, whole and in pieces."""
    rng = life.rng
    token = life.new_run(seconds=1000.0).token
    for _ in range(rng.choice((1, 3, 6))):
        mark, data = _object(life)
        timeout = rng.choice((2.0, 10.0, 30.0)) + life.round_trip
        if rng.random() < 0.6:
            call = Call(life, "send", timeout).make(client.send, token, data, timeout=timeout)
        else:
            call = Call(life, "pipe", 5 * timeout).make(_through_pipe, client, token, data, timeout, rng)
        life.outcomes.append(type(call.error).__name__ if call.error else call.name)
        if call.error is None:
            _check(life, call, mark, call.result)
        else:
            check_error(life, call, token, seen=False, since=call.begin)
        life.world.sleep(rng.choice((0.0, 0.5, 4.99, 6.0)))


def _through_pipe(client, token, data, timeout, rng):
    with client.pipe(token, timeout=timeout) as pipe:
        middle = rng.randrange(12, len(data))
        pipe.write(data[:middle])
        pipe.write(data[middle:])
        return pipe.close()


@action("files", span=10.0, lines=4.3)
def files(life, client):
    """Several files over one connection; over HTTP by several threads."""
    rng = life.rng
    token = life.new_run(seconds=1000.0).token
    with tempfile.TemporaryDirectory(prefix="test-") as folder:
        paths, marks = [], []
        for number in range(rng.choice((1, 3, 10))):
            mark, data = _object(life)
            paths.append(str(Path(folder, f"{number}.bin")))
            Path(paths[-1]).write_bytes(data)
            marks.append(mark)
        call = Call(life, "send_files", None).make(client.send_files, paths, token, timeout=20.0)
        require(call.error is None, "send_files raised %r", call.error)
        require([item["filepath"] for item in call.result] == paths, "send_files: results in another order")
        for mark, item in zip(marks, call.result):
            life.outcomes.append(f"file: {item['action']}")
            if item["action"] == "complete":
                _check(life, call, mark, item["result"])
            else:
                free = life.faults.calm or (life.http_takes_over and not life.server.idle_closings)
                require(
                    not free or life.interrupted,
                    "send_files failed although nothing was wrong: %s",
                    item["error"],
                )
                life.check_secrets(item["error"], "send_files")
