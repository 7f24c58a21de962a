"""`python -m rocketride_sync` is the command `rocketride-sync`."""

from __future__ import annotations

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
