"""The HTTP routes conform to their OpenAPI document for generated requests: no 500, no undocumented response."""

import pytest
from emulator_helpers import KEY
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis needs Python 3.10 (extra: dev)")
of_openapi = pytest.importorskip("schemathesis.specs.openapi.checks")

EXAMPLES = 40
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
OPERATIONS = ["DELETE /task", "GET /task", "GET /version", "POST /task", "POST /task/data"]
OPERATIONS += ["POST /task/data/{project_id}/{source}", "POST /webhook/{project_id}/{source}"]

# An unknown token is well-formed, yet refused; and routes ignore unknown parameters.
EXCLUDED_CHECKS = [of_openapi.positive_data_acceptance, of_openapi.negative_data_rejection]


@pytest.fixture(scope="module")
def operations(server):
    schema = schemathesis.openapi.from_url(f"{server.uri}/openapi.json", headers=AUTHORIZED)
    return {operation.label: operation for operation in (found.ok() for found in schema.get_all_operations())}


def test_document_lists_all_routes(operations):
    assert sorted(operations) == OPERATIONS


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_route_conforms_to_its_schema(operations, label, mode):
    strategy = operations[label].as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def check(case):
        case.call_and_validate(headers=AUTHORIZED, timeout=30, excluded_checks=EXCLUDED_CHECKS)

    if (label, mode.value) != ("GET /version", "negative"):  # it has no input that could be invalid
        check()
