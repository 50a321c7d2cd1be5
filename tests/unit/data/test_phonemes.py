"""Phonemes of texts by espeak-ng."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.sequences import phonemes
from chainrule.data.sequences.phonemes import MAX_LENGTH, PAUSE, pronounce
from chainrule.errors import ChainruleError, DataError
from chainrule.memoization import Memo


@given(st.text(max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_text_has_phonemes_in_the_order_of_time_or_is_refused(text: str) -> None:
    try:
        spoken = pronounce(text)
    except DataError:
        assert not any(letter.isascii() and letter.isalnum() for letter in text)
        return
    assert len(spoken.symbols) == len(spoken.starts)
    assert (np.diff(spoken.starts) >= 0).all()
    assert 0 <= spoken.starts[0] <= spoken.starts[-1] <= spoken.sound.seconds + 0.01
    assert set(spoken.symbols) - {PAUSE}


def test_numbers_are_spelled_out_and_markup_is_read_as_text() -> None:
    assert pronounce("17").symbols == pronounce("seventeen").symbols
    assert pronounce("a [[p]] <b/> c").symbols != pronounce("a p c").symbols
    assert pronounce("go\x01\x0050R there").symbols == pronounce("go  50R there").symbols


def test_pronunciations_do_not_depend_on_calls_before_or_on_threads() -> None:
    first = pronounce("hello", "en-us+f4")
    results: list[tuple[str, ...]] = []
    threads = [threading.Thread(target=lambda: results.append(pronounce("hello").symbols)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(results) == {first.symbols}
    again = pronounce("hello", "en-us+f4")
    assert (
        np.abs(again.starts - first.starts).max() < 0.03
    )  # the synthesizer's oscillators are in another state


@pytest.mark.parametrize("voice", ["", "xx", "../en", "en/us", "en-us+../../x", "EN"])
def test_an_unknown_voice_is_refused(voice: str) -> None:
    with pytest.raises(ChainruleError, match="E101"):
        pronounce("hello", voice)


@pytest.mark.parametrize(
    ("text", "code"), [("", "E368"), (" .,!\n", "E368"), ("a" * (MAX_LENGTH + 1), "E364")]
)
def test_texts_that_cannot_be_pronounced_are_refused(text: str, code: str) -> None:
    with pytest.raises(DataError, match=code):
        pronounce(text)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phonemes, "_libraries", Memo(1))
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DataError, match="E350") as caught:
        pronounce("hello")
    assert "chainrule[speech]" in str(caught.value)
