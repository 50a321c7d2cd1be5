"""Baselines of translation: a dictionary learned from the same pairs, and a nearest-neighbor memory.

``Lexicon`` translates word by word. The translation probabilities t(f | e) are estimated from sentence pairs
by IBM model 1: from "the house / das Haus" and "the book / das Buch", *das* is the only word that occurs with
*the* in both, which leaves *Haus* for *house*. The algorithm is expectation maximization and alternates two
steps:

    E step: each word f of a sentence is distributed over the words e of its source, in proportion to t(f |
    e); M step: t(f | e) is the share of the counts of e that were assigned to f.

Short sentences of the training pairs are used as phrases and replaced first, the longest first. ``Memory``
returns the translation of the most similar training sentence.

Reference: Brown, Della Pietra, Della Pietra and Mercer (1993), The mathematics of statistical machine
translation: parameter estimation (Computational Linguistics 19), model 1; Koehn (2010), Statistical machine
translation, chapter 4. Salton and Buckley (1988), Term-weighting approaches in automatic text retrieval.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from chainrule.data import Tokenizer
from chainrule.messages import Texts, in_language
from chainrule.metrics import chrf
from chainrule.optional_dependency import missing
from chainrule_examples import COMMON
from chainrule_examples.score_table import Score, verdict
from chainrule_examples.translate.sentence_pairs import Pairs

OPTIONS: Texts = {
    "text": "sentence to translate",
    "data": "folder with zh_CN/LC_MESSAGES/*.mo at any depth",
    "long": "larger network and longer training",
    "epochs": "maximum number of epochs; 0: chosen for the network",
    "beams": "number of beams; 1: greedy search",
    "model": "model file: loaded if it exists, otherwise written",
    "out": COMMON["out"],
}
TEXTS: Texts = {
    "data": "{0:,} training, {1:,} validation, {2:,} test pairs; dropped: {dropped}",
    "size": "{size:,} parameters, {epochs} epochs; BLEU and chrF of the test sentences",
    "copy": "English text, copied",
    "memory": "translation of the nearest sentence",
    "lexicon": "dictionary and phrases",
    "net": "Transformer",
    "samples": "English | reference | dictionary | Transformer",
}

# BLEU, computed with sacrebleu, and chrF.
#
# BLEU is the geometric mean of the precisions of n-grams of one to four words, with a penalty for short
# translations; in Chinese, words are characters. chrF is an F-score of character n-grams of one to six
# characters with recall weighted twice. Both range from 0 to 100 and penalize correct translations that
# differ from the reference, so they are compared with those of baselines.
#
# Reference: Papineni, Roukos, Ward and Zhu (2002), BLEU (ACL); Popović (2015), chrF (WMT); Post (2018), A
# call for clarity in reporting BLEU scores (WMT).

Metric = Callable[[Sequence[str], Sequence[str]], float]


def bleu() -> Metric:
    """A function that computes BLEU of translations and references.

    Raises:
        DataError E350: sacrebleu is not installed.

    Example:
        >>> round(bleu()(["打开文件夹"], ["打开文件夹"]), 1)
        100.0
    """
    try:
        import sacrebleu  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("translation", "bleu") from cause

    def score(translations: Sequence[str], references: Sequence[str]) -> float:
        return sacrebleu.corpus_bleu(list(translations), [list(references)], tokenize="zh").score

    return score


def compare(translations: Mapping[str, Sequence[str]], test: Pairs, score: Metric, lang: str) -> list[Score]:
    """Print BLEU and chrF of the methods, which one has the best chrF, and samples; return the scores.

    Args:
        translations: of the test sentences, by the name of the method in ``TEXTS``, the network last.
        test: the sentences and their references.
        score: BLEU, as ``bleu`` returns it.
        lang: ``"en"`` or ``"zh"``.
    """
    scores, names = [], in_language(TEXTS, lang)
    for name, texts in translations.items():
        words, own = score(texts, test.targets), chrf(texts, test.targets)
        scores.append(Score(TEXTS[name], {"BLEU": [words], "chrF": [own.value]}, {"chrF": [own]}))
        print(f"  {names[name]}: {words:.1f}, {own.value:.1f}")
    print(verdict(scores, lang, "chrF"), f"\n{names['samples']}", sep="\n")
    columns = test.sources, test.targets, translations["lexicon"], translations["net"]
    lines = list(zip(*columns, strict=True))
    print(*(" | ".join(line) for line in lines[:: -(-len(lines) // 12)]), sep="\n")
    return scores


Words = Sequence[Hashable]
WORD = re.compile(r"\w+|[^\w\s]")
NULL = None  # the empty word e of every sentence, for words f without a source word


@dataclass(frozen=True)
class Lexicon:
    """A word-by-word translator that replaces known phrases first.

    Args:
        words: the most probable translation of each word, if it has one.
        phrases: short training sentences with their translations.
        longest: maximum length of a phrase in words.

    Example:
        >>> pairs = [("the house", "das Haus"), ("the book", "das Buch"), ("a book", "ein Buch")]
        >>> lexicon = Lexicon.learn(*zip(*(map(str.split, pair) for pair in pairs)), longest=1)
        >>> lexicon.translate("a house".split())
        ['ein', 'Haus']
    """

    words: Mapping[Hashable, Hashable]
    phrases: Mapping[tuple[Hashable, ...], tuple[Hashable, ...]]
    longest: int = 4

    @classmethod
    def learn(
        cls,
        sources: Sequence[Words],
        targets: Sequence[Words],
        longest: int = 4,
        iterations: int = 10,
        min_share: float = 0.2,
    ) -> Lexicon:
        """Learn a lexicon from sentences and translations.

        Args:
            sources: sentences as lists of words.
            targets: their translations as lists of words.
            longest: sentences of at most this number of words are phrases.
            iterations: number of iterations of expectation maximization.
            min_share: words e with a smaller share of counts assigned to their best f are not translated:
                Chinese has no word for "the", which would be translated as a full stop.
        """
        phrases = {}
        for source, target in zip(sources, targets, strict=True):
            if 0 < len(source) <= longest:
                phrases.setdefault(tuple(source), tuple(target))
        return cls(_best_translations(sources, targets, iterations, min_share), phrases, longest)

    def translate(self, sentence: Words) -> list[Hashable]:
        """Translate word by word, in the order of the source; unknown words are dropped."""
        translation: list[Hashable] = []
        start = 0
        while start < len(sentence):
            end = next(
                (
                    end
                    for end in range(min(start + self.longest, len(sentence)), start, -1)
                    if tuple(sentence[start:end]) in self.phrases
                ),
                0,
            )
            if end:
                translation += self.phrases[tuple(sentence[start:end])]
            elif sentence[start] in self.words:
                translation.append(self.words[sentence[start]])
            start = end or start + 1
        return translation


def _best_translations(
    sources: Sequence[Words], targets: Sequence[Words], iterations: int, min_share: float
) -> dict[Hashable, Hashable]:
    """For each word e the f with the largest t(f | e), and with the larger count if there are several."""
    own, other = _ids([(NULL,), *sources]), _ids(targets)
    links = _links(
        ([own[w] for w in (NULL, *source)], [other[w] for w in target])
        for source, target in zip(sources, targets, strict=True)
    )
    first, second, position = np.concatenate([np.zeros((3, 0), np.int64), *links], axis=1)
    pairs, link = np.unique(first * len(other) + second, return_inverse=True)  # each pair (e, f) that occurs
    source_of = pairs // max(1, len(other))  # the e of each pair
    t, counts = np.ones(len(pairs)), np.zeros(len(pairs))
    for _ in range(iterations):
        share = t[link]
        share /= np.bincount(position, share)[position]  # the shares of each word f sum to 1
        counts = np.bincount(link, share, len(pairs))
        t = counts / np.bincount(source_of, counts)[source_of]
    words, others = list(own), list(other)
    occurs = Counter(word for source in sources for word in source)
    best = {}
    for i in np.lexsort((counts, t)).tolist():  # the last entry of each e remains
        e = words[source_of[i]]
        if counts[i] >= min_share * occurs[e]:
            best[e] = others[pairs[i] % len(other)]
        else:
            best.pop(e, None)
    best.pop(NULL, None)
    return best


def _ids(sentences: Iterable[Words]) -> dict[Hashable, int]:
    """An id for each word that occurs."""
    return {word: i for i, word in enumerate(dict.fromkeys(w for words in sentences for w in words))}


def _links(sentences: Iterable[tuple[list[int], list[int]]]) -> Iterator[np.ndarray]:
    """All combinations of words e and f of each sentence pair, with the position of f: (3, links)."""
    offset = 0
    for own, other in sentences:
        positions = offset + np.arange(len(other))
        yield np.stack([np.tile(own, len(other)), *(np.repeat(a, len(own)) for a in (other, positions))])
        offset += len(other)


class Memory:
    """Finds the most similar sentence by the cosine similarity of TF-IDF vectors.

    The vector of a sentence contains the count of each word times log((1 + N) / n), for a word that occurs in
    n of the N sentences.

    Args:
        sentences: N sentences as lists of words.

    Example:
        >>> memory = Memory([["open", "the", "file"], ["save", "the", "file"], ["save", "all"]])
        >>> memory.nearest([["save", "this", "file"]]).tolist()
        [1]
    """

    def __init__(self, sentences: Sequence[Words]) -> None:
        self._ids = _ids(sentences)
        counts = self._counts(sentences)
        occurs = np.bincount(counts.indices, minlength=max(1, len(self._ids)))
        self._weights = np.log((1 + len(sentences)) / np.maximum(occurs, 1))
        self._known = self._vectors(counts)

    def nearest(self, sentences: Sequence[Words]) -> np.ndarray:
        """The index (M,) of the most similar sentence for each of M sentences, the first of equal ones."""
        similarity = self._vectors(self._counts(sentences)) @ self._known.T  # (M, W) (W, N) -> (M, N)
        return np.asarray(similarity.argmax(axis=1)).reshape(-1)

    def _counts(self, sentences: Sequence[Words]) -> sparse.csr_array:
        """The counts of known words in each sentence, (M, W)."""
        known = [[self._ids[w] for w in words if w in self._ids] for words in sentences]
        rows = np.repeat(np.arange(len(known)), [len(words) for words in known])
        columns = np.array([w for words in known for w in words], np.int64)
        shape = len(known), max(1, len(self._ids))
        counted = sparse.coo_array((np.ones(len(columns)), (rows, columns)), shape).tocsr()
        counted.sum_duplicates()
        return counted

    def _vectors(self, counts: sparse.csr_array) -> sparse.csr_array:
        """The TF-IDF vectors of sentences, normalized to length 1."""
        weighted = counts.multiply(self._weights).tocsr()
        lengths = np.sqrt(weighted.multiply(weighted).sum(axis=1))
        return weighted.multiply(1 / np.where(lengths > 0, lengths, 1.0)[:, None]).tocsr()


def baseline_translations(train: Pairs, sources: Sequence[str], tokenizer: Tokenizer) -> dict[str, list[str]]:
    """Translations of the baselines.

    Args:
        train: training pairs.
        sources: texts to translate.
        tokenizer: tokenizer of the translations; its tokens are the words of the ``Lexicon``.

    Returns:
        ``"copy"``: the unchanged sources; ``"memory"``: the translation of the nearest sentence;
        ``"lexicon"``: a dictionary with phrases.
    """
    known, queries = ([words_of(text) for text in texts] for texts in (train.sources, sources))
    lexicon = Lexicon.learn(known, [numbers.tolist() for numbers in tokenizer.encode_all(train.targets)])
    translations = (lexicon.translate(words) for words in queries)
    ids = [[token for token in words if isinstance(token, int)] for words in translations]
    return {
        "copy": list(sources),
        "memory": [train.targets[i] for i in Memory(known).nearest(queries)],
        "lexicon": [tokenizer.decode(numbers) for numbers in ids],
    }


def words_of(text: str) -> list[str]:
    """The words and punctuation marks of a sentence, in lower case.

    Example:
        >>> words_of("Open the file...")
        ['open', 'the', 'file', '.', '.', '.']
    """
    return WORD.findall(text.casefold())
