"""Imports inside functions: under the lock that `fork` waits for, and, for what calls need, through `load`.

See rocketride_sync/import_lock.py and loading.py. These read the source: a new import that goes round the lock fails here.
"""

import ast
from pathlib import Path

import pytest

import rocketride_sync
from rocketride_sync import models, transports

PACKAGE = Path(rocketride_sync.__file__).parent
# Processes of their own, which do not fork while they load.
OWN_PROCESSES = ("cli", "emulator", "__main__.py", "__pyinstaller", "pytest_plugin.py")
LOCK = "import_lock"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LAZY = {
    "rocketride_sync": set(rocketride_sync._MODULE_BY_NAME),
    "rocketride_sync.models": set(models._LOADED_ON_FIRST_USE),
    "rocketride_sync.transports": set(transports._LOADED_ON_FIRST_USE),
}


@pytest.fixture(scope="module")
def modules():
    """The trees of the sources, by name."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in OWN_PROCESSES
    }


def loaders(tree):
    """The names of the functions that are passed to `load` somewhere in the module, or called by such."""
    names = {
        call.args[0].id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "load"
        and isinstance(call.args[0], ast.Name)
    }
    for function in ast.walk(tree):
        if isinstance(function, FUNCTIONS) and function.name in names:
            names |= {it.func.id for it in ast.walk(function) if isinstance(it, ast.Call)}
    return names


def loads_before(function, line):
    """Whether `function` calls `load` above `line`: then the import only names what is loaded."""
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(
        isinstance(call.func, ast.Name) and call.func.id == "load" and call.lineno < line for call in calls
    )


def lazy_imports(node, function=None, locked=False):
    """Each import inside a function, with that function, and whether it is in a ``with`` block of the lock."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)) and function is not None:
            yield child, function, locked
        inner = child if isinstance(child, FUNCTIONS) else function
        holds = isinstance(child, ast.With) and any(
            isinstance(item.context_expr, ast.Name) and item.context_expr.id == LOCK for item in child.items
        )
        yield from lazy_imports(child, inner, locked or holds)


def unlocked(tree):
    loading = loaders(tree)
    for node, function, locked in lazy_imports(tree):
        is_lock = isinstance(node, ast.ImportFrom) and [alias.name for alias in node.names] == [LOCK]
        if not (locked or is_lock or function.name in loading or loads_before(function, node.lineno)):
            yield node.lineno, ast.unparse(node) if hasattr(ast, "unparse") else function.name


def test_every_import_inside_a_function_is_under_the_lock(modules):
    found = {name: list(unlocked(tree)) for name, tree in modules.items()}
    assert {name: imports for name, imports in found.items() if imports} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    import zlib", 1),
        ("def f():\n    with import_lock:\n        import zlib", 0),
        ("def f():\n    import zlib\ndef g():\n    load(f)", 0),
        ("def f():\n    load(g)\n    from a import b", 0),
        ("def f():\n    from a import b\n    load(g)", 1),
        ("class C:\n    def f(self):\n        if x:\n            import zlib", 1),
    ],
)
def test_one_that_goes_round_it_is_found(source, found):
    assert len(list(unlocked(ast.parse(source)))) == found


def asked_while_loaded(name, tree):
    """The lazy names that the module `name` imports while it is loaded itself."""
    package = ["rocketride_sync", *Path(name).with_suffix("").parts]
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            home = ".".join([*package[: -node.level], *filter(None, [node.module])])
            yield from LAZY.get(home, set()) & {alias.name for alias in node.names}


def test_no_module_asks_for_a_lazy_name_while_it_is_loaded(modules):
    """That would take the lock while the module's own is held: two threads could wait for each other."""
    assert list(asked_while_loaded("client/task.py", ast.parse("from ..models import TaskStart"))) == [
        "TaskStart"
    ]
    assert {name for name, tree in modules.items() if list(asked_while_loaded(name, tree))} == set()


def test_what_is_made_of_strings_is_loaded_in_few_places(modules):
    """`import_module` is not seen by the tests above."""
    users = {name for name, tree in modules.items() if "import_module" in ast.dump(tree)}
    assert users == {"__init__.py", "models/__init__.py"}
