"""Recommendation: which films users will watch next, and how many stars a film without any rating will get.

Data: MovieLens-100k. Network: a variational autoencoder of a user's films; by time, it predicts later films
from earlier ones. Loss: multinomial log-likelihood and divergence. Evaluation: nDCG@10 and recall@10 on a
quarter of each user's ratings. Reference: Liang et al. (2018), Variational autoencoders for collaborative
filtering (WWW).
"""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.messages import in_language
from chainrule.metrics import SampledScore
from chainrule.page import markup_table, result_page, screen
from chainrule_examples import Count
from chainrule_examples.recommend import movielens
from chainrule_examples.recommend.baselines import evaluate, tuned_later_films
from chainrule_examples.recommend.content import print_content_scores
from chainrule_examples.recommend.movielens import OPTIONS as OPTIONS
from chainrule_examples.recommend.movielens import TEXTS
from chainrule_examples.score_table import Score, credit_line, npz, print_scores, save_run, verdict

METHODS = ("popular", "neighbors", "linear", "next", "net")
LATENT, EPOCHS, DROPOUT, DIVERGENCE = 200, (40, 16), (0.7, 0.5), 0.2  # chosen on a fifth of the training rows


def train_network(
    x: np.ndarray, y: np.ndarray, seed: int, epochs: int, dropout: float, width: int
) -> cr.Model:
    """Train the autoencoder to predict the films ``y`` of each row from a random part of the films ``x``."""
    counts = y.sum(axis=1)  # (N,)
    net = cr.Sequential(
        cr.UnitNorm(),
        cr.Dropout(dropout),  # (B, F)
        cr.Dense(2 * width),
        cr.GaussianLatent(weight=DIVERGENCE / float(x.sum(axis=1).mean())),  # -> (B, D)
        cr.Dense(x.shape[1]),  # -> (B, F)
    )
    model = cr.Model(net, cr.SoftCrossEntropy(), cr.AdamW(cr.Cosine(0.004), weight_decay=0.0))
    model.fit(
        x,
        y / counts[:, None],
        sample_weight=counts / counts.mean(),
        epochs=epochs,
        batch_size=64,
        seed=seed,
        probes=False,
    )
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def main(
    *,
    lang: str = "en",
    data: str = "",
    content: bool = False,
    long: bool = False,
    seeds: Count = 3,
    epochs: int = 0,
    out: str = "",
) -> None:
    """Train on both divisions for each seed, print the scores, and save the last network by time."""
    texts = in_language(TEXTS, lang)
    ratings = movielens.read_ratings(data)
    if content:
        print_content_scores(ratings, lang, seeds, epochs, out)
        return
    results, trained = list[list[dict[str, SampledScore]]](), []
    weights = tuned_later_films(ratings, ~movielens.latest_test(ratings))
    for seed in range(seeds):
        for by_time, is_test in enumerate(movielens.divisions(ratings, seed)):
            known, later = ratings.matrix(~is_test), ratings.matrix(is_test)
            rows = movielens.earlier_and_later(ratings, ~is_test) if by_time else (known, known)
            length, width = epochs or EPOCHS[by_time] * (1 + long), LATENT * (1 + long)
            model = train_network(*rows, seed, length, DROPOUT[by_time], width)
            results.append(evaluate(known, later, model, by_time, weights if by_time else None))
            trained.append((known, later, model))
    known, later, model = trained[-1]
    runs = zip(*results, strict=True)  # for each method, those of all seeds and divisions
    scores = [Score.on_test_set(TEXTS[name], own) for name, own in zip(METHODS, runs, strict=True)]
    print_scores(scores, lang, "nDCG@10", test_ratio=1 / 3)  # a quarter of the ratings is the test
    screen.line(verdict(scores, lang, "nDCG@10 by time"))
    header, rows = texts["header"].split(","), movielens.suggestion_rows(ratings, known, model)
    screen.heading(texts["because"])
    screen.table(header, rows, (0,))
    screen.block(f"\n{texts['limits']}\n{credit_line('movielens', lang)}")
    if out:
        sections = [(texts["because"], markup_table(header, rows), texts["limits"])]
        arrays = npz(x=known, y=later / np.maximum(later.sum(axis=1, keepdims=True), 1.0))
        files = {"recommend.html": result_page(texts["title"], lang, sections), "users.npz": arrays}
        save_run(out, movielens.with_titles(model, ratings), scores, files | movielens.title_file(ratings))


if __name__ == "__main__":
    main()
