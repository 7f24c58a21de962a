"""``python -m rocketride_sync.emulator``: the server process that `Emulator` starts.

Users run ``rocketride-sync serve`` instead. The API key is passed in the environment, because other users of the
machine can read a process's arguments.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from ..errors import ConfigurationError
from . import serve
from .settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rocketride_sync.emulator")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--root")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--settings", type=json.loads, required=True)
    options = parser.parse_args()
    try:
        serve(
            options.host,
            options.port,
            options.root,
            os.environ.get("ROCKETRIDE_APIKEY"),
            settings=Settings(**options.settings),
            lifeline=sys.stdin.fileno(),
            parent=options.parent,
        )
    except ConfigurationError as error:
        parser.exit(2, f"{error}\n")
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
