"""The generated module of the sample schema, executed."""

import pickle

import pytest
from cases import each
from samples import executed, sample

from rocketride_sync import DecodeError


@pytest.fixture(scope="module")
def generated():
    return executed(sample(), "_sample")


def test_missing_keys_give_the_schemas_defaults(generated):
    made = generated.Sample.from_dict({})
    assert made == generated.Sample()
    assert (made.class_, made.type, made.document, made.id) == ("it's", 7, 0.5, None)
    assert made.colour is generated.Colour.BLUE


def test_every_kind_of_field_goes_there_and_back(generated):
    document = {
        "class": "x",
        "type": -1,
        "document": 2.5,
        "__id": 9,
        "HTTPStatus": False,
        "colour": 1,
        "inner": {"share": 0.25},
        "words": ["a", "b"],
        "sizes": [1, 2],
        "inners": [{"share": 1.0}],
        "mixed": ["a", {"b": [1, None]}],
        "colours": {"sky": 2, "new": 77},
        "numbered": {"0": ["a"], "-3": [], "100": ["z"]},
    }
    made = generated.Sample.from_dict(document)
    assert made.to_dict() == document
    assert made.numbered == {0: ("a",), -3: (), 100: ("z",)}
    assert made.http_status is False
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("class", 1, "$.class"),
        ("type", True, "$.type"),
        ("__id", "1", "$.__id"),
        ("inner", [], "$.inner"),
        ("inners", [{}, {"share": "x"}], "$.inners[1].share"),
        ("inners", [None], "$.inners[0]"),
        ("sizes", [1, 1.5], "$.sizes[1]"),
        ("mixed", [3], "$.mixed[0]"),
        ("mixed", [{"a": [float("nan")]}], "$.mixed[0].a[0]"),
        ("colours", {"a b": "x"}, '$.colours["a b"]'),
        ("numbered", {"7": ["a", None]}, "$.numbered.7[1]"),
        ("numbered", {"07": []}, "$.numbered.07"),
        ("numbered", {"seven": []}, "$.numbered.seven"),
    ],
)
def test_a_wrong_value_is_reported_where_it_stands(generated, key, value, path):
    with pytest.raises(DecodeError) as caught:
        generated.Sample.from_dict({key: value})
    assert caught.value.path == path


def test_aliases_and_registries(generated):
    assert generated.SAMPLE is generated.Sample
    assert list(generated.MODELS) == [generated.Inner, generated.Sample]
    assert list(generated.ENUMS) == [generated.Colour]


HOSTILE = [
    '"""; raise SystemExit(1); """',
    '"""\nraise SystemExit(1)\n"""',
    "\\",
    'ends with a quote"',
    'ends with four""""',
    "back\\slash and \\N{BULLET} and \\x41 and \\",
    "nul \x00, bell \x07, escape \x1b[31m, line\u2028separator",
    "{0} {braces} %s",
    "''' raise",
]


@each("text", HOSTILE)
def test_no_text_of_a_schema_becomes_code(text):
    """Hostile text in every place for free text comes out as text."""
    document = sample()
    document["description"] = text
    document["$defs"]["Colour"]["description"] = text
    document["$defs"]["Colour"]["x-enum"][0]["description"] = text
    field = document["properties"]["class"]
    field.update({"description": text, "x-unit": text, "x-source": text, "default": text})
    generated = executed(document, "_hostile")
    assert generated.Sample().class_ == text
    shown = " ".join(text.split())
    assert shown in " ".join(generated.Sample.__doc__.split())
