"""Audit a training in one run: place canaries, flip their coins, train, and bound epsilon.

Canaries are rows of the data whose label was replaced by a wrong one: a network must fit such a row on its
own to reproduce it, so its loss shows whether it was used. The score of a canary is its fit by the audited
model minus that by a reference model, trained without any canary, so that rows whose wrong label is plausible
anyway are not taken for included ones. The reference does not depend on the coins, so the bound holds.

The coins are from the operating system and are not stored: an auditor who could compute them from a seed
would not have to look at the model.

Reference: Steinke, Nasr and Jagielski (2023), Privacy auditing with one (1) training run, NeurIPS.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.auditing.membership import closeness, fit_statistic
from chainrule.auditing.one_run import bound_by_scores, refuse_claim
from chainrule.auditing.one_run_result import OneRunResult
from chainrule.errors import fact
from chainrule.prng import fold, key_of, permutation, uniform
from chainrule.settings import settings
from chainrule.validation import out_of_range

_STREAM = 0x43414E41  # "CANA"


def random_coins(count: int) -> np.ndarray:
    """Return fair coins from the operating system, (count,) bool."""
    bits = np.frombuffer(secrets.token_bytes((count + 7) // 8), np.uint8)
    return np.unpackbits(bits)[:count].astype(bool)


def wrong_labels(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return for each class index another one that occurs, with equal probabilities.

    Args:
        labels: (n,) class indices, of at least two classes.
        seed: of the choice.
    """
    present, index = np.unique(labels, return_inverse=True)
    shares = uniform(fold(key_of(seed), _STREAM, 1), len(labels))
    step = 1 + np.floor(shares * (len(present) - 1)).astype(np.int64)
    return present[(index + step) % len(present)]


def refuse_canaries(canaries: int, rows: int) -> None:
    """Refuse more canaries than one half of the rows.

    Raises:
        UsageError E102: there are more.
    """
    if canaries > rows // 2:
        expected = fact("at most {count}, one half of the rows", count=rows // 2)
        raise out_of_range(canaries, "canaries", "audit", expected, fix=f"canaries={rows // 2}")


def audit_in_one_run(
    fit: Callable[[Any, np.ndarray], Any],
    x: Any,
    y: np.ndarray,
    *,
    canaries: int = 500,
    delta: float = 0.0,
    claim: float | None = None,
    seed: int = 0,
    lang: str | None = None,
) -> OneRunResult:
    """Return a lower bound of the epsilon of a training.

    Args:
        fit: the training under audit: from samples and class indices to a model with ``predict_proba``. It is
            called twice: without canaries, and with those that the coins include.
        x: (n, ...) samples.
        y: (n,) class indices from 0.
        canaries: the rows that get a wrong label; at most one half.
        delta: of the privacy under test.
        claim: the epsilon that is claimed; ``None``: none.
        seed: of the choice of rows and labels, not of the coins.
        lang: the language of the text.

    Raises:
        UsageError E102: fewer than 20 canaries, or more than one half of the rows; a delta or claim out of
            its range.

    Example:
        >>> from chainrule.model import Model
        >>> from chainrule.nn import Dense, Sequential
        >>> x = np.random.default_rng(0).normal(size=(200, 300)).astype("float32")
        >>> y = (x[:, 0] > 0).astype(int)
        >>> def fit(x, y):
        ...     model = Model(Sequential(Dense(64, "relu"), Dense(2)), "cross_entropy")
        ...     model.fit(x, y, epochs=60, seed=0, verbose=False)
        ...     return model
        >>> audit_in_one_run(fit, x, y, canaries=100).bound > 1
        True
    """
    x, y = np.asarray(x), np.asarray(y)
    refuse_canaries(canaries, len(y))
    refuse_claim(canaries, delta, claim)
    chosen = permutation(fold(key_of(seed), _STREAM), len(y))[:canaries]
    labels = y.copy()
    labels[chosen] = wrong_labels(y[chosen], seed)
    coins = random_coins(len(chosen))
    plain = np.setdiff1d(np.arange(len(y)), chosen)
    fits = []
    for rows in (plain, np.sort(np.concatenate([plain, chosen[coins]]))):
        probabilities = np.asarray(fit(x[rows], labels[rows]).predict_proba(x[chosen]))
        fits.append(closeness(fit_statistic(probabilities, labels[chosen], True), True))
    return bound_by_scores(fits[1] - fits[0], coins, delta=delta, claim=claim, lang=lang or settings.lang)
