"""Rate the metadata with pyroma: nothing may be missing but the author and the address, and they only while they are not known.

python tools/check_metadata.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from project_address import address
from pyroma.projectdata import get_data
from pyroma.ratings import rate

ROOT = Path(__file__).resolve().parent.parent
NOT_KNOWN_YET = ("have author data", "have author-email data", "have a 'url' field")


def main() -> int:
    _, problems = rate(get_data(str(ROOT)))
    bad = [text for text in problems if address() or not any(part in text for part in NOT_KNOWN_YET)]
    print(
        "\n".join(bad)
        or "the metadata: nothing is missing" + " but the author and the address" * bool(problems)
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
