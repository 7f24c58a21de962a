"""What a notebook shows of a status."""

import re
from html.parser import HTMLParser

import pytest
from cases import each

from rocketride_sync import TaskStatus

TOKEN = "tk_0123456789abcdef0123456789abcdef"
HOSTILE = f"<script>alert(1)</script>\"'&\x1b[31m\u202e{TOKEN}"
RUNNING = {"source": "src_1", "state": 3, "totalCount": 4, "completedCount": 1, "failedCount": 1}
ENDED = {**RUNNING, "state": 6, "completed": True, "exitCode": 1, "startTime": 5.0, "endTime": 7.5}


class Reader(HTMLParser):
    """Every element that was opened was closed; the texts, and the names of the elements."""

    def __init__(self, page):
        super().__init__()
        self.open, self.names, self.texts = [], set(), []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, name, attributes):
        self.names.add(name)
        assert {attribute for attribute, _ in attributes} <= {"style"}
        if name != "br":
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, text):
        self.texts.append(text)


def read(document):
    return Reader(TaskStatus.from_dict(document)._repr_html_())


def test_a_running_task_shows_how_far_it_is():
    page = TaskStatus.from_dict({**RUNNING, "currentObject": "a.txt"})._repr_html_()
    texts = Reader(page).texts
    assert texts[:2] == ["running", "src_1"]
    assert "1 of 4, 1 failed" in texts
    assert "a.txt" in texts
    assert "width:50.0%" in page


def test_the_end_shows_outcome_exit_and_doubt():
    texts = read({**ENDED, "exitMessage": "disk full", "errors": [f"error {n}" for n in range(7)]}).texts
    assert texts[0] == "failed"
    assert {"1 disk full", "2.5 s", "2 earlier ones", "error 2", "error 6"} <= set(texts)
    assert "error 1" not in texts
    good = read({**ENDED, "completedCount": 4, "failedCount": 0}).texts
    assert good[0] == "succeeded, not certain"
    assert "Not certain" in good


@each("key", ["source", "currentObject", "exitMessage", "name", "errors", "warnings", "notes"])
@each("state", [RUNNING, ENDED])
def test_what_a_server_sent_is_escaped_and_without_secrets(key, state):
    value = [HOSTILE] if key in ("errors", "warnings", "notes") else HOSTILE
    page = TaskStatus.from_dict({**state, key: value})._repr_html_()
    assert "script" not in Reader(page).names
    assert "456789" not in page
    assert page.isprintable()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"state": 99, "totalCount": 10**5000, "completedCount": -5},
        {**ENDED, "exitCode": 10**5000, "startTime": 1.0, "endTime": 1e300},
        {"state": 5, "completed": True, "exitCode": None},
        {**RUNNING, "source": "x" * 10**6, "errors": ["y" * 10**6] * 1000},
    ],
)
def test_extreme_statuses_are_shown_within_bounds(document):
    page = TaskStatus.from_dict(document)._repr_html_()
    Reader(page)
    assert len(page) < 5000


def test_messages_are_in_words():
    raw = "Failed*bad input*pipe.cpp:10"
    shown = TaskStatus.from_dict(
        {"state": 5, "completed": True, "exitCode": 2, "exitMessage": raw, "errors": [raw], "warnings": [raw]}
    )._repr_html_()
    assert shown.count("bad input (Failed, pipe.cpp:10)") == 3


def test_text_has_no_colour_of_its_own():
    """So it has that of the page, which fits the page's background."""
    page = TaskStatus.from_dict({**ENDED, "errors": ["x"], "exitMessage": "y"})._repr_html_()
    styles = re.findall(r'style="([^"]*)"', page)
    properties = [rule.split(":")[0].strip() for style in styles for rule in style.split(";")]
    assert "color" not in properties
    # A background only where there is no text: the bar.
    assert all(not text for text in re.findall(r'<div style="background[^>]*>([^<]*)', page))
