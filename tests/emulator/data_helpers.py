"""Helpers of the tests that send data to tasks."""

from emulator_helpers import execute, pipeline

TEXT = "Grüße — from  far\taway\n".encode()
ODD = b"caf\xff\xfe na\xefve \x00 \n"  # not valid UTF-8


def counted(provider="webhook", **options):
    """A pipeline that counts the words of the data that it receives."""
    document = pipeline(provider, **options)
    counter = {"id": "count_1", "provider": "wordcount", "input": [{"lane": "text", "from": "src_1"}]}
    document["components"].append(counter)
    return document


def begin(server, document=None):
    code, answer = execute(server, document or counted())
    assert code == 200, answer
    return answer["data"]["token"]


def wordcount(*texts):
    """The expected `wordcount` of a result: what ``wc -w`` counts in the texts."""
    words = [word for text in texts for word in text.split()]
    return {"wordsCount": len(words), "wordsSize": sum(map(len, words))}


def amounts(status):
    """The item counts and the total size in a status."""
    return {key: status[key] for key in ("totalCount", "completedCount", "failedCount", "totalSize")}
