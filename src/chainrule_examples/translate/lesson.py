"""Translation: train a small Transformer to translate English to Chinese.

The data are 17,000 menus and messages of LibreOffice with their translations, or those of other programs.
Both languages share a byte-pair vocabulary. No sentence similar to a test sentence occurs in training.

Reference: Vaswani et al. (2017), Attention is all you need (NeurIPS).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import chainrule as cr
from chainrule.data import PAD
from chainrule.inputs import TranslationKind
from chainrule.messages import in_language
from chainrule_examples import Count
from chainrule_examples.score_table import csv_text, save_run
from chainrule_examples.translate.baselines import OPTIONS as OPTIONS
from chainrule_examples.translate.baselines import TEXTS, baseline_translations, bleu, compare
from chainrule_examples.translate.sentence_pairs import Marked, Pairs, pair_rows, read_pairs, split_pairs

LENGTH = 64  # maximum number of tokens of a sentence


class Recipe(NamedTuple):
    """The size of the network and its training."""

    net: dict[str, Any]  # options of ``cr.models.transformer``
    vocabulary: int
    epochs: int
    warmup_steps: int


QUICK = Recipe({"width": 128, "depth": 2, "heads": 4}, 3000, 10, 400)
LONG = Recipe({"width": 256, "depth": 3, "heads": 8, "dropout": 0.2}, 5000, 16, 1000)


def train_model(train: Pairs, validation: Pairs, recipe: Recipe, epochs: int = 0) -> cr.Model:
    """Train a model."""
    tokenizer = cr.Tokenizer.learn([*train.sources, *train.targets], "byte_pair", recipe.vocabulary)
    net = cr.models.transformer(vocabulary_size=tokenizer.size, norm_first=True, **recipe.net)
    adam = cr.Adam(cr.Noam(recipe.net["width"], warmup_steps=recipe.warmup_steps, scale=0.7), beta2=0.98)
    loss = cr.CrossEntropy(ignore_index=PAD, label_smoothing=0.1)
    model = cr.Model(net, loss, adam, metrics=[], tokenizer=tokenizer)
    (x, y), held_out = (pair_rows(pairs, tokenizer, LENGTH) for pairs in (train, validation))
    model.fit(
        x,
        y,
        validation=held_out,
        epochs=epochs or recipe.epochs,
        batch_size=32,
        buckets=8,
        callbacks=[cr.EarlyStopping(patience=3)],
    )
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(
    *,
    lang: str = "en",
    text: str = "Open the file",
    data: str = "",
    long: bool = False,
    epochs: int = 0,
    beams: Count = 4,
    model: str = "",
    out: str = "",
) -> None:
    """Train and evaluate a model, or load it; then translate a sentence."""
    names = in_language(TEXTS, lang)
    if model and Path(model).is_file():
        net = cr.load(model)
    else:
        score, pairs = bleu(), read_pairs(data or None)
        train, validation, test = split_pairs(pairs)
        counts = map(len, (train, validation, test))
        print(names["data"].format(*counts, dropped=pairs.dropped_text(lang)), flush=True)
        net = train_model(train, validation, LONG if long else QUICK, epochs)
        size, epochs = sum(array.size for array in net.parameters().values()), len(net.history)
        print(names["size"].format(size=size, epochs=epochs), flush=True)
        translations = baseline_translations(train, test.sources, net.tokenizers[""])
        (kind := TranslationKind(beams)).attach(net)
        translations["net"] = kind.translate(net, test.sources)  # the only use of the test pairs
        scores = compare(translations, test, score, lang)
        if model:
            net.save(model)
        if out:
            rows = csv_text([("source", "y"), *zip(test.sources, test.targets, strict=True)])
            known = kind.inputs(net, train.sources), kind.inputs(net, validation.sources)
            save_run(out, net, scores, {"test.csv": rows}, known=known)
    marked = Marked.of(text)
    print(f"\n{text}\n{marked.restored(str(net.generate(marked.text, num_beams=beams)))}")


if __name__ == "__main__":
    main()
