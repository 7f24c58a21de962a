"""Every regular expression of the package takes time that grows no faster than the text it is given.

A pattern that backtracks needs seconds for some kilobytes, during which no deadline counts. For each pattern there is
a list of the pieces that it looks for; texts that repeat up to three of them are what makes patterns slow.
"""

import ast
import itertools
import re
import time
from pathlib import Path

import pytest

import rocketride_sync
from rocketride_sync import redact
from rocketride_sync.cli import (
    durations,
    env_file,
    token_lines,
    token_options,
    wording,
)
from rocketride_sync.cli import main as command_line
from rocketride_sync.client import pipelines
from rocketride_sync.emulator import pipeline as emulator_pipeline
from rocketride_sync.protocol import http_objects, page_text
from rocketride_sync.transports.http import log_filter

PACKAGE = Path(rocketride_sync.__file__).parent
SHORT, LONG = 1_000, 8_000
QUICK = 0.005  # seconds for the long text that need no comparison

# For each pattern: how the package applies it, and pieces of text that it takes for the beginning of a match.
USES = {
    "cli/durations._PARTS": (durations._PARTS.fullmatch, ["1", ".", "d", "h", "m", "s"]),
    "cli/durations._SECONDS": (durations._SECONDS.fullmatch, ["1", ".", "e", "+"]),
    "cli/env_file._OURS": (
        env_file._OURS.match,
        ["export", "set", " ", "-", "x", "$env:", '"', "ROCKETRIDE_", "A"],
    ),
    "cli/env_file._FIRST": (env_file._FIRST.match, ["export", " ", "ROCKETRIDE_", "A"]),
    "cli/env_file._REST": (env_file._REST.match, [" ", "#", "a", "\r"]),
    "cli/env_file._SPACE": (env_file._SPACE.match, [" ", "\n", "a"]),
    "cli/env_file._ASSIGNMENT": (env_file._ASSIGNMENT.fullmatch, ["export", " ", "A", "=", "\\"]),
    "cli/env_file._COMMENT": (lambda text: env_file._COMMENT.sub("", text), [" ", "#", "a"]),
    "cli/env_file._ESCAPE": (
        lambda text: [each.sub("", text) for each in env_file._ESCAPE.values()],
        ["\\", "n"],
    ),
    "cli/env_file._QUOTED": (
        lambda text: [each.match(text) for each in env_file._QUOTED.values()],
        ["'", '"', "\\", "a"],
    ),
    "cli/main._REPEATED_VALUE": (
        lambda text: command_line._REPEATED_VALUE.sub("", text),
        ["invalid ", "choice", "int value", ": ", " (choose from", "a"],
    ),
    "cli/token_lines._ESCAPE": (token_lines.decoded, ["\\", "u00", "U00", "#", "a", "1"]),
    "cli/token_lines._NOT_PLAIN": (token_lines.encoded, [",", ";", "tk_", "pk_", "#", "\\", " ", "a"]),
    "cli/token_options._SEPARATORS": (token_options._SEPARATORS.split, [" ", ",", ";", "a"]),
    "cli/wording._ARGUMENT": (
        wording.in_command_line_words,
        ["tokens[", "1", "]", "timeout", " must ", ": "],
    ),
    "cli/wording._FILE": (wording.in_command_line_words, ["files[", "1", "]: "]),
    "cli/wording._KEY_OF_A_PIPELINE": (
        wording.in_command_line_words,
        ["is sent along only if you give it yourself, with env={", "a", "\n"],
    ),
    "cli/wording._OPERATION": (wording.in_command_line_words, ["; ", "use", " with ", "a", ", ", " failed:"]),
    "client/pipelines._REFERENCE": (pipelines._REFERENCE.findall, ["${", "ROCKETRIDE_", "A", "}"]),
    "emulator/pipeline._PLACEHOLDER": (
        lambda text: emulator_pipeline._PLACEHOLDER.sub("", text),
        ["${", "ROCKETRIDE_", "A", "}"],
    ),
    "protocol/page_text._TAG": (
        lambda text: page_text._without_markup(text),
        ["<style", "<head", "</style", "<script>", "</head>", " ", "<", ">", "a", '"'],
    ),
    "protocol/http_objects._PLAIN_NAME": (http_objects._PLAIN_NAME.fullmatch, ["a", "[", "\\"]),
    "redact._escapes": (redact.redact, ["%", "\\x", "\\u00", "&#", "x0", "6b", ";", "&amp;", "tk_"]),
    "redact.redact": (lambda text: redact.redact(text, ["aa%aa"]), ["aa", "%", "\\x61", "&#97;"]),
    "redact._iter_forms": (lambda text: redact.redact("", [text]), ["%", "A", "%AF"]),
    "redact._name_of_secret": (
        redact._name_of_secret().search,
        [
            "auth",
            "authorization",
            "credential",
            "s",
            "pass",
            "word",
            "secret",
            "token",
            "api",
            "_",
            "key",
            "a",
        ],
    ),
    "redact._token": (redact.redact, ["tk_", "pk_", "a", "-", " "]),
    "transports/http/log_filter.redacted": (
        log_filter.redacted,
        ["/task", "?", "&", "token=", "a", "/", "unparsed data: ", "unparsed ", "\n"],
    ),
}


def compiled():
    """The names of all patterns in the package, else of the functions that ask `re`."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        place = path.relative_to(PACKAGE).with_suffix("").as_posix()
        named = {
            id(part): node.targets[0].id
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            for part in ast.walk(node.value)  # in a dictionary too
        }
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
        within = {id(part): function.name for function in functions for part in ast.walk(function)}
        for node in ast.walk(tree):
            asked = getattr(node, "func", None)
            if isinstance(asked, ast.Attribute) and getattr(asked.value, "id", "") == "re":
                if asked.attr != "escape":
                    yield f"{place}.{named.get(id(node)) or within.get(id(node)) or asked.attr}"
            elif isinstance(node, ast.ImportFrom) and node.module == "re":
                yield f"{place}: from re import"


def seconds(use, text, at_most=3):
    """The processor time of `use`, the least of a few tries."""
    tries = []
    for _ in range(at_most):
        began = time.thread_time()
        use(text)
        tries.append(time.thread_time() - began)
        if not QUICK < tries[-1] < 1:
            break
    return min(tries)


def texts(pieces, size):
    """Texts of `size` that repeat up to three pieces, alone and after each piece."""
    for length in (1, 2, 3):
        for several in itertools.product(pieces, repeat=length):
            repeated = "".join(several)
            yield repeated * (size // len(repeated) + 1)
    for first, repeated in itertools.permutations(pieces, 2):
        yield first + repeated * (size // len(repeated) + 1)


def test_every_pattern_of_the_package_is_measured():
    assert sorted(set(compiled())) == sorted(USES)


@pytest.mark.parametrize("name", USES)
def test_time_grows_no_faster_than_the_text(name):
    use, pieces = USES[name]
    for short, long in zip(texts(pieces, SHORT), texts(pieces, LONG)):
        # Once, and only what seems slow again.
        if not in_time(use, short, long, 1):
            assert in_time(use, short, long, 3), f"{long[:60]!r} and so on took {seconds(use, long):.2f} s"


def in_time(use, short, long, at_most):
    took = seconds(use, long, at_most)
    # Eight times the text: a quadratic pattern takes 64 times as long.
    return took <= QUICK or took < 24 * seconds(use, short)


def test_a_slow_pattern_is_found():
    slow = re.compile(r"(a+b|c)*a*d").search
    assert not in_time(slow, "a" * 1_000, "a" * 8_000, 1)
