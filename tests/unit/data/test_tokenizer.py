"""Tokenizers: texts come back, vocabularies are data, the unknown is named."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data.sequences.tokenizer import BEGIN, END, KINDS, PAD, SPECIAL, UNKNOWN, Tokenizer
from chainrule.errors import ChainruleError, DataError, UsageError

TEXTS = ["The cat sat on the mat.", "the dog, the cat!", "猫坐在垫子上。\n狗也来了", "café — naïve"]
MADE = {kind: Tokenizer.learn(TEXTS * 3, kind, 300) for kind in KINDS}
PLAIN = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_vocabulary_and_it_is_saved_as_data(kind: str) -> None:
    made = MADE[kind]
    assert Tokenizer.learn(TEXTS * 3, kind, 300) == made
    assert made.tokens[:4] == SPECIAL
    assert made.size == len(set(made.tokens)) <= 300
    back = Tokenizer.from_record(json.loads(json.dumps(made.to_record())))
    assert back == made
    for text in [*TEXTS, "a new text, 新的"]:
        assert back.encode(text).tolist() == made.encode(text).tolist()


@given(PLAIN)
@settings(max_examples=150, deadline=None)
def test_byte_pairs_know_every_text(text: str) -> None:
    made = MADE["byte_pair"]
    numbers = made.encode(text)
    assert UNKNOWN not in numbers
    assert ((numbers >= 4) & (numbers < made.size)).all()
    assert made.decode(numbers) == unicodedata.normalize("NFC", text)


@given(PLAIN)
@settings(max_examples=100, deadline=None)
def test_characters_have_one_number_each_and_strange_ones_are_unknown(text: str) -> None:
    made = MADE["character"]
    letters = list(unicodedata.normalize("NFC", text))
    known = {token: i for i, token in enumerate(made.tokens)}
    assert made.encode(text).tolist() == [known.get(letter, UNKNOWN) for letter in letters]
    if all(letter in known for letter in letters):
        assert made.decode(made.encode(text)) == unicodedata.normalize("NFC", text)


def test_words_are_numbered_by_frequency_then_letters() -> None:
    made = Tokenizer.learn(["b a b c", "a c d, d"], "word")
    assert made.tokens[4:] == ("a", "b", "c", "d", ",")
    assert Tokenizer.learn(["b a b c", "a c d"], "word", 6).tokens[4:] == ("a", "b")
    assert made.decode(made.encode("a zebra b")) == "a <unk> b"


def test_words_that_look_like_special_tokens_are_none() -> None:
    made = Tokenizer.learn(["<pad> is a word", "<eos>"], "word")
    assert made.tokens[:4] == SPECIAL
    assert not {PAD, BEGIN, END} & set(made.encode("<pad> <bos> <eos>").tolist())


def test_ends_are_put_on_and_taken_off() -> None:
    made = MADE["word"]
    numbers = made.encode("the cat", ends=True).tolist()
    assert (numbers[0], numbers[-1]) == (BEGIN, END)
    assert made.decode([*numbers, PAD, PAD]) == "the cat"
    assert [len(n) for n in made.encode_all(["the cat", "", "the"])] == [2, 0, 1]


def test_capitals_can_be_taken_for_small_letters() -> None:
    made = Tokenizer.learn(TEXTS, "word", lower=True)
    assert made.encode("THE Cat").tolist() == made.encode("the cat").tolist()
    assert not any(token != token.lower() for token in made.tokens)


@pytest.mark.parametrize("texts", [[], [""], ["  \n", "\t"], ""])
def test_texts_without_a_letter_are_refused(texts: list[str]) -> None:
    for kind in KINDS:
        with pytest.raises(DataError) as caught:
            Tokenizer.learn(texts, kind)
        assert caught.value.code == "E360"


def test_bad_settings_and_values_are_named() -> None:
    for arguments, code in (
        ((["a"], "words"), "E101"),
        ((["a"], "byte_pair", 259), "E102"),
        ((["a"], "word", 2.5), "E102"),
        ((["a", 3], "word"), "E113"),
    ):
        with pytest.raises(ChainruleError) as caught:
            Tokenizer.learn(*arguments)
        assert caught.value.code == code
    with pytest.raises(UsageError, match="E113"):
        MADE["word"].encode(None)  # type: ignore[arg-type]
    with pytest.raises(DataError) as wrong:
        MADE["word"].decode([4, 99999, -1])
    assert wrong.value.code == "E361"
    assert "position 1" in str(wrong.value)
    assert "2 such numbers" in str(wrong.value)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "pickle"},
        {"lower": 1},
        {"tokens": ["a", "b"]},
        {"tokens": [*SPECIAL, "a", "a"]},
        {"tokens": [*SPECIAL, 7]},
        {"tokens": {}},
        {"merges": [["a", "zz"]]},
        {"merges": [["a"]]},
        {"merges": "ab"},
        {"extra": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["word", "byte_pair"])
def test_a_forged_record_is_refused(kind: str, change: dict) -> None:
    with pytest.raises(DataError) as caught:
        Tokenizer.from_record({**MADE[kind].to_record(), **change})
    assert caught.value.code == "E362"


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError) as caught:
        Tokenizer.learn(["a b"], "word")
    assert caught.value.code == "E350"
