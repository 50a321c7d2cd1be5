"""A lower bound of epsilon from one training: how many canaries can be guessed right.

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
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betainc, gammaln, xlog1py, xlogy

from chainrule.auditing.one_run_result import OneRunResult
from chainrule.validation import out_of_range

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
