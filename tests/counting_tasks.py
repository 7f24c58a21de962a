"""What the tests of sending share: a server that counts words, and a task that takes data."""

import contextlib

KEY = "testkey-123"
FAST = {"init_seconds": 0, "handshake_seconds": 0.001, "early_end": 0, "stop_seconds": 0}
GENEROUS = 60.0

_numbers = iter(range(10**6))


def pipeline(provider="webhook", **config):
    """A pipeline that counts the words of what it gets."""
    source = {"id": "src_1", "provider": provider, "config": config}
    count = {"id": "count_1", "provider": "wordcount", "input": [{"lane": "text", "from": "src_1"}]}
    return {"project_id": f"sending-{next(_numbers)}", "source": "src_1", "components": [source, count]}


@contextlib.contextmanager
def counting(client, **options):
    """A task that counts the words of what `client` sends to it."""
    with client.use(pipeline=pipeline(), **options) as task:
        yield task


def words(result):
    return result["wordcount"]["wordsCount"]
