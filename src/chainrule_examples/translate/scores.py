"""Evaluate translations by BLEU and chrF, computed with sacrebleu.

BLEU is the geometric mean of the precisions of n-grams of one to four words, with a penalty for short
translations; in Chinese, words are characters. chrF is an F-score of character n-grams of one to six
characters with recall weighted twice. Both range from 0 to 100 and penalize correct translations that differ
from the reference, so they are compared with those of baselines.

Reference: Papineni, Roukos, Ward and Zhu (2002), BLEU (ACL); Popović (2015), chrF (WMT); Post (2018), A call
for clarity in reporting BLEU scores (WMT).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import chainrule as cr
from chainrule.data.readers.optional_dependency import missing
from chainrule.data.sequences.tokenizer import BEGIN, END, PAD, UNKNOWN
from chainrule.spec import bound
from chainrule_examples.translate.sentence_pairs import Pairs, pair_rows

Score = Callable[[Sequence[str], Sequence[str]], tuple[float, float]]


def bleu_and_chrf() -> Score:
    """A function that computes BLEU and chrF of translations and references.

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

    def score(translations: Sequence[str], references: Sequence[str]) -> tuple[float, float]:
        bleu = sacrebleu.corpus_bleu(list(translations), [list(references)], tokenize="zh")
        return bleu.score, sacrebleu.corpus_chrf(list(translations), [list(references)]).score

    return score


def translate_all(model: cr.Model, texts: Sequence[str], beams: int = 4) -> list[str]:
    """Translate texts in batches of 64.

    Args:
        model: a model trained on ``pair_rows``, with one tokenizer for both languages.
        texts: texts to translate; cut to the input length of the model.
        beams: number of beams.
    """
    assert model.network is not None
    tokenizer, length = model.tokenizers[""], bound(model.network.inputs["source"].shape[1:])[0]
    source = pair_rows(Pairs(tuple(texts), tuple(texts), {}), tokenizer, length)[0]["source"]
    outputs: list[cr.Generated] = []
    for start in range(0, len(source), 64):
        inputs = {"source": source[start : start + 64]}
        options = {"num_beams": beams, "stop": [END], "suppress_tokens": [PAD, UNKNOWN, BEGIN]}
        outputs += cr.generate(model.decoder, [BEGIN], inputs=inputs, **options)
    return [tokenizer.decode(output.tokens) for output in outputs]
