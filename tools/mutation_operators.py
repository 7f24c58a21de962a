"""The operators of `make mutants` that cosmic-ray does not have. Each finds places in a tree of parso, and changes one."""

from __future__ import annotations

from typing import Any, Iterator, Tuple

import parso
from cosmic_ray.exceptions import CosmicRayTestingException
from cosmic_ray.operators.exception_replacer import ExceptionReplacer
from cosmic_ray.operators.operator import Example, Operator

_FLOW = ("raise", "return")
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}

Positions = Iterator[Tuple[Any, Any]]


class DeleteStatement(Operator):
    """Replaces an assignment, a call, a ``raise`` or a ``return``, in a function, with ``pass``."""

    def mutation_positions(self, node: Any) -> Positions:
        function = parso.python.tree.search_ancestor(node, "funcdef")
        if node.type == "simple_stmt" and function:
            first = node.children[0]
            is_call = first.type in ("atom_expr", "power") and first.children[-1].type == "trailer"
            is_flow = first.get_first_leaf().value in _FLOW
            # At its end, a function returns None anyway.
            is_end = node.end_pos == function.end_pos and first.get_code(False) == "return None"
            if is_call or first.type == "expr_stmt" or (is_flow and not is_end):
                yield first.start_pos, first.end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002 - there is one way
        node.children[0] = _keyword("pass", node.children[0])
        return node

    @classmethod
    def examples(cls) -> Tuple[Example, ...]:
        return (
            Example("def f():\n    a = 1\n", "def f():\n    pass\n"),
            Example("def f():\n    return 1\n", "def f():\n    pass\n"),
        )


class ReplaceException(ExceptionReplacer):
    """As that of cosmic-ray, and also of exceptions that are named with their module."""

    def mutate(self, node: Any, index: int) -> Any:
        replaced = self._name_nodes(node)[index]
        prefix = replaced.get_first_leaf().prefix
        siblings = replaced.parent.children
        siblings[siblings.index(replaced)] = parso.python.tree.Name(
            CosmicRayTestingException.__name__, replaced.start_pos, prefix=prefix
        )
        return node

    @staticmethod
    def _name_nodes(node: Any) -> Any:
        caught = node.children[1]
        if caught.type != "atom":
            return (caught,)
        inner = caught.children[1]
        return inner.children[::2] if inner.type == "testlist_comp" else (inner,)


class DropOperand(Operator):
    """Leaves out an operand of ``and`` or ``or``."""

    def mutation_positions(self, node: Any) -> Positions:
        if node.type in ("and_test", "or_test"):
            for operand in node.children[::2]:
                yield operand.start_pos, operand.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        prefix = node.get_first_leaf().prefix
        del node.children[
            max(2 * index - 1, 0) : max(2 * index + 1, 2)
        ]  # with the word before, or behind, it
        node.get_first_leaf().prefix = prefix
        return node

    @classmethod
    def examples(cls) -> Tuple[Example, ...]:
        return (
            Example("a and b and c", "b and c"),
            Example("a and b and c", "a and c", occurrence=1),
            Example("a and b and c", "a and b", occurrence=2),
        )


class ChooseAlternative(Operator):
    """Replaces ``a if b else c`` with ``a``, and with ``c``."""

    def mutation_positions(self, node: Any) -> Positions:
        if node.type == "test":
            for alternative in node.children[::4]:
                yield alternative.start_pos, alternative.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        prefix = node.get_first_leaf().prefix
        node.children[:] = [node.children[4 * index]]
        node.get_first_leaf().prefix = prefix
        return node

    @classmethod
    def examples(cls) -> Tuple[Example, ...]:
        return (Example("a if b else c", "a"), Example("a if b else c", "c", occurrence=1))


class NegateMembership(Operator):
    """Replaces ``in`` with ``not in``, and the other way round."""

    def mutation_positions(self, node: Any) -> Positions:
        if node.type == "comparison" and node.children[1].get_code(False) in ("in", "not in"):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002 - there is one way
        word = node.children[1]
        node.children[1] = _keyword("in" if word.get_code(False) == "not in" else "not in", word)
        return node

    @classmethod
    def examples(cls) -> Tuple[Example, ...]:
        return (Example("a in b", "a not in b"), Example("a not in b", "a in b"))


class ReplaceFunction(Operator):
    """Replaces ``min`` with ``max``, and ``any`` with ``all``, and the other way round."""

    def mutation_positions(self, node: Any) -> Positions:
        if node.type == "name" and node.value in _OPPOSITES:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002 - there is one way
        node.value = _OPPOSITES[node.value]
        return node

    @classmethod
    def examples(cls) -> Tuple[Example, ...]:
        return (Example("min(a)", "max(a)"), Example("all(a)", "any(a)"))


def _keyword(word: str, in_place_of: Any) -> Any:
    return parso.python.tree.Keyword(word, in_place_of.start_pos, prefix=in_place_of.get_first_leaf().prefix)


OWN_OPERATORS = (
    ReplaceException,
    DeleteStatement,
    DropOperand,
    ChooseAlternative,
    NegateMembership,
    ReplaceFunction,
)
