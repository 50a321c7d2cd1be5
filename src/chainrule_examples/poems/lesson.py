"""Tang poems: train a small GPT on characters and generate poems.

By default, a small network with strong dropout is trained on some 250 poems with early stopping; with
``--data FOLDER``, a larger one on 50,000 (npm's ``chinese-poetry``). Rare characters share one token.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

import chainrule as cr
from chainrule.data import END, PAD, UNKNOWN
from chainrule.messages import in_language
from chainrule_examples.poems.evaluation import compare
from chainrule_examples.poems.poem_corpus import LENGTH, PUNCTUATION, TEXTS, Poem, read_poems, split_poems
from chainrule_examples.poems.poem_corpus import OPTIONS as OPTIONS
from chainrule_examples.score_table import csv_text, save_run


class Recipe(NamedTuple):
    """The size of the network and its training."""

    stack: dict[str, int]
    dropout: float
    epochs: int
    batch: int
    min_count: int  # rarer characters share the token of unknown characters
    fraction: float  # of validation poems, and of test poems


QUICK = Recipe({"width": 96, "depth": 2, "heads": 4}, 0.3, 24, 16, 2, 0.1)
LONG = Recipe({"width": 192, "depth": 4, "heads": 6}, 0.1, 4, 64, 5, 0.05)
NUCLEUS = (cr.Temperature(0.8), cr.TopP(0.9))


def acrostic_of(model: cr.Model, heads: str, seed: int) -> str:
    """Generate a poem whose lines begin with these characters."""
    stop, text = [mark for mark in PUNCTUATION if mark in model.tokenizers[""].tokens], ""
    options = {"stop": stop, "min_new_tokens": 4, "suppress_tokens": [END], "seed": seed, "strategy": NUCLEUS}
    for head in heads:
        text = str(model.generate(text + head, **options))
    return text


def main(
    lang: str = "en",
    data: str = "",
    first: str = "",
    acrostic: str = "",
    epochs: int = 0,
    seed: int = 0,
    out: str = "",
) -> None:
    """Train, evaluate once on the test poems, and generate poems."""
    names, recipe = in_language(TEXTS, lang), LONG if data else QUICK
    poems = split_poems(read_poems(data or None), recipe.fraction, seed)
    parts = [[poem.text for poem in part] for part in poems]
    size = 4 + sum(count >= recipe.min_count for count in Counter("".join(parts[0])).values())
    tokenizer = cr.Tokenizer.learn(parts[0], "character", size)
    tokenizer.encode(first + acrostic, unknown=False)  # refuses unknown characters before the training
    texts = [tokenizer.encode_all(part, ends=True) for part in parts]
    rare = np.mean(np.concatenate(texts[1]) == UNKNOWN)
    print(names["data"].format(*map(len, parts), size=size, rare=rare), flush=True)
    net = cr.models.gpt2("small", size, LENGTH, recipe.dropout, **recipe.stack)
    optimizer, loss = cr.AdamW(cr.OneCycle(2e-3), weight_decay=0.1), cr.CrossEntropy(ignore_index=PAD)
    model = cr.Model(net, loss, optimizer, metrics=[], clip=cr.ClipGlobalNorm(1.0), tokenizer=tokenizer)
    (x, y), *others = (cr.text_rows(part, LENGTH) for part in texts)
    model.fit(
        x,
        y,
        validation=others[0],
        epochs=epochs or recipe.epochs,
        seed=seed,
        batch_size=recipe.batch,
        buckets=13,
        callbacks=[cr.EarlyStopping(patience=5)],
    )
    scores = compare(model, others, texts, names)  # the only use of the test poems
    generated = [*model.generate(first, samples=3, seed=seed, strategy=NUCLEUS)]
    for text in [*generated, acrostic_of(model, acrostic, seed)] if acrostic else generated:
        print("", *Poem("", "", text).lines, sep="\n")
    if out:
        rows = csv_text([["text"], *([text] for text in parts[2])])
        save_run(out, model, scores, {"test.csv": rows})


if __name__ == "__main__":
    main()
