"""The small changes that `make mutants` makes to a module, one at a time: with the operators of cosmic-ray, and some more."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, NamedTuple, Tuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator
from mutation_operators import OWN_OPERATORS

# Of the comparisons those at the bound, and their contraries.
_COMPARISONS = "Eq_NotEq NotEq_Eq Is_IsNot IsNot_Is Lt_LtE LtE_Lt Gt_GtE GtE_Gt Lt_GtE LtE_Gt Gt_LtE GtE_Lt"
_CALCULATIONS = "Add_Sub Sub_Add Mul_Div Div_Mul Mod_Mul BitOr_BitAnd BitAnd_BitOr"
_OTHERS = (
    "AddNot ReplaceUnaryOperator_Delete_Not ReplaceUnaryOperator_Delete_USub ReplaceTrueWithFalse "
    "ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd ReplaceBreakWithContinue ReplaceContinueWithBreak "
    "NumberReplacer ZeroIterationForLoop"
)
# Lines that only checkers of types read, or that write to the log, which tests/test_logging.py compares with its page.
_SKIPPED = ("if TYPE_CHECKING", "log.", "assert ")


class Mutation(NamedTuple):
    """A change of one line of a module. It has no line number: what is written down of it outlives other changes."""

    module: str
    place: str  # the function, or the class, it is in
    was: str
    becomes: str


def _operators() -> Iterator[Operator]:
    for name in _COMPARISONS.split():
        yield get_operator(f"core/ReplaceComparisonOperator_{name}")()
    for name in _CALCULATIONS.split():
        yield get_operator(f"core/ReplaceBinaryOperator_{name}")()
    for name in _OTHERS.split():
        yield get_operator(f"core/{name}")()
    for operator in OWN_OPERATORS:
        yield operator()


def mutations_of(root: Path, module: str) -> Iterator[Tuple[Mutation, str]]:
    """Each change of the module, with the whole text that it makes of it."""
    text = (root / module).read_text(encoding="utf-8")
    for operator, occurrence, node in _places(text):
        changed = mutate_code(text, operator, occurrence)
        if changed is not None and changed != text and _can_be_compiled(changed):
            was, becomes = _difference(text.splitlines(), changed.splitlines())
            yield Mutation(module, _name_of(node), was, becomes), changed


def _can_be_compiled(text: str) -> bool:
    """False without the one assignment that a `nonlocal` refers to: no test needs to notice that."""
    try:
        compile(text, "", "exec")
    except SyntaxError:
        return False
    return True


def count_mutations(root: Path, module: str) -> int:
    """How many there are, without making them. A few more, if some cannot be compiled."""
    return sum(1 for _ in _places((root / module).read_text(encoding="utf-8")))


def _places(text: str) -> Iterator[Tuple[Operator, int, Any]]:
    """The operators that find something to change, which of the things they find, and where it is."""
    lines, tree = text.splitlines(), get_ast(text)
    for operator in _operators():
        positions = (
            (node, start) for node in ast_nodes(tree) for start, _ in operator.mutation_positions(node)
        )
        for occurrence, (node, (line, _)) in enumerate(positions):
            names_arguments = node.type == "operator" and node.parent.type == "parameters"
            if not (names_arguments or lines[line - 1].strip().startswith(_SKIPPED)):
                yield operator, occurrence, node


def _difference(before: Any, after: Any) -> Tuple[str, str]:
    """The lines that differ, each joined into one: a statement may be longer than a line."""
    first = next((n for n, (old, new) in enumerate(zip(before, after)) if old != new), 0)
    last = next((n for n, (old, new) in enumerate(zip(before[::-1], after[::-1])) if old != new), 0)
    return _joined(before[first : len(before) - last]), _joined(after[first : len(after) - last])


def _joined(lines: Any) -> str:
    return " ".join(" ".join(lines).split())


def _name_of(node: Any) -> str:
    names = []
    while node is not None:
        if node.type in ("funcdef", "classdef"):
            names.append(node.name.value)
        node = node.parent
    return ".".join(reversed(names))
