"""Losses of a network and of n-gram models on poems."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

import chainrule as cr
from chainrule_examples.ngram import NGram, best_order
from chainrule_examples.score_table import Score

METHODS = "GPT", "n-gram model", "single characters"


def compare(
    model: cr.Model,
    others: Sequence[tuple[np.ndarray, np.ndarray]],
    texts: Sequence[Sequence[np.ndarray]],
    names: Mapping[str, str],
) -> list[Score]:
    """Print the losses on validation and test poems; return those on the test poems.

    Args:
        model: trained on the first part.
        others: the rows of the other two parts.
        texts: the tokens of the poems of all parts.
        names: the texts of the example in its language.
    """
    size, targets = model.tokenizers[""].size, [[text[1:] for text in part] for part in texts]
    models = best_order(targets[0], targets[1], size), NGram(targets[0], 1, size)
    parameters = sum(array.size for array in model.parameters().values())
    losses = {
        names["gpt"].format(size=parameters, epochs=len(model.history)): [
            model.evaluate(*part)["loss"] for part in others
        ]
    }
    for name, counts in zip(("ngram", "unigram"), models, strict=True):
        losses[names[name].format(order=counts.order)] = [counts.loss(part) for part in targets[1:]]
    print(names["head"])
    for name, own in losses.items():
        print(f"  {name}: " + ", ".join(f"{nats:.3f} ({math.exp(nats):.0f})" for nats in own))
    pairs = zip(METHODS, losses.values(), strict=True)
    return [Score(name, {"log-loss": [own[1]], "perplexity": [math.exp(own[1])]}) for name, own in pairs]
