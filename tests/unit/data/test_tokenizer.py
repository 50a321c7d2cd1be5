"""Tokenizers: texts are restored, vocabularies are saved as data, unseen tokens become ``<unk>``."""

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
TOKENIZERS = {kind: Tokenizer.learn(TEXTS * 3, kind, 300) for kind in KINDS}
PLAIN = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_vocabulary_and_it_is_saved_as_data(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    assert Tokenizer.learn(TEXTS * 3, kind, 300) == tokenizer
    assert tokenizer.tokens[:4] == SPECIAL
    assert tokenizer.size == len(set(tokenizer.tokens)) <= 300
    back = Tokenizer.from_record(json.loads(json.dumps(tokenizer.to_record())))
    assert back == tokenizer
    for text in [*TEXTS, "a new text, 新的"]:
        assert back.encode(text).tolist() == tokenizer.encode(text).tolist()


@given(PLAIN)
@settings(max_examples=150, deadline=None)
def test_byte_pairs_encode_every_text(text: str) -> None:
    tokenizer = TOKENIZERS["byte_pair"]
    numbers = tokenizer.encode(text)
    assert UNKNOWN not in numbers
    assert ((numbers >= 4) & (numbers < tokenizer.size)).all()
    assert tokenizer.decode(numbers) == unicodedata.normalize("NFC", text)


@given(PLAIN)
@settings(max_examples=100, deadline=None)
def test_unseen_characters_are_unknown_tokens(text: str) -> None:
    tokenizer = TOKENIZERS["character"]
    letters = list(unicodedata.normalize("NFC", text))
    known = {token: i for i, token in enumerate(tokenizer.tokens)}
    assert tokenizer.encode(text).tolist() == [known.get(letter, UNKNOWN) for letter in letters]
    if all(letter in known for letter in letters):
        assert tokenizer.decode(tokenizer.encode(text)) == unicodedata.normalize("NFC", text)


def test_words_are_numbered_by_frequency_then_alphabetically() -> None:
    tokenizer = Tokenizer.learn(["b a b c", "a c d, d"], "word")
    assert tokenizer.tokens[4:] == ("a", "b", "c", "d", ",")
    assert Tokenizer.learn(["b a b c", "a c d"], "word", 6).tokens[4:] == ("a", "b")
    assert tokenizer.decode(tokenizer.encode("a zebra b")) == "a <unk> b"


def test_special_tokens_in_texts_are_not_special() -> None:
    tokenizer = Tokenizer.learn(["<pad> is a word", "<eos>"], "word")
    assert tokenizer.tokens[:4] == SPECIAL
    assert not {PAD, BEGIN, END} & set(tokenizer.encode("<pad> <bos> <eos>").tolist())


def test_begin_and_end_tokens_are_added_and_removed() -> None:
    tokenizer = TOKENIZERS["word"]
    numbers = tokenizer.encode("the cat", ends=True).tolist()
    assert (numbers[0], numbers[-1]) == (BEGIN, END)
    assert tokenizer.decode([*numbers, PAD, PAD]) == "the cat"
    assert [len(n) for n in tokenizer.encode_all(["the cat", "", "the"])] == [2, 0, 1]


def test_lower_ignores_case() -> None:
    tokenizer = Tokenizer.learn(TEXTS, "word", lower=True)
    assert tokenizer.encode("THE Cat").tolist() == tokenizer.encode("the cat").tolist()
    assert not any(token != token.lower() for token in tokenizer.tokens)


@pytest.mark.parametrize("texts", [[], [""], ["  \n", "\t"], ""])
def test_texts_without_a_letter_are_refused(texts: list[str]) -> None:
    for kind in KINDS:
        with pytest.raises(DataError) as caught:
            Tokenizer.learn(texts, kind)
        assert caught.value.code == "E360"


def test_invalid_tokenizer_arguments_are_refused() -> None:
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
        TOKENIZERS["word"].encode(None)  # type: ignore[arg-type]
    with pytest.raises(DataError) as wrong:
        TOKENIZERS["word"].decode([4, 99999, -1])
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
def test_an_invalid_tokenizer_record_is_refused(kind: str, change: dict) -> None:
    with pytest.raises(DataError) as caught:
        Tokenizer.from_record({**TOKENIZERS[kind].to_record(), **change})
    assert caught.value.code == "E362"


def test_a_missing_tokenizer_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError) as caught:
        Tokenizer.learn(["a b"], "word")
    assert caught.value.code == "E350"
