"""``python -m codegen``: write the models and their reference; ``--check``; ``drift``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from . import ir
from .drift import drift
from .errors import SchemaError
from .naming import snake
from .parse import parse
from .render import MODULES, render
from .source import MARK

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command; returns the exit code: 0, or 1 if there is something to mend."""
    options = _parser().parse_args(arguments)
    try:
        schemas = load(options.root)
    except SchemaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.command == "drift":
        return _drift(schemas)
    outputs = render(schemas)
    return _report(problems(options.root, outputs)) if options.check else _write(options.root, outputs)


def _drift(schemas: Sequence[ir.Schema]) -> int:
    try:
        return _report(drift(schemas))
    except ImportError as error:
        print(f"error: {error}; install the conformance extra", file=sys.stderr)
        return 1


def load(root: Path) -> List[ir.Schema]:
    """Parse every schema below `root`. Their classes share one package, so that names must differ."""
    schemas = [_parsed(path) for path in sorted((root / "schema").glob("*.schema.json"))]
    if not schemas:
        raise SchemaError("", "no *.schema.json found", "schema/")
    owners: Dict[str, str] = {}
    for schema in schemas:
        for item in ir.definitions(schema.enums, schema.models):
            for name in filter(None, (snake(item.name), item.alias)):
                if name in owners:
                    raise SchemaError("", f"{item.name!r} clashes with a name of {owners[name]}", schema.file)
                owners[name] = schema.file
    return schemas


def _parsed(path: Path) -> ir.Schema:
    file = f"schema/{path.name}"
    try:
        return parse(path.read_text("utf-8"), file)
    except SchemaError as error:
        error.file = file
        raise


def problems(root: Path, outputs: Dict[str, str]) -> List[str]:
    """What differs between the files and what they should be."""
    found = []
    for name, text in outputs.items():
        path = root / name
        if not path.exists():
            found.append(f"missing: {name}")
        elif path.read_text("utf-8") != text:
            found.append(f"stale: {name}")
    orphans = {path.relative_to(root).as_posix() for path in generated_files(root)} - set(outputs)
    return [*found, *(f"orphaned: {name}" for name in sorted(orphans))]


def generated_files(root: Path) -> List[Path]:
    """Files beside the outputs whose first line says that they are generated."""
    places = [*root.glob(f"{MODULES}/*.py"), *root.glob("docs/*.md")]
    return [path for path in places if MARK in path.read_text("utf-8").split("\n", 1)[0]]


def _write(root: Path, outputs: Dict[str, str]) -> int:
    for name, text in outputs.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode("utf-8"))
        print(name)
    return 0


def _report(found: Sequence[str]) -> int:
    for problem in found:
        print(problem)
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m codegen", description="Write models and field reference."
    )
    parser.add_argument("command", nargs="?", choices=["write", "drift"], default="write")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, fail if a file is not up to date"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
