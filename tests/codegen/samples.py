"""The small schema of the golden files, as text, as a document to spoil, and as an executed module."""

import importlib.util
import json
import sys
from pathlib import Path

from codegen.parse import parse
from codegen.render import module

GOLDEN = Path(__file__).parent / "golden"
TEXT = (GOLDEN / "sample.schema.json").read_text("utf-8")


def sample():
    return json.loads(TEXT)


def parsed(document):
    return parse(json.dumps(document), "schema/sample.schema.json")


def executed(document, name):
    """The generated module as it would be imported, under a name of its own."""
    full = f"rocketride_sync.models.{name}"
    spec = importlib.util.spec_from_loader(full, loader=None)
    generated = importlib.util.module_from_spec(spec)
    sys.modules[full] = generated
    exec(compile(module(parsed(document)), name, "exec"), generated.__dict__)
    return generated
