"""The options that name the latest run of a pipeline, in place of its token: --project and --source."""

from __future__ import annotations

import argparse

from ..errors import ConfigurationError


def add_project_options(parser: argparse.ArgumentParser, text: str) -> None:
    """Add the options; `text` follows the words "the pipeline's project_id; "."""
    parser.add_argument(
        "--project", metavar="ID", help=f"in place of TOKEN: the pipeline's project_id; {text}"
    )
    parser.add_argument("--source", metavar="ID", help="with --project: the component the pipeline starts at")


def are_given(args: argparse.Namespace) -> bool:
    """Whether the options name a run by project and source. Raises ConfigurationError if they do so by half."""
    if args.project is None and args.source is None:
        return False
    if args.tokens:
        raise ConfigurationError("name the task in one way: TOKEN, or --project and --source")
    if not (args.project and args.source):
        raise ConfigurationError("give both --project and --source, neither empty: they name a run together")
    return True


def named_run(args: argparse.Namespace) -> str:
    """Which run the options name, for a message."""
    return f"of project {args.project!r}, source {args.source!r}"
