"""``python -m codegen``: writing, ``--check`` and ``drift``."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Optional, TypedDict

import pytest
from cases import each
from samples import GOLDEN, parsed, sample

from codegen.__main__ import ROOT, load, main
from codegen.drift import drift
from codegen.render import REFERENCE

MODULE = "rocketride_sync/models/_sample.py"


@pytest.fixture
def project(tmp_path):
    """A directory with the sample schema, and what is made of it."""
    (tmp_path / "schema").mkdir()
    shutil.copy(GOLDEN / "sample.schema.json", tmp_path / "schema")
    assert main(["--root", str(tmp_path)]) == 0
    return tmp_path


def check(project, capsys):
    capsys.readouterr()
    code = main(["--check", "--root", str(project)])
    return code, capsys.readouterr().out.splitlines()


def test_fresh_output_passes(project, capsys):
    assert check(project, capsys) == (0, [])


def test_one_changed_character_is_stale(project, capsys):
    text = (project / MODULE).read_text("utf-8")
    (project / MODULE).write_text(text.replace("0.5", "0.6", 1), "utf-8")
    assert check(project, capsys) == (1, [f"stale: {MODULE}"])


def test_a_changed_schema_makes_everything_stale(project, capsys):
    path = project / "schema" / "sample.schema.json"
    path.write_text(path.read_text("utf-8").replace("A keyword.", "A word."), "utf-8")
    assert check(project, capsys) == (1, [f"stale: {MODULE}", f"stale: {REFERENCE}"])


def test_a_deleted_output_is_missing(project, capsys):
    (project / REFERENCE).unlink()
    assert check(project, capsys) == (1, [f"missing: {REFERENCE}"])


def test_a_generated_file_that_nothing_makes_is_orphaned(project, capsys):
    (project / "rocketride_sync/models/old.py").write_text((project / MODULE).read_text("utf-8"), "utf-8")
    (project / "docs/own.md").write_text("# Written by hand\n", "utf-8")
    assert check(project, capsys) == (1, ["orphaned: rocketride_sync/models/old.py"])


def test_check_writes_nothing(project, capsys):
    (project / MODULE).unlink()
    check(project, capsys)
    assert not (project / MODULE).exists()


def test_an_invalid_schema_is_named_with_its_pointer(project, capsys):
    path = project / "schema" / "sample.schema.json"
    path.write_text(path.read_text("utf-8").replace('"boolean"', '"bool"'), "utf-8")
    assert main(["--root", str(project)]) == 1
    assert "schema/sample.schema.json#/properties/HTTPStatus/type: 'bool'" in capsys.readouterr().err


def test_two_schemas_must_not_share_names(project, capsys):
    shutil.copy(project / "schema/sample.schema.json", project / "schema/twin.schema.json")
    assert main(["--root", str(project)]) == 1
    assert "clashes with a name of schema/sample.schema.json" in capsys.readouterr().err


def test_no_schema_at_all_is_an_error(tmp_path, capsys):
    assert main(["--root", str(tmp_path)]) == 1
    assert "no *.schema.json" in capsys.readouterr().err


def test_what_is_checked_in_is_up_to_date():
    checked = subprocess.run(
        [sys.executable, "-m", "codegen", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_nothing_is_lacking_beside_the_official_client():
    pytest.importorskip("rocketride", reason="it takes requirements/conformance.txt")
    assert drift(load(ROOT)) == []


def official(**changes):
    """A stand-in for the official models that agrees with the sample schema, but for `changes`."""

    def field(annotation, default=None, default_factory=None):
        return SimpleNamespace(annotation=annotation, default=default, default_factory=default_factory)

    fields = {"share": field(float, 0.0), **changes.pop("fields", {})}
    inner = type("INNER", (), {"model_fields": {k: v for k, v in fields.items() if v is not None}})
    states = [
        SimpleNamespace(name=n, value=v)
        for n, v in {"RED": 1, "BLUE": 2, **changes.pop("states", {})}.items()
    ]
    return SimpleNamespace(INNER=inner, COLOUR=states, **changes), field


def compared(**changes):
    document = sample()
    document["$defs"]["Inner"]["x-alias"] = "INNER"
    document["x-alias"] = "SAMPLE_NOT_THERE"
    stand_in, _ = official(**changes)
    return [line for line in drift([parsed(document)], stand_in) if "SAMPLE_NOT_THERE" not in line]


@pytest.mark.skipif(find_spec("rocketride") is None, reason="it takes requirements/conformance.txt")
def test_drift_names_what_differs():
    _, field = official()
    assert compared() == []
    assert compared(states={"GREEN": 3}) == ["Colour: the schema lacks GREEN"]
    assert compared(states={"RED": 5}) == ["Colour.RED: the schema has 1, the client 5"]
    assert compared(fields={"more": field(int, 0)}) == ["Inner: the schema lacks more"]
    assert compared(fields={"share": None}) == ["Inner: the client lacks share"]
    assert compared(fields={"share": field(float, 1.0)}) == [
        "Inner.share: the schema has ('number', 0.0), the client ('number', 1.0)"
    ]
    assert compared(fields={"share": field(int, 0.0)}) != []
    assert compared(TASK_NEW=int) == ["the schema lacks TASK_NEW"]


def run_schema(**changes):
    def field(kind, source="client 1.5.0"):
        default = None if isinstance(kind, list) else 0.0
        return {"type": kind, "description": "A moment.", "default": default, "x-source": source}

    fields = {"begin": field("number"), "end": field(["number", "null"]), "why": field("number", "server")}
    document = {key: value for key, value in sample().items() if key not in ("x-alias", "$defs")}
    return parsed({**document, "title": "TaskRun", "properties": {**fields, **changes}})


@each(
    ("theirs", "found"),
    [
        ({"begin": float, "end": Optional[float]}, []),
        ({"begin": float, "end": float, "why": float}, []),  # null may be allowed here alone
        ({"begin": int, "end": float}, ["TaskRun.begin: the schema has number, the client integer"]),
        ({"begin": float}, ["TaskRun: the client lacks end"]),
        ({"begin": float, "end": float, "new": str}, ["TaskRun: the schema lacks new"]),
        (None, ["TaskRun: the client lacks LogChapter"]),
    ],
)
def test_drift_compares_typed_dicts_too(theirs, found):
    """What the sources of a server name, and not the client, the client need not have."""
    log = SimpleNamespace(LogChapter=theirs and TypedDict("LogChapter", theirs))
    assert drift([run_schema()], SimpleNamespace(), log) == found
