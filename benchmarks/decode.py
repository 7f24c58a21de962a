"""How long a decoded JSON document takes to become a typed status, beside `json.loads` and other libraries.

    python benchmarks/decode.py [--rounds N] [--json]

All contenders take turns in one process, on documents that all differ. Figures are medians.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import platform
import statistics
import sys
import time
from typing import Any, Callable, Dict, List, Optional

import attrs

from rocketride_sync.models import TaskStatus, converter

SIZES = {"2 KB": (3, 4, 4, 40), "200 KB": (1000, 64, 200, 4)}  # messages, pipes, components, documents


def document(seed: int, messages: int, pipes: int, components: int) -> Dict[str, Any]:
    """A full document, as a traced run sends it; each ring buffer holds at most 1000 messages."""
    status = TaskStatus(
        name=f"nightly {seed}",
        project_id=f"project-{seed}",
        source="files_1",
        state=3,
        start_time=1.7e9 + seed / 7,
        status=f"Processing {seed}",
        warnings=[
            f"Warning*page {seed + i} is slow, so it takes the long way round*pipe.cpp:{i}"
            for i in range(messages)
        ],
        errors=[
            f"Failed*cannot read filesys://data/in/file-{seed + i:06}.pdf, its third page is damaged*pipe.cpp:{i}"
            for i in range(messages)
        ],
        current_object=f"filesys://data/file-{seed:06}.pdf",
        total_count=seed + 1000,
        completed_count=seed,
        total_size=seed * 2048 + 10**9,
        completed_size=seed * 2048,
    ).to_dict()
    status["pipeflow"] = {
        "totalPipes": pipes,
        "byPipe": {str(i): ["source", "parse", f"embed_{seed}"] for i in range(pipes)},
    }
    status["metrics"] = {name: seed + i + 0.25 for i, name in enumerate(status["metrics"])}
    status["componentStats"] = {
        f"component_{i}": {"calls": seed + i, "totalSeconds": seed / 3 + i, "maxSeconds": i + 0.75}
        for i in range(components)
    }
    return status


def plain_cattrs() -> Callable[[Any], Any]:
    """cattrs as it comes, on attrs classes of the same fields."""
    import typing

    import cattrs

    twins: Dict[str, Any] = {}

    def twin(model: Any) -> Any:
        if model.__name__ not in twins:
            hints = typing.get_type_hints(model)
            wire = {attribute: name for name, attribute in model._attributes.items()}
            fields = {
                name: attrs.field(default=None, type=replaced(hints[attribute]))
                for attribute, name in wire.items()
            }
            twins[model.__name__] = attrs.make_class(model.__name__, fields, frozen=True, slots=True)
        return twins[model.__name__]

    def replaced(hint: Any) -> Any:
        if isinstance(hint, type) and attrs.has(hint):
            return twin(hint)
        if hint is typing.get_type_hints(TaskStatus)["notes"]:
            return typing.List[typing.Any]
        arguments = typing.get_args(hint)
        if typing.get_origin(hint) is tuple:
            return typing.List[replaced(arguments[0])]
        if arguments and len(arguments) == 2 and type(None) not in arguments:
            return typing.Dict[arguments[0], replaced(arguments[1])]
        return hint

    structure, target = cattrs.Converter(detailed_validation=False).structure, twin(TaskStatus)
    return lambda document: structure(document, target)


def contenders() -> Dict[str, Callable[[Any], Any]]:
    """What can be measured here; the official client's pydantic models only where they are installed."""
    structure = converter().structure
    found: Dict[str, Callable[[Any], Any]] = {
        "TaskStatus.from_dict": TaskStatus.from_dict,
        "converter()": lambda document: structure(document, TaskStatus),
        "cattrs": plain_cattrs(),
    }
    official = _optional("rocketride.types.task")
    if official:
        found["pydantic"] = official.TASK_STATUS.model_validate
    return found


def measure(rounds: int) -> List[Dict[str, Any]]:
    """Medians in microseconds per document, and ratios to `json.loads` of the same documents."""
    results = []
    for size, (messages, pipes, components, variants) in SIZES.items():
        texts = [json.dumps(document(seed, messages, pipes, components)) for seed in range(1, variants + 1)]
        documents = [json.loads(text) for text in texts]
        samples: Dict[str, List[float]] = {}
        work: Dict[str, Any] = {"json.loads": (json.loads, texts)}
        work.update({name: (decode, documents) for name, decode in contenders().items()})
        for decode, inputs in work.values():
            decode(inputs[0])
        for _ in range(rounds):
            for name, (decode, inputs) in work.items():
                samples.setdefault(name, []).append(_timed(decode, inputs))
        base = statistics.median(samples["json.loads"])
        for name, values in samples.items():
            median = statistics.median(values)
            results.append(
                {
                    "size": size,
                    "bytes": len(texts[0]),
                    "what": name,
                    "us": median * 1e6,
                    "ratio": median / base,
                }
            )
    return results


def _timed(decode: Callable[[Any], Any], inputs: List[Any]) -> float:
    gc.collect()
    repeat = max(1, 400_000 // sum(map(len, map(str, inputs[:1]))) // len(inputs))
    start = time.perf_counter()
    for _ in range(repeat):
        for value in inputs:
            decode(value)
    return (time.perf_counter() - start) / (repeat * len(inputs))


def _optional(module: str) -> Optional[Any]:
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    results = measure(options.rounds)
    if options.json:
        json.dump({"python": platform.python_version(), "results": results}, sys.stdout, indent=2)
        return
    print(f"Python {platform.python_version()}, medians of {options.rounds} rounds")
    for row in results:
        print(
            f"{row['size']:>7} ({row['bytes']:>6} B) {row['what']:<22} {row['us']:>9.1f} us {row['ratio']:>6.2f}"
        )


if __name__ == "__main__":
    main()
