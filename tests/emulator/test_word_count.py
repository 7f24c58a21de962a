"""Word counts do not depend on how the data is cut into pieces."""

import pytest

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync.emulator.word_count import CHUNK_SIZE, WordCounter

texts = st.lists(st.sampled_from([b"a", b"\xc3\xa4", b"\xff", b"\0", *(bytes([c]) for c in b" \t\n\r\v\f")]))


@given(st.lists(texts.map(b"".join)))
def test_count_of_pieces_equals_count_of_the_whole(pieces):
    """The expected words are those of `bytes.split`, as for ``wc -w``."""
    counter = WordCounter()
    for piece in pieces:
        counter.feed(piece)
    words = b"".join(pieces).split()
    assert counter.counts == (len(words), sum(map(len, words)))


@pytest.mark.parametrize("shift", [-1, 0, 1])
def test_words_across_the_slices_of_one_large_piece_count_once(shift):
    counter = WordCounter()
    counter.feed(b"x" * (CHUNK_SIZE + shift) + b" yy " + b"z" * CHUNK_SIZE)
    assert counter.counts == (3, 2 * CHUNK_SIZE + shift + 2)
