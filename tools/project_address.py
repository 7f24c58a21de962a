"""All that is made of the project's address: the links of the index of packages, of the site, and where to report.

The address is `url` in setup.cfg, and nowhere else; with it go `author` and `author_email`. While it is not known there are no
such links, rather than dead ones. setup.py and docs/conf.py use this; by itself it writes the paragraph in SECURITY.md:

python tools/project_address.py [--check]
"""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCED = r"^(?P<fence>```+).*?^(?P=fence)$"
COMMENT = r"<!--.*?-->\n?"
SPAN = r"`[^`\n]+`(?!\])"
LINK = r"!?\[(?P<text>(?:[^\[\]]|`[^`]*`)+)\]\((?P<target>(?!\w+:|#)[^)\s]+)\)"
_CONTACT = re.compile(r"(?<=<!-- contact -->\n).*?(?=\n<!-- -->)", re.DOTALL)


def address(folder: Path = ROOT) -> str:
    """The address of the repository, without a slash at its end; empty while it is not known."""
    return _metadata(folder).get("url", "").strip().rstrip("/")


def project_urls(url: str, version: str) -> dict[str, str]:
    """What the index of packages shows beside the description, for a repository as on GitHub."""
    if not url:
        return {}
    return {
        "Documentation": f"{url}/blob/v{version}/docs/index.md",
        "Changelog": f"{url}/blob/v{version}/CHANGELOG.md",
        "Issues": f"{url}/issues",
        "Security": f"{url}/security",
        "Source": url,
    }


def index_page(readme: str, url: str, version: str) -> str:
    """The README for the index of packages, where no file is beside it: links lead to this version's files, or are plain text."""

    def replaced(found: re.Match[str]) -> str:
        if found["target"] is None:
            return "" if found[0].startswith("<!--") else found[0]
        return f"[{found['text']}]({url}/blob/v{version}/{found['target']})" if url else found["text"]

    pattern = "|".join((FENCED, COMMENT, SPAN, LINK))
    return re.sub(pattern, replaced, readme, flags=re.MULTILINE | re.DOTALL)


def contact(url: str, mail: str) -> str:
    """How to report a vulnerability."""
    ways = [f"through [Report a vulnerability]({url}/security/advisories/new)"] if url else []
    ways += [f"by mail to <{mail}>"] if mail else []
    return f"Please report a vulnerability privately, {' or '.join(ways) or 'to the people who gave you this package'}."


def security_page(page: str, folder: Path = ROOT) -> str:
    """SECURITY.md with the contact in its place."""
    made = contact(address(folder), _metadata(folder).get("author_email", "").strip())
    return _CONTACT.sub(lambda _: made, page)


def _metadata(folder: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.read(folder / "setup.cfg", "utf-8")
    return parser["metadata"]


def main() -> int:
    path = ROOT / "SECURITY.md"
    page = path.read_text("utf-8")
    made = security_page(page)
    if made != page and "--check" in sys.argv:
        print("SECURITY.md is stale: python tools/project_address.py", file=sys.stderr)
        return 1
    path.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
