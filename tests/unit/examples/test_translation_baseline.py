"""Translation baselines: the lexicon aligns words, the memory finds the nearest sentence."""

from __future__ import annotations

import numpy as np

from chainrule.data import Tokenizer
from chainrule_examples.translate.baselines import Lexicon, Memory, baseline_translations
from chainrule_examples.translate.sentence_pairs import Pairs

PAIRS = [("the house", "das Haus"), ("the book", "das Buch"), ("a book", "ein Buch")]
OWN, OTHER = ([text.split() for text in texts] for texts in zip(*PAIRS, strict=True))


def by_hand(iterations: int) -> dict[tuple[str | None, str], float]:
    """t(f | e) of IBM model 1, computed with dictionaries as in the paper."""
    t = {(e, f): 1.0 for own, other in zip(OWN, OTHER, strict=True) for e in [None, *own] for f in other}
    for _ in range(iterations):
        counts = dict.fromkeys(t, 0.0)
        for own, f in ((own, f) for own, other in zip(OWN, OTHER, strict=True) for f in other):
            total = sum(t[e, f] for e in [None, *own])
            for e in [None, *own]:
                counts[e, f] += t[e, f] / total
        sums = {e: sum(count for (own, _), count in counts.items() if own == e) for e, _ in t}
        t = {(e, f): count / sums[e] for (e, f), count in counts.items()}
    return t


def test_the_lexicon_aligns_each_word_with_its_translation() -> None:
    lexicon = Lexicon.learn(OWN, OTHER, longest=1)
    assert lexicon.words == {"the": "das", "house": "Haus", "book": "Buch", "a": "ein"}
    assert lexicon.translate(["a", "house", "the", "unheard", "book"]) == ["ein", "Haus", "das", "Buch"]
    t = by_hand(10)
    for e, f in lexicon.words.items():
        assert t[str(e), str(f)] == max(value for (own, _), value in t.items() if own == e)


def test_the_longest_known_phrase_is_translated_first() -> None:
    own = [["print", "preview"], ["print"], ["preview"], ["close", "print", "preview"]]
    other = [["X"], ["a"], ["b"], ["c", "X"]]
    assert Lexicon.learn(own, other).translate(["print", "preview", "print"]) == ["X", "a"]
    assert Lexicon.learn(own, other).translate(["close", "print", "preview"]) == ["c", "X"]
    assert Lexicon.learn(own, other, longest=1).phrases == {("print",): ("a",), ("preview",): ("b",)}
    assert Lexicon.learn([], []).translate(["print"]) == []


def test_a_word_without_translation_is_left_out() -> None:
    own = [["the", word] for word in "abcdefgh"] + [[word] for word in "abcdefgh"]
    other = [[word.upper()] for word in "abcdefgh"] * 2
    assert Lexicon.learn(own, other).translate(["the", "a"]) == ["A"]
    assert "the" in Lexicon.learn(own, other, min_share=0.0).words


def test_the_memory_returns_the_sentence_of_highest_cosine() -> None:
    rng = np.random.default_rng(0)
    words = [[f"w{i}" for i in rng.zipf(1.5, rng.integers(1, 8)) if i < 40] or ["w1"] for _ in range(60)]
    seen, queries = words[:40], words[40:]
    names = sorted({word for sentence in seen for word in sentence})
    weight = np.log(41 / np.array([sum(name in sentence for sentence in seen) for name in names]))
    a, b = (np.array([[s.count(name) for name in names] for s in part]) * weight for part in (seen, queries))
    a, b = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-300) for v in (a, b))
    cosines = b @ a.T
    nearest = Memory(seen).nearest(queries)
    np.testing.assert_allclose(cosines[np.arange(20), nearest], cosines.max(axis=1), rtol=1e-12)
    assert Memory(seen).nearest([["unheard"]]).tolist() == [0]


def test_baselines_translate_the_source_sentences() -> None:
    train = Pairs(("Open", "Save file", "Save"), ("打开", "保存文件", "保存"), {})
    tokenizer = Tokenizer.learn(train.targets, "character")
    translations = baseline_translations(train, ("Open file", "save"), tokenizer)
    assert translations["copy"] == ["Open file", "save"]
    assert translations["memory"] == ["打开", "保存"]
    assert translations["lexicon"][1] == "保存"
    assert translations["lexicon"][0].startswith("打开")
