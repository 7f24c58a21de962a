"""The one error of the generator."""

from __future__ import annotations


class SchemaError(Exception):
    """A schema is invalid, or uses what the generator does not support.

    Attributes:
        pointer: the JSON pointer of the place, such as ``/properties/state/type``.
        problem: what is wrong there.
        file: which schema, once that is known.
    """

    def __init__(self, pointer: str, problem: str, file: str = "") -> None:
        super().__init__(pointer, problem, file)
        self.pointer = pointer
        self.problem = problem
        self.file = file

    def __str__(self) -> str:
        return f"{self.file}#{self.pointer}: {self.problem}"
