"""The corpus, replayed, and some hundred inputs more; `make fuzz` tries for minutes."""

import pytest
from cases import each
from hypothesis import HealthCheck, given, settings

from . import inputs, targets

# The same in every run.
EXAMPLES = {"decoder": 100, "envelope": 100, "dialogue": 100, "frames": 50, "http_bytes": 50}
KEPT = [(name, path) for name in targets.TARGETS for path in inputs.corpus(name)]


@pytest.fixture(scope="module", autouse=True)
def _shared():
    yield
    targets.close()


@each(("target", "path"), KEPT, ids=[f"{name}-{path.name}" for name, path in KEPT])
def test_the_corpus(target, path):
    targets.TARGETS[target](path.read_bytes())


@pytest.mark.parametrize("target", targets.TARGETS)
def test_inputs_made_up(target):
    @settings(
        max_examples=EXAMPLES[target],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs.of(target))
    def check(data):
        targets.TARGETS[target](data)

    check()
