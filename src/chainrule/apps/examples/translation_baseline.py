"""What a translation is measured against: a dictionary that was learned from the same pairs, and a memory.

A net that translates has to beat what needs no net. ``Lexicon`` puts word for word: which word of the one
language goes with which of the other is found by IBM's first model, from nothing but pairs of sentences.
Nobody says which word belongs to which; but of "the house / das Haus" and "the book / das Buch" only *das*
goes with *the* in both, and once that is believed, *house* is left for *Haus*. So the belief t(f | e), how
likely e is said as f, is bettered by turns:

    each word f of a sentence is shared out among the words e beside it, in proportion to t(f | e);
    t(f | e) becomes the share of e's that went to f.

Whole sentences that were seen are looked up as they are, the longest first, since much of what programs say
is a few words in a new order. ``Memory`` does without words altogether: it answers with the translation of
the nearest sentence it has seen.

Reference: Brown, Della Pietra, Della Pietra and Mercer (1993), The mathematics of statistical machine
translation: parameter estimation (Computational Linguistics 19), model 1; Koehn (2010), Statistical machine
translation, chapter 4. Salton and Buckley (1988), Term-weighting approaches in automatic text retrieval.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from scipy import sparse

from chainrule.apps.examples.sentence_pairs import Pairs
from chainrule.data import Tokenizer
from chainrule.records import frozen

Words = Sequence[Hashable]
WORD = re.compile(r"\w+|[^\w\s]")
NOTHING = None  # the word e that every sentence has, for words of the other language that stand for none


@frozen
class Lexicon:
    """Translates word for word, known phrases first.

    Args:
        words: for each word the likeliest one of the other language, if it is said at all.
        phrases: whole sentences that were seen, with their translations.
        longest: of a phrase, in words.

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
        turns: int = 10,
        least: float = 0.2,
    ) -> Lexicon:
        """A lexicon from sentences and their translations.

        Args:
            sources: the sentences, cut into words.
            targets: the translation of each, cut into words.
            longest: sentences of at most so many words are phrases too.
            turns: how often t(f | e) is bettered.
            least: a word of which a smaller share than this went to its f is not translated: Chinese has
                nothing for "the", and what stands beside it most often is the full stop.
        """
        phrases = {}
        for source, target in zip(sources, targets, strict=True):
            if 0 < len(source) <= longest:
                phrases.setdefault(tuple(source), tuple(target))
        return cls(_best(sources, targets, turns, least), phrases, longest)

    def translate(self, sentence: Words) -> list[Hashable]:
        """The words of the other language, in the order of this one; what is not known is left out."""
        found: list[Hashable] = []
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
                found += self.phrases[tuple(sentence[start:end])]
            elif sentence[start] in self.words:
                found.append(self.words[sentence[start]])
            start = end or start + 1
        return found


def _best(
    sources: Sequence[Words], targets: Sequence[Words], turns: int, least: float
) -> dict[Hashable, Hashable]:
    """For each word e the f with the largest t(f | e), of equal ones the one to which more of e went."""
    own, other = _numbers([(NOTHING,), *sources]), _numbers(targets)
    links = _links(
        ([own[w] for w in (NOTHING, *source)], [other[w] for w in target])
        for source, target in zip(sources, targets, strict=True)
    )
    first, second, place = np.concatenate([np.zeros((3, 0), np.int64), *links], axis=1)
    pairs, link = np.unique(first * len(other) + second, return_inverse=True)  # each (e, f) that meet, once
    of = pairs // max(1, len(other))  # the e of each
    t, went = np.ones(len(pairs)), np.zeros(len(pairs))
    for _ in range(turns):
        share = t[link]
        share /= np.bincount(place, share)[place]  # the word at each place is shared out whole
        went = np.bincount(link, share, len(pairs))
        t = went / np.bincount(of, went)[of]
    words, others = list(own), list(other)
    occurs = Counter(word for source in sources for word in source)
    best = {}
    for i in np.lexsort((went, t)).tolist():  # the last one of each e stays
        e = words[of[i]]
        if went[i] >= least * occurs[e]:
            best[e] = others[pairs[i] % len(other)]
        else:
            best.pop(e, None)
    best.pop(NOTHING, None)
    return best


def _numbers(sentences: Iterable[Words]) -> dict[Hashable, int]:
    """A number for each word that occurs."""
    return {word: i for i, word in enumerate(dict.fromkeys(w for words in sentences for w in words))}


def _links(sentences: Iterable[tuple[list[int], list[int]]]) -> Iterator[np.ndarray]:
    """Every word e beside every word f of each pair of sentences, and at which place f is: (3, links)."""
    before = 0
    for own, other in sentences:
        places = before + np.arange(len(other))
        yield np.stack([np.tile(own, len(other)), *(np.repeat(a, len(own)) for a in (other, places))])
        before += len(other)


class Memory:
    """Finds the nearest of the sentences it has seen: whose words, the rare ones above all, are the same.

    Sentences are compared by the cosine of the angle between their vectors: for each word how often it
    occurs, times log(N / n) for a word that n of the N sentences have.

    Args:
        sentences: cut into words, N of them.

    Example:
        >>> memory = Memory([["open", "the", "file"], ["save", "the", "file"], ["save", "all"]])
        >>> memory.nearest([["save", "this", "file"]]).tolist()
        [1]
    """

    def __init__(self, sentences: Sequence[Words]) -> None:
        self._numbers = _numbers(sentences)
        counts = self._counts(sentences)
        occurs = np.bincount(counts.indices, minlength=max(1, len(self._numbers)))
        self._weights = np.log((1 + len(sentences)) / np.maximum(occurs, 1))
        self._seen = self._vectors(counts)

    def nearest(self, sentences: Sequence[Words]) -> np.ndarray:
        """The number of the nearest sentence for each of these, of equal ones the first: (M,)."""
        found = self._vectors(self._counts(sentences)) @ self._seen.T  # (M, W) (W, N) -> (M, N)
        return np.asarray(found.argmax(axis=1)).reshape(-1)

    def _counts(self, sentences: Sequence[Words]) -> sparse.csr_array:
        """How often each sentence has each word that is known: (M, W)."""
        known = [[self._numbers[w] for w in words if w in self._numbers] for words in sentences]
        rows = np.repeat(np.arange(len(known)), [len(words) for words in known])
        columns = np.array([w for words in known for w in words], np.int64)
        shape = len(known), max(1, len(self._numbers))
        counted = sparse.coo_array((np.ones(len(columns)), (rows, columns)), shape).tocsr()
        counted.sum_duplicates()
        return counted

    def _vectors(self, counts: sparse.csr_array) -> sparse.csr_array:
        """The vectors of sentences, each of length 1."""
        weighed = counts.multiply(self._weights).tocsr()
        lengths = np.sqrt(weighed.multiply(weighed).sum(axis=1))
        return weighed.multiply(1 / np.where(lengths > 0, lengths, 1.0)[:, None]).tocsr()


def rivals(train: Pairs, sources: Sequence[str], tokenizer: Tokenizer) -> dict[str, list[str]]:
    """Translations without a net, for a net to be measured against.

    Args:
        train: what may be learned from.
        sources: what is translated.
        tokenizer: of the translations; its tokens are the words of a ``Lexicon``.

    Returns:
        ``"copy"``: the sources as they are; ``"memory"``: the translation of the nearest sentence;
        ``"lexicon"``: a dictionary with phrases.
    """
    seen, asked = ([words_of(text) for text in texts] for texts in (train.sources, sources))
    lexicon = Lexicon.learn(seen, [numbers.tolist() for numbers in tokenizer.encode_all(train.targets)])
    said = [[number for number in lexicon.translate(words) if isinstance(number, int)] for words in asked]
    return {
        "copy": list(sources),
        "memory": [train.targets[i] for i in Memory(seen).nearest(asked)],
        "lexicon": [tokenizer.decode(numbers) for numbers in said],
    }


def words_of(text: str) -> list[str]:
    """The words of a sentence and its punctuation marks, in small letters.

    Example:
        >>> words_of("Open the file...")
        ['open', 'the', 'file', '.', '.', '.']
    """
    return WORD.findall(text.casefold())
