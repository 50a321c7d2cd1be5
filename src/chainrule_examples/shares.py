"""Share prices: tomorrow's variance of the S&P 500, and its direction, of which nothing is to be expected.

Data: daily prices from 1999 to 2018. Network: a linear model of means over a day, a week and a month, plus a
GRU over the last 22 days. Loss: Gaussian negative log-likelihood of the log variance. Evaluation: trained on
days before 2014, chosen on 2014 and 2015, tested on days from 2016 on. No investment advice.
"""

from __future__ import annotations

import numpy as np
from sklearn.pipeline import Pipeline

import chainrule as cr
from chainrule.data import TradingDays
from chainrule.messages import in_language
from chainrule.page import result_page, screen
from chainrule_examples import Count, volatility
from chainrule_examples.score_table import Score, credit_line, npz, print_scores, save_run

OPTIONS, TEXTS = volatility.OPTIONS, volatility.TEXTS
UNITS, EPOCHS = 8, 60  # chosen on 2014 and 2015
METHODS = ("month", "har", "ridge", "net")


def network(outputs: int) -> cr.Layer:
    """A linear model of the means, plus a GRU over the days that starts at 0."""
    days = cr.Sequential(cr.GRU(UNITS), cr.Dense(outputs, weight_initializer="zeros"))  # (B, 22, 3) -> (B, O)
    return cr.Sequential(cr.Parallel("add", har=cr.Dense(outputs), window=days))


def train_variance(train: TradingDays, seed: int, epochs: int) -> cr.Model:
    """Train the network to predict mean and uncertainty of tomorrow's log variance."""
    adam, clip = cr.AdamW(cr.Cosine(0.003), weight_decay=0.03), cr.ClipGlobalNorm(1.0)
    model = cr.Model(network(2), "gaussian_nll", adam, clip=clip)  # a rare day would undo the training
    model.fit(train.inputs, train.target, epochs=epochs, batch_size=64, seed=seed)
    if model.facts["ended"] == "interrupted":
        raise KeyboardInterrupt
    return model


def direction_accuracy(train: TradingDays, test: TradingDays, epochs: int) -> float:
    """How often a network of the same form predicts whether the next day closes higher."""
    model = cr.Model(network(1), "binary_cross_entropy", cr.AdamW(cr.Cosine(0.003), weight_decay=0.03))
    model.fit(train.inputs, (train.change > 0).astype(np.int64), epochs=epochs, batch_size=64)
    return float((np.asarray(model.predict(test.inputs)) == (test.change > 0)).mean())


def log_variances(
    train: TradingDays, days: TradingDays, model: cr.Model, linear: Pipeline
) -> list[np.ndarray]:
    """The predictions of each of METHODS; HAR with leverage is a linear model by least squares."""
    a, b = (np.column_stack([np.ones(len(part.har)), part.har]) for part in (train, days))
    har = b @ np.linalg.lstsq(a, train.target[:, 0], rcond=None)[0]
    net = np.asarray(model.predict(days.inputs)).reshape(-1)
    return [days.har[:, 2], har, linear.predict(volatility.flat(days)), net]


def main(
    *, lang: str = "en", data: str = "", long: bool = False, seeds: Count = 3, epochs: int = 0, out: str = ""
) -> None:
    """Train, print the scores of the variance and the accuracy of the direction, save the last network."""
    texts = in_language(TEXTS, lang)
    (train, test), length = volatility.read_parts(data), epochs or EPOCHS
    target, linear = test.target[:, 0], volatility.tuned_ridge(train)
    models = [train_variance(train, seed, length) for seed in range(10 if long else seeds)]
    runs = []
    for model in models:
        outputs, known = (log_variances(train, part, model, linear) for part in (test, train))
        past = [volatility.smearing_of(own, train.target[:, 0]) for own in known]
        runs.append(
            [volatility.sampled_scores(own, target, add) for own, add in zip(outputs, past, strict=True)]
        )
    model = models[-1]
    outputs, known = (log_variances(train, part, model, linear) for part in (test, train))
    by_method = zip(METHODS, zip(*runs, strict=True), strict=True)
    scores = [Score.on_test_set(TEXTS[name], own) for name, own in by_method]
    print_scores(scores, lang, "R²")
    breaches = volatility.breach_rows(train, test, known, outputs)
    screen.heading(texts["risk"].format(days=len(target)))
    rows = [(texts[name], *row) for name, row in zip(METHODS, breaches, strict=True)]
    screen.table(texts["risk_header"].split(","), rows, (1, 2, 3))
    accuracy, up = direction_accuracy(train, test, length), float((test.change > 0).mean())
    half = 1.96 * np.sqrt(accuracy * (1 - accuracy) / len(target))
    screen.line(texts["direction"].format(a=accuracy, low=accuracy - half, high=accuracy + half, up=up))
    screen.block(f"\n{texts['limits']}")
    if not volatility.is_own(data):
        screen.line(credit_line("shares", lang))
    if out:
        volatility.price_kind(train, known[-1]).attach(model)
        drawing = (texts["chart"], volatility.chart(test, outputs[-1]), texts["legend"])
        page = result_page(texts["own_title" if volatility.is_own(data) else "title"], lang, [drawing])
        save_run(out, model, scores, {"shares.html": page, "test.npz": npz(**test.inputs, y=test.target)})


if __name__ == "__main__":
    main()
