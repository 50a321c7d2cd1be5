"""How good translations are: BLEU and chrF, counted by sacrebleu.

BLEU is how many runs of one to four words a translation shares with the reference, as a geometric mean, and
less for what is too short; a word of Chinese is a character. chrF does the same with runs of one to six
characters, as a mean of precision and recall, the latter counting twice. Both go from 0 to 100, and neither
knows that two different translations can be right; so they are read beside those of rivals.

Reference: Papineni, Roukos, Ward and Zhu (2002), BLEU (ACL); Popović (2015), chrF (WMT); Post (2018), A call
for clarity in reporting BLEU scores (WMT).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import chainrule as cr
from chainrule.apps.examples.sentence_pairs import Pairs, pair_rows
from chainrule.data.readers.optional_dependency import missing
from chainrule.data.sequences.tokenizer import BEGIN, END, PAD, UNKNOWN
from chainrule.spec import bound

Score = Callable[[Sequence[str], Sequence[str]], tuple[float, float]]


def bleu_and_chrf() -> Score:
    """What gives BLEU and chrF of translations and their references.

    Raises:
        DataError E350: sacrebleu is not installed.

    Example:
        >>> score = bleu_and_chrf()
        >>> [round(value, 1) for value in score(["打开文件夹"], ["打开文件夹"])]
        [100.0, 100.0]
    """
    try:
        import sacrebleu  # noqa: PLC0415 an optional library
    except ImportError as cause:
        raise missing("translation", "bleu_and_chrf") from cause

    def score(said: Sequence[str], right: Sequence[str]) -> tuple[float, float]:
        bleu = sacrebleu.corpus_bleu(list(said), [list(right)], tokenize="zh")
        return bleu.score, sacrebleu.corpus_chrf(list(said), [list(right)]).score

    return score


def translated(model: cr.Model, texts: Sequence[str], beams: int = 4) -> list[str]:
    """What a model makes of many texts, 64 side by side.

    Args:
        model: learned from ``pair_rows``, with one tokenizer for both languages.
        texts: what is translated; cut to what the model reads.
        beams: how many translations of each are kept in view.
    """
    assert model.network is not None
    tokenizer, length = model.tokenizers[""], bound(model.network.inputs["source"].shape[1:])[0]
    source = pair_rows(Pairs(tuple(texts), tuple(texts), {}), tokenizer, length)[0]["source"]
    found: list[cr.Generated] = []
    for start in range(0, len(source), 64):
        read = {"source": source[start : start + 64]}
        options = {"num_beams": beams, "stop": [END], "suppress_tokens": [PAD, UNKNOWN, BEGIN]}
        found += cr.generate(model.decoder, [BEGIN], inputs=read, **options)
    return [tokenizer.decode(each.tokens) for each in found]
