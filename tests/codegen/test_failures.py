"""Schemas that are refused, and what the message points to."""

import json

import pytest
from cases import each
from samples import TEXT, parsed, sample

from codegen import naming
from codegen.errors import SchemaError
from codegen.parse import parse
from rocketride_sync.models import TaskMetrics, TaskStatus
from rocketride_sync.models.document import Document

FIELD = {"type": "string", "description": "A field.", "default": "", "x-source": "page"}


def field(**changes):
    """The sample with its first field changed; None takes a keyword away."""
    document = sample()
    node = {**FIELD, **changes}
    document["properties"]["class"] = {key: value for key, value in node.items() if value is not ...}
    return document


def renamed(wire):
    document = sample()
    document["properties"][wire] = FIELD
    return document


def changed(change):
    document = sample()
    change(document)
    return document


CASES = {
    "dialect": (lambda d: d.update({"$schema": "http://json-schema.org/draft-07/schema#"}), "/$schema"),
    "root keyword": (lambda d: d.update({"oneOf": []}), "/oneOf"),
    "root type": (lambda d: d.update({"type": "array"}), "/type"),
    "no title": (lambda d: d.pop("title"), ""),
    "code as title": (lambda d: d.update({"title": "A: pass\nimport os"}), "/title"),
    "title of an import": (lambda d: d.update({"title": "Mapping"}), "/title"),
    "keyword as title": (lambda d: d.update({"title": "None"}), "/title"),
    "alias": (lambda d: d.update({"x-alias": "a = 1"}), "/x-alias"),
    "alias twice": (lambda d: d.update({"x-alias": "COLOUR"}), "/$defs"),
    "no properties": (lambda d: d.update({"properties": {}}), "/properties"),
    "properties a list": (lambda d: d.update({"properties": []}), "/properties"),
    "other title": (lambda d: d["$defs"]["Inner"].update({"title": "Outer"}), "/$defs/Inner/title"),
    "no description": (lambda d: d["$defs"]["Inner"].pop("description"), "/$defs/Inner"),
    "definition": (lambda d: d["$defs"].update({"a/b~c": FIELD}), "/$defs/a~1b~0c/default"),
    "enum type": (lambda d: d["$defs"]["Colour"].update({"type": "string"}), "/$defs/Colour/type"),
    "enum empty": (lambda d: d["$defs"]["Colour"].update({"x-enum": []}), "/$defs/Colour/x-enum"),
    "member value": (
        lambda d: d["$defs"]["Colour"]["x-enum"][1].update(value=True),
        "/$defs/Colour/x-enum/1/value",
    ),
    "member name": (
        lambda d: d["$defs"]["Colour"]["x-enum"][1].update(name="x y"),
        "/$defs/Colour/x-enum/1/name",
    ),
    "member reserved": (
        lambda d: d["$defs"]["Colour"]["x-enum"][1].update(name="UNKNOWN_9"),
        "/$defs/Colour/x-enum/1/name",
    ),
    "member keyword": (lambda d: d["$defs"]["Colour"]["x-enum"][0].update(x=1), "/$defs/Colour/x-enum/0/x"),
    "member twice": (lambda d: d["$defs"]["Colour"]["x-enum"][1].update(value=1), "/$defs/Colour/x-enum"),
    "cycle": (
        lambda d: d["$defs"]["Inner"]["properties"].update(
            {"inner": {"$ref": "#/$defs/Inner", "description": "x", "default": {}, "x-source": "page"}}
        ),
        "/$defs",
    ),
}
FIELDS = {
    "unknown keyword": ({"minLength": 1}, "/minLength"),
    "unknown type": ({"type": "null"}, "/type"),
    "type list": ({"type": ["string", "integer"]}, "/type"),
    "nullable array": ({"type": ["array", "null"], "items": {"type": "string"}}, "/type"),
    "no type": ({"type": ...}, ""),
    "no default": ({"default": ...}, ""),
    "no source": ({"x-source": ...}, ""),
    "empty description": ({"description": " "}, "/description"),
    "half a character": ({"description": "\ud800"}, "/description"),
    "unit": ({"x-unit": 3}, "/x-unit"),
    "shown somehow": ({"x-shown": "loudly"}, "/x-shown"),
    "shown number": ({"type": "integer", "default": 0, "x-shown": "text"}, "/x-shown"),
    "default of another type": ({"default": 0}, "/default"),
    "default bool for int": ({"type": "integer", "default": False}, "/default"),
    "default int for number": ({"type": "number", "default": 0}, "/default"),
    "default null": ({"default": None}, "/default"),
    "string or object": ({"type": ["string", "object"]}, "/default"),
    "array default": ({"type": "array", "items": {"type": "string"}, "default": ["x"]}, "/default"),
    "array without items": ({"type": "array", "default": []}, ""),
    "array of arrays of integers": (
        {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}, "default": []},
        "/items",
    ),
    "array keyword": (
        {"type": "array", "items": {"type": "string"}, "maxItems": 5, "default": []},
        "/maxItems",
    ),
    "item keyword": (
        {"type": "array", "items": {"type": "string", "pattern": "."}, "default": []},
        "/items/pattern",
    ),
    "map without values": ({"type": "object", "default": {}}, ""),
    "map keys": (
        {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": "^x"},
            "default": {},
        },
        "/propertyNames",
    ),
    "reference to nowhere": ({"type": ..., "$ref": "#/$defs/Nobody", "default": {}}, "/$ref"),
    "reference elsewhere": ({"type": ..., "$ref": "other.json#/$defs/Inner", "default": {}}, "/$ref"),
    "reference and type": ({"$ref": "#/$defs/Inner", "default": {}}, "/type"),
    "enum default": ({"type": ..., "$ref": "#/$defs/Colour", "default": 3}, "/default"),
}


@each(("change", "pointer"), CASES.values(), ids=CASES)
def test_a_refused_schema_is_pointed_at(change, pointer):
    with pytest.raises(SchemaError) as caught:
        parsed(changed(change))
    assert caught.value.pointer == pointer
    assert f"#{pointer}: " in str(caught.value)


@each(("changes", "pointer"), FIELDS.values(), ids=FIELDS)
def test_a_refused_field_is_pointed_at(changes, pointer):
    with pytest.raises(SchemaError) as caught:
        parsed(field(**changes))
    assert caught.value.pointer == "/properties/class" + pointer


@each("wire", ["a-b", "1st", "", "a b", "x = 1\nimport os", "naïve", "__", 'a"b', "toDict", "extra", "attrs"])
def test_a_name_that_cannot_be_an_attribute_is_refused(wire):
    with pytest.raises(SchemaError) as caught:
        parsed(renamed(wire))
    assert caught.value.pointer == f"/properties/{wire}"


def test_two_names_for_one_attribute_are_refused():
    with pytest.raises(SchemaError, match=r"#/properties: 'http_status' occurs twice"):
        parsed(renamed("http_status"))


@each("text", ["", "[]", "{", '{"a": NaN}', '{"title": "A", "title": "B"}', "{'a': 1}", '{"$schema": 1}'])
def test_what_is_no_schema_is_refused(text):
    with pytest.raises(SchemaError):
        parse(text, "x.schema.json")


def test_the_unspoilt_schema_is_accepted():
    assert parsed(field()).models[-1].name == "Sample"
    assert parse(TEXT, "x").models[-1].name == json.loads(TEXT)["title"]


def test_reserved_names_are_those_of_the_base_classes():
    """A field must not hide a method that the hand-written classes define."""
    document = {name for name in dir(Document) if not name.startswith("_")} | {"extra"}
    assert document <= naming.RESERVED_ATTRIBUTES
    own = {name for name in dir(TaskStatus) if not name.startswith("_")} - set(
        TaskStatus._attributes.values()
    )
    assert own - naming.RESERVED_ATTRIBUTES == naming.RESERVED_ATTRIBUTES_OF["TaskStatus"]
    assert {name for name in dir(TaskMetrics) if not name.startswith("_")} - set(
        TaskMetrics._attributes.values()
    ) <= naming.RESERVED_ATTRIBUTES
