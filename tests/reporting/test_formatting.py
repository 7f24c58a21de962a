"""How amounts, durations and times are written, on the command line and on the page."""

from datetime import datetime, timezone

from cases import each

from rocketride_sync.reporting import formatting

MOMENT = datetime(2024, 5, 1, 10, 20, 30, 400_000, timezone.utc)


@each(
    ("seconds", "words", "colons"),
    [
        (0, "0.0 s", "0.0 s"),
        (59.94, "59.9 s", "59.9 s"),
        (200.6, "3 min 21 s", "3:20 min"),
        (3600, "1 h 00 min", "1:00:00 h"),
        (18_420, "5 h 07 min", "5:07:00 h"),
        (1e10, "2777777 h 46 min", "2,777,777:46:40 h"),
        (1e11, "over 300 years", "27,777,777:46:40 h"),
    ],
)
def test_durations(seconds, words, colons):
    assert formatting.duration_in_words(seconds) == words
    assert formatting.duration_with_colons(seconds) == colons


@each(
    ("amount", "text"),
    [
        ((0, 0, 0, " bytes"), ""),
        ((1_234, 0, 0, " bytes"), "1,234 bytes"),
        ((45, 2, 100, ""), "45 of 100, 2 failed"),
        ((0, 2, 0, ""), "0, 2 failed"),
        ((5, 0, 10**5000, ""), "5 of very many"),
    ],
)
def test_amounts(amount, text):
    assert formatting.amount(*amount) == text


def test_the_page_writes_the_highest_bounded_number_in_full():
    assert formatting.amount(10**15, 0, 0, "", formatting.full_number) == "1,000,000,000,000,000"


def test_exit_codes_of_the_page():
    assert formatting.exit_code_on_page(-1_234) == "-1234"
    assert formatting.exit_code_on_page(10**5000) == "very large"


def test_times():
    assert formatting.time_with_offset(MOMENT) == "2024-05-01 10:20:30+00:00"
    assert formatting.time_in_utc(MOMENT) == "2024-05-01 10:20:30 UTC"
    assert formatting.time_with_offset(None) == formatting.time_in_utc(None) == ""


@each(
    ("width", "cut"),
    [
        (10, "abcdefghij"),
        (9, "abcd…ghij"),
        (8, "abc…ghij"),
        (3, "a…j"),
        (2, "…j"),
        (1, "…"),
        (0, ""),
        (-1, ""),
    ],
)
def test_a_text_is_cut_in_its_middle(width, cut):
    assert formatting.cut_in_middle("abcdefghij", width) == cut


def test_a_cut_goes_by_the_measure():
    assert (
        formatting.cut_in_middle("ああああ", 5, lambda text: sum(1 + (char == "あ") for char in text))
        == "あ…あ"
    )
