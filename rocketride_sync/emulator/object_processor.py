"""What the components of a pipeline make of one object."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

from .pipeline import Pipeline
from .request_errors import PipeError
from .word_count import WordCounter

_QUESTION = "application/rocketride-question"
MOST_TEXT_BYTES = 16 * 2**20


class ObjectProcessor:
    """Takes the data of one object, and gives what the pipeline returns for it.

    Args:
        pipeline: the pipeline. `wordcount` counts the words, `response` returns the text.
        mime_type: the object's type. Of a question, `response` returns the questions as their answers: no model is here.
    """

    def __init__(self, pipeline: Pipeline, mime_type: str = "") -> None:
        self._is_question = mime_type == _QUESTION
        self._counts_words = pipeline.has("wordcount")
        self._returns_text = pipeline.has("response")
        self._counter = WordCounter()
        self._pieces: List[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Process the next piece. Raises PipeError when it is too much to return."""
        if self._counts_words:
            self._counter.feed(data)
        if self._returns_text:
            self._size += len(data)
            if self._size > MOST_TEXT_BYTES:
                raise PipeError(
                    f"The object is too large: a response returns at most {MOST_TEXT_BYTES} bytes"
                )
            self._pieces.append(data)

    @property
    def words(self) -> Tuple[int, int]:
        """The number of words, and of bytes in them; zero if nobody counts them."""
        return self._counter.counts

    def result(self) -> Dict[str, Any]:
        """The fields that the pipeline added. `result_types` names them, and their types.

        Raises PipeError when the object is to be a question, and is none.
        """
        fields: Dict[str, Any] = {}
        types = {}
        if self._counts_words:
            words, size = self.words
            types["wordcount"] = "json"
            fields["wordcount"] = {"wordsCount": words, "wordsSize": size}
        if self._returns_text:
            kind = "answers" if self._is_question else "text"
            types[kind] = kind
            text = b"".join(self._pieces).decode("utf-8", "replace")
            fields[kind] = _questions(text) if self._is_question else [text]
        return {"result_types": types, **fields} if types else {}


def _questions(text: str) -> List[str]:
    """The texts of the questions in the document of a question."""
    try:
        return [str(question["text"]) for question in json.loads(text)["questions"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise PipeError("The object is to be a question, and is not the JSON document of one")
