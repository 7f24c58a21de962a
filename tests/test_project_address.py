"""What is made of the project's address: links to this version's files when it is known, none that are dead until then."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rocketride_sync import __version__

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
ADDRESS = "https://example.com/owner/rocketride-sync"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import project_address

    return project_address


def rendered(page: str) -> str:
    """As the index of packages shows it."""
    markdown = pytest.importorskip("readme_renderer.markdown", reason="it takes requirements/docs.txt")
    html = markdown.render(page)
    assert html
    return html


def links(html: str) -> list[str]:
    return [
        link
        for link in re.findall(r'(?:href|src)="([^"]+)"', html)
        if not link.startswith("#user-content")  # the index makes these of the headings
    ]


def test_no_link_on_the_index_is_dead_while_the_address_is_not_known(tool):
    html = rendered(tool.index_page(README, "", __version__))
    assert [link for link in links(html) if not link.startswith("https://")] == []
    assert "The tutorial takes ten minutes" in html


def test_links_on_the_index_lead_to_the_files_of_this_version(tool):
    html = rendered(tool.index_page(README, ADDRESS, "1.2.3"))
    ours = [link for link in links(html) if link.startswith(ADDRESS)]
    assert len(ours) > 20
    for link in ours:
        path = link[len(f"{ADDRESS}/blob/v1.2.3/") :].partition("#")[0]
        assert (ROOT / path).exists(), link
    assert {link for link in links(html) if link not in ours} == {"https://rocketride.ai"}


@pytest.mark.parametrize("url", ["", ADDRESS])
def test_the_index_shows_the_whole_readme_and_nothing_of_its_tests(tool, url):
    page = tool.index_page(README, url, "1")
    assert "<!--" not in page
    fences = [
        re.findall(r"^```.*?^```$", text, re.M | re.S)
        for text in (page, re.sub(r"<!--.*?-->", "", README, flags=re.S))
    ]
    assert fences[0] == fences[1]


@pytest.mark.parametrize("text", ["```\n[a](b)\n```\n", "`[a](b)`", "[a](https://x.example/y)", "[a](#b)"])
def test_what_is_no_link_to_a_file_is_left_as_it_is(tool, text):
    assert tool.index_page(text, ADDRESS, "1") == tool.index_page(text, "", "1") == text


def test_code_in_a_link(tool):
    assert tool.index_page("see [`examples/`](examples).", ADDRESS, "1") == (
        f"see [`examples/`]({ADDRESS}/blob/v1/examples)."
    )
    assert tool.index_page("see [`examples/`](examples).", "", "1") == "see `examples/`."


@pytest.mark.parametrize(
    ("lines", "known", "way"),
    [
        ("name = x\n", "", "to the people who gave you"),
        ("# url = https://x\n", "", "to the people who gave you"),
        (f"url = {ADDRESS}/\n", ADDRESS, f"]({ADDRESS}/security/advisories/new)"),
        ("author_email = us@example.com\n", "", "by mail to <us@example.com>"),
    ],
)
def test_it_is_read_from_setup_cfg(tool, tmp_path, lines, known, way):
    (tmp_path / "setup.cfg").write_text(f"[metadata]\n{lines}", "utf-8")
    assert tool.address(tmp_path) == known
    page = tool.security_page("# S\n\n<!-- contact -->\nold\n<!-- -->\nrest", tmp_path)
    assert way in page
    assert page.endswith("\n<!-- -->\nrest")


def test_no_address_no_urls(tool):
    assert tool.project_urls("", "1") == {}
    assert set(tool.project_urls(ADDRESS, "1")) >= {"Source", "Issues", "Changelog", "Documentation"}


def test_the_contact_is_that_of_setup_cfg(tool):
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    assert tool.security_page(page) == page
    assert "vulnerability privately" in page


ADVISING = [
    path
    for pattern in ("rocketride_sync/**/*.py", "docs/*.md", "examples/**/*.*", "man/*", "*.md", "schema/*.md")
    for path in sorted(ROOT.glob(pattern))
    if "__pycache__" not in path.parts and path.suffix in (".py", ".md", ".ipynb", ".1")
]


def test_nothing_is_installed_from_the_index_before_there_is_a_release():
    """Whoever has the name there until then has nothing to do with this project."""
    if "There is no release yet" not in README:
        pytest.skip("there is a release")
    assert len(ADVISING) > 150
    advice = re.compile(r"rocketride-sync\[\w+\]|pip install[^\n`]* '?rocketride-sync\b")
    found = [(str(path), hit[0]) for path in ADVISING for hit in advice.finditer(path.read_text("utf-8"))]
    assert found == []


def test_every_extra_that_a_message_names_is_there():
    sources = "".join(path.read_text("utf-8") for path in ADVISING if path.suffix == ".py")
    named = set(re.findall(r"""\binstall\(["'](\w+)["']""", sources))
    extras = re.findall(
        r"^(\w+) =$", (ROOT / "setup.cfg").read_text("utf-8").partition("extras_require")[2], re.M
    )
    assert len(named) > 5
    assert named <= set(extras)


def test_the_citation_fits_the_version():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
