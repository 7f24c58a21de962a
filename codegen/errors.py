"""The one error of the generator."""

from __future__ import annotations


class SchemaError(Exception):
    """A schema is invalid, or uses what the generator does not support.

    Attributes:
        pointer: the JSON pointer of the place, such as ``/properties/state/type``.
        problem: what is wrong there.
    """

    def __init__(self, pointer: str, problem: str, file: str = "") -> None:
        super().__init__(f"{file}#{pointer}: {problem}")
        self.pointer = pointer
        self.problem = problem
