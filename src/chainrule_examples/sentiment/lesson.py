"""Sentiment: an ensemble over characters decides whether a Chinese review is positive.

Filters of the convolutional members look for two, three and four characters; the strongest response of each
counts. One member is linear: it adds a weight for each sequence of one to four characters.
Reference: Kim (2014), Convolutional neural networks for sentence classification (EMNLP).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import chainrule as cr
from chainrule.messages import in_language
from chainrule.metrics import mean_score
from chainrule_examples import Count
from chainrule_examples.score_table import Score, credit_line, csv_text, print_scores, save_run
from chainrule_examples.sentiment.baselines import baseline_scores
from chainrule_examples.sentiment.errors import error_page
from chainrule_examples.sentiment.reviews import OPTIONS as OPTIONS
from chainrule_examples.sentiment.reviews import TEXTS, encode_reviews, read_reviews

NET, HASHES = "convolutional and linear ensemble", 2**18
QUICK, LONG = (1, 64, 5), (4, 64, 6)  # convolutional members, channels, epochs
COLORED = 5  # reviews on the page of errors


def convolutional(size: int, channels: int) -> cr.Layer:
    """A network for texts over a vocabulary of ``size`` characters."""
    characters = cr.Embedding(size, channels, padding_index=0)  # (B, T) -> (B, T, C)
    widths = {f"width{n}": cr.Conv(channels, n, padding="same", activation="relu") for n in (2, 3, 4)}
    last = [cr.GlobalMaxPool(), cr.Dropout(0.5), cr.Dense(1)]  # (B, T, 3 C) -> (B, 3 C) -> (B, 1)
    return cr.Sequential(characters, cr.Dropout(0.3), cr.Parallel("concatenate", **widths), *last)


def linear(size: int) -> cr.Layer:
    """The sum of the weights of all sequences of one to four characters; scaled, so that it learns slowly."""
    weights = cr.EmbeddingBag(HASHES, 1, mode="sum", padding_index=0, weight_initializer="zeros")
    return cr.Sequential(cr.HashedNGrams(size, HASHES, lengths=(1, 2, 3, 4)), weights, cr.Rescaling(0.3))


def train_network(tokenizer: cr.Tokenizer, rows: list[Any], seed: int, epochs: int, long: bool) -> cr.Model:
    """Train an ensemble; each member keeps its best epoch."""
    count, channels, usual_epochs = LONG if long else QUICK
    members = {f"member{i}": convolutional(tokenizer.size, channels) for i in range(count)}
    members["linear"] = linear(tokenizer.size)
    mean = [cr.Reshape((count + 1, 1)), cr.EnsembleMean("sigmoid")]  # (B, K) -> (B, K, 1) -> (B, 1)
    net = cr.Parallel(text=cr.Sequential(cr.Parallel("concatenate", **members), *mean))
    optimizer = cr.AdamW(cr.OneCycle(3e-3))
    model = cr.Model(net, "binary_cross_entropy", optimizer, metrics=["accuracy"], tokenizer=tokenizer)
    model.fit(
        *rows[0],
        validation=rows[1],
        epochs=epochs or usual_epochs,
        batch_size=64,
        buckets=25,
        seed=seed,
        callbacks=[cr.EarlyStopping(patience=4)],
    )
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(
    *, lang: str = "en", data: str = "", long: bool = False, seeds: Count = 3, epochs: int = 0, out: str = ""
) -> None:
    """Train networks and baselines, and evaluate once on the test reviews."""
    names = in_language(TEXTS, lang)
    reviews = read_reviews(data)
    tokenizer, rows = encode_reviews(reviews)
    counts, share = map(len, reviews.texts), (reviews.labels[2] == "pos").mean()
    print(names["data"].format(*counts, positive=share), flush=True)
    models = []
    for seed in range(seeds):
        models.append(model := train_network(tokenizer, rows, seed, epochs, long))
        facts = {"size": sum(a.size for a in model.parameters().values()), "epochs": len(model.history)}
        accuracy = model.evaluate(*rows[1])["accuracy"]
        print(names["done"].format(seed=seed, accuracy=accuracy, **facts), flush=True)
    x, y = rows[2]  # used only here
    right = [mean_score(np.asarray(model.predict(x)) == y, reviews.blocks[2]) for model in models]
    net = Score.on_test_set(NET, [{"accuracy": own} for own in right])
    print_scores(scores := [*baseline_scores(reviews), net], lang, "accuracy")
    print(f"{names['note']}\n{credit_line('sentiment', lang)}")
    if out:
        page = error_page(models[0], x["text"], y, lang, COLORED)
        test = csv_text([["text", "y"], *zip(reviews.texts[2], y.tolist(), strict=True)])
        save_run(
            out, models[0], scores, {"test.csv": test, "errors.html": page}, known=(rows[0][0], rows[1][0])
        )


if __name__ == "__main__":
    main()
