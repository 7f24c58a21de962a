"""The command, with a second in place of ten for what it takes to end a task: a module for `start_command`."""

from __future__ import annotations

import sys

ENDING_SECONDS = 1.0


def main():
    from rocketride_sync.__main__ import main as command
    from rocketride_sync.client import pipeline_run

    pipeline_run.ENDING_SECONDS = ENDING_SECONDS
    return command()


if __name__ == "__main__":
    sys.exit(main())
