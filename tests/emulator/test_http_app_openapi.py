"""The HTTP routes conform to their OpenAPI document for generated requests: no 500, no undocumented response."""

import os

import pytest
from emulator_helpers import KEY
from hypothesis import HealthCheck, given, settings
from needing import needs

needs("schemathesis", reason="schemathesis needs Python 3.10 (extra: dev)")

EXAMPLES = int(os.environ.get("EXAMPLES", "6"))  # the same in every run; `make fuzz` tries more
MODES = ["negative", "positive"]
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
OPERATIONS = ["DELETE /task", "GET /task", "GET /version", "POST /task", "POST /task/data"]
OPERATIONS += ["POST /task/data/{project_id}/{source}", "POST /webhook/{project_id}/{source}"]


@pytest.fixture(scope="module")
def operations(server):
    import schemathesis

    schema = schemathesis.openapi.from_url(f"{server.uri}/openapi.json", headers=AUTHORIZED)
    return {operation.label: operation for operation in (found.ok() for found in schema.get_all_operations())}


def test_document_lists_all_routes(operations):
    assert sorted(operations) == OPERATIONS


def test_both_modes_are_tried():
    from schemathesis import GenerationMode

    assert sorted(mode.value for mode in GenerationMode) == MODES


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("label", OPERATIONS)
def test_route_conforms_to_its_schema(operations, label, mode):
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi import checks

    strategy = operations[label].as_strategy(generation_mode=GenerationMode(mode))
    # An unknown token is well-formed, yet refused; and routes ignore unknown parameters.
    excluded = [checks.positive_data_acceptance, checks.negative_data_rejection]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def check(case):
        case.call_and_validate(headers=AUTHORIZED, timeout=30, excluded_checks=excluded)

    if (label, mode) != ("GET /version", "negative"):  # it has no input that could be invalid
        check()
