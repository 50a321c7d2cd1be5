"""The result of an audit in one training: the bound, whether it refutes a claim, and a page.

A lower bound of epsilon from one training: how many canaries can be guessed right.

Each of m rows, the *canaries*, is used in the training or left out by a coin of its own. An attacker who
sees the model guesses the coins of r canaries and abstains on the others. If the training is
epsilon-differentially private, each guess is right with a probability of at most
q = e^epsilon / (1 + e^epsilon), as if the coins had been passed through randomized response, although one
training decides all of them. v right guesses are therefore improbable for a small epsilon, and the smallest
one that is not rejected is a lower bound.

Formula (with delta): P[at least v of r are right] <= f(v) + 2 m delta max_i (f(v - i) - f(v)) / i, where
f(v) = P[Binomial(r, q) >= v].

Example: 100 guesses, all right. With epsilon = 3, q = 0.953, and f(100) = 0.953^100 = 0.008: rejected at
95 %. epsilon is at least 3.5.

A score guesses that its largest values are included and its smallest excluded. Several r, fixed before, may
be tried if the probability of error is divided among them (Bonferroni).

Reference: Steinke, Nasr and Jagielski (2023), Privacy auditing with one (1) training run, NeurIPS,
theorem 5.2 and algorithm 1.

Audit a training in one run: place canaries, flip their coins, train, and bound epsilon.

Canaries are rows of the data whose label was replaced by a wrong one: a network must fit such a row on its
own to reproduce it, so its loss shows whether it was used. The score of a canary is its fit by the audited
model minus that by a reference model, trained without any canary, so that rows whose wrong label is plausible
anyway are not taken for included ones. The reference does not depend on the coins, so the bound holds.

The coins are from the operating system and are not stored: an auditor who could compute them from a seed
would not have to look at the model.

Reference: Steinke, Nasr and Jagielski (2023), Privacy auditing with one (1) training run, NeurIPS.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import betainc, gammaln, xlog1py, xlogy

from chainrule.auditing.membership import closeness, fit_statistic
from chainrule.errors import fact
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section
from chainrule.page.terminal import text_page
from chainrule.prng import fold, key_of, permutation, uniform
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import LANGUAGES, render
from chainrule.validation import out_of_range

SHOWN = 0.05  # the smallest bound that counts as evidence in the sentence


@frozen
class OneRunResult:
    """A lower bound of the epsilon of differential privacy. Printing it gives text.

    Args:
        bound: epsilon is larger, with the confidence; 0 if nothing is shown.
        guesses, right: the guesses with which the bound was found, and those that were right.
        canaries: the rows that a coin included or left out.
        reachable: the bound that only right guesses would give, the largest that this audit can show.
        delta: of the privacy under test.
        claim: the epsilon that is claimed; ``None``: none.
        confidence: the probability that the bound holds.
        lang: the language of the text.
    """

    bound: float
    guesses: int
    right: int
    canaries: int
    reachable: float
    delta: float = 0.0
    claim: float | None = None
    confidence: float = 0.95
    lang: str = "en"

    @property
    def refutes_claim(self) -> bool:
        """Whether the bound exceeds the claim."""
        return self.claim is not None and self.bound > self.claim

    @property
    def verdict(self) -> str:
        """``"refuted"``, ``"compatible"``, ``"leaks"`` or ``"nothing"``."""
        if self.claim is not None:
            return "refuted" if self.refutes_claim else "compatible"
        return "leaks" if self.bound > SHOWN else "nothing"

    def page(self) -> Page:
        """Return the result as a page."""
        return Page(render("one_run_title", self.lang), self.lang, (self.section(),))

    def section(self) -> Section:
        """Return the result as a section without a title."""
        return Section("", (Items(self.facts()),))

    def facts(self) -> tuple[str, ...]:
        """Return the sentences of the result."""
        lang = self.lang
        counts = {"canaries": self.canaries, "guesses": self.guesses, "right": self.right}
        bounds = {"bound": f"{self.bound:.2f}", "reachable": f"{self.reachable:.2f}"}
        claim = {"claim": "" if self.claim is None else f"{self.claim:g}", "delta": f"{self.delta:g}"}
        words = {**counts, **bounds, **claim, "confidence": f"{100 * self.confidence:.0f} %"}
        bound = "one_run_bound" if self.bound else "one_run_no_bound"
        keys = ("one_run_guesses", bound, f"one_run_{self.verdict}", "one_run_reachable", "one_run_limit")
        return tuple(render(key, lang, **words) for key in keys)

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        return f"<OneRunResult: epsilon > {self.bound:.2f} ({self.verdict}); print it>"

    def to_html(self) -> str:
        """Return one self-contained page in all languages."""
        others = [replace(self, lang=lang).page() for lang in LANGUAGES if lang != self.lang]
        return html_page(self.page(), others=others)

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


CONFIDENCE = 0.95
SHARES = (1.0, 0.5, 0.25, 0.1, 0.05)  # of the canaries that are guessed
LARGEST = 60.0  # epsilon that is not bounded any further
BISECTIONS = 60
MIN_CANARIES = 20


def one_run_p_value(canaries: int, guesses: int, right: int, epsilon: float, delta: float = 0.0) -> float:
    """Return the largest probability of at least this many right guesses in a private training.

    Args:
        canaries: m, each included by a fair coin.
        guesses: r, the canaries that were not abstained on.
        right: v, the right guesses.
        epsilon, delta: of the privacy under test.

    Example:
        >>> round(one_run_p_value(10, 2, 2, 0.0), 4), round(one_run_p_value(10, 2, 2, math.log(3)), 4)
        (0.25, 0.5625)
    """
    q = 1.0 / (1.0 + math.exp(-epsilon))
    if right == 0:
        return 1.0
    tail = float(betainc(right, guesses - right + 1, q))  # f(v)
    if delta == 0.0:
        return min(1.0, tail)
    steps = np.arange(1, right + 1)  # i
    gained = np.cumsum(_binomial(right - steps, guesses, q))  # f(v - i) - f(v)
    return min(1.0, tail + 2.0 * canaries * delta * float((gained / steps).max()))


def _binomial(successes: np.ndarray, trials: int, q: float) -> np.ndarray:
    """Return the probability of each number of successes."""
    failures = trials - successes
    ways = gammaln(trials + 1) - gammaln(successes + 1) - gammaln(failures + 1)
    return np.exp(ways + xlogy(successes, q) + xlog1py(failures, -q))


def epsilon_lower_bound(
    canaries: int, guesses: int, right: int, delta: float = 0.0, confidence: float = CONFIDENCE
) -> float:
    """Return a number that epsilon exceeds with this confidence; 0 if nothing is shown.

    Args:
        canaries, guesses, right, delta: as for ``one_run_p_value``.
        confidence: the probability that the bound is right.

    Example:
        >>> round(epsilon_lower_bound(100, 100, 100), 2), epsilon_lower_bound(100, 100, 50)
        (3.49, 0.0)
    """
    level = 1.0 - confidence
    if one_run_p_value(canaries, guesses, right, 0.0, delta) >= level:
        return 0.0
    low, high = 0.0, LARGEST
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        rejected = one_run_p_value(canaries, guesses, right, middle, delta) < level
        low, high = (middle, high) if rejected else (low, middle)
    return low


def guess(scores: np.ndarray, guesses: int) -> np.ndarray:
    """Return the guessed coins, (m,): 1 included, -1 excluded, 0 abstained.

    Args:
        scores: (m,) larger for canaries that probably were included.
        guesses: one half are the largest scores, one half the smallest.

    Example:
        >>> guess(np.array([3.0, 1.0, 2.0, 0.0]), 2).tolist()
        [1, 0, 0, -1]
    """
    order = np.argsort(scores, kind="stable")
    guessed, excluded = np.zeros(len(scores), np.int64), guesses // 2
    guessed[order[:excluded]] = -1
    guessed[order[len(order) - (guesses - excluded) :]] = 1
    return guessed


def bound_by_scores(
    scores: np.ndarray,
    included: np.ndarray,
    *,
    delta: float = 0.0,
    claim: float | None = None,
    lang: str = "en",
) -> OneRunResult:
    """Return the largest lower bound of epsilon over several numbers of guesses; all hold together.

    Args:
        scores: (m,) larger for canaries that probably were included; computed without the coins.
        included: (m,) the coins.
        delta: of the privacy under test.
        claim: the epsilon that is claimed; ``None``: none.
        lang: the language of the text.

    Raises:
        UsageError E102: fewer than 20 canaries; a delta or claim out of its range.
    """
    scores, included = np.asarray(scores, np.float64), np.asarray(included, bool)
    refuse_claim(len(scores), delta, claim)
    numbers = sorted({max(2, round(share * len(scores))) for share in SHARES})
    confidence = 1.0 - (1.0 - CONFIDENCE) / len(numbers)
    best, reachable = (0.0, numbers[-1], 0), 0.0
    for guesses in numbers:
        guessed = guess(scores, guesses)
        right = int((guessed == np.where(included, 1, -1)).sum())
        bound = epsilon_lower_bound(len(scores), guesses, right, delta, confidence)
        best = max(best, (bound, guesses, right)) if best[2] else (bound, guesses, right)
        reachable = max(reachable, epsilon_lower_bound(len(scores), guesses, guesses, delta, confidence))
    return OneRunResult(best[0], best[1], best[2], len(scores), reachable, delta, claim, CONFIDENCE, lang)


def refuse_claim(canaries: int, delta: float, claim: float | None) -> None:
    """Refuse what cannot be audited.

    Raises:
        UsageError E102: fewer than 20 canaries; a delta or claim out of its range.
    """
    checks = (
        ("canaries", canaries >= MIN_CANARIES, f">= {MIN_CANARIES}", canaries),
        ("delta", _is_number(delta) and 0 <= delta < 1, "0 <= delta < 1", delta),
        ("claim", claim is None or (_is_number(claim) and 0 <= claim < math.inf), ">= 0", claim),
    )
    for name, is_valid, expected, received in checks:
        if not is_valid:
            fix = {"canaries": "canaries=500", "delta": "delta=1e-5", "claim": "claim=3"}[name]
            raise out_of_range(received, name, "audit", expected, fix=fix)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


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
