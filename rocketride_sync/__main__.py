"""`rocketride-sync`, also as `python -m rocketride_sync`."""

from __future__ import annotations

import sys


def main() -> int:
    """Load the command and run it. A Ctrl-C while it is still being loaded ends it like one later on.

    One that comes before this is called is Python's: it prints a traceback, and ends the process by the signal too.
    """
    try:
        from .cli.main import main as run

        return run()
    except KeyboardInterrupt:
        import signal

        from .cli.signals import end_process_by

        end_process_by(signal.SIGINT)
        return 130  # on Windows


if __name__ == "__main__":
    sys.exit(main())
