"""Links between the Markdown files of this repository lead somewhere, to the heading they name."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from cases import each

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("schema/*.md")])
FENCED = re.compile(r"^( *)(```+).*?^\1\2$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def prose(path: Path) -> str:
    return FENCED.sub("", path.read_text("utf-8"))


def anchors(path: Path) -> set[str]:
    """What GitHub, and MyST after it, makes of the headings."""
    titles = (re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title).lower() for title in HEADING.findall(prose(path)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def broken(path: Path) -> list[str]:
    found = []
    # Code spans hold no links.
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", prose(path))):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@each("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of(path):
    assert broken(path) == []


def test_a_broken_link_is_found(tmp_path):
    """The check itself."""
    page = tmp_path / "page.md"
    page.write_text(
        "# A `heading` of it\n[fine](#a-heading-of-it) [fine](page.md) [fine](https://example.com/x)\n"
        "[gone](#elsewhere) [gone](other.md)\n```\n[a](b) in code\n```\nand `[a](b)`\n",
        "utf-8",
    )
    assert broken(page) == ["#elsewhere", "other.md"]
