"""The n-gram model: probabilities sum to one, and small cases agree with a computation by hand."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.data.sequences.tokenizer import BEGIN, END
from chainrule_examples.ngram import NGram, best_order, grams_of

SIZE = 9


def texts(seed: int, count: int = 60) -> list[np.ndarray]:
    """Texts that contain every token but two, each ending in END."""
    rng = np.random.default_rng(seed)
    own = [1, *range(4, SIZE)]
    return [np.append(rng.choice(own, rng.integers(1, 9)), END) for _ in range(count)]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_sum_to_one_after_any_history(order: int) -> None:
    model = NGram(texts(0), order, SIZE)
    possible = np.array([1, *range(3, SIZE)])
    seen = grams_of(texts(0)[:5], order)[:, :-1]
    strange = np.random.default_rng(1).choice(possible, (20, order - 1))
    for history in [*seen, *strange, np.full(order - 1, BEGIN)]:
        rows = np.column_stack([np.tile(history, (len(possible), 1)), possible])
        assert model.probabilities(rows.astype(np.int64)).sum() == pytest.approx(1, abs=1e-12)


def test_unigram_probabilities_are_ordered_by_count() -> None:
    """5 occurs 6 times, 4 three times, END twice: n1 = 0, so the discounts are those of their formulas."""
    model = NGram([np.array([5, 5, 5, 4, END]), np.array([5, 5, 5, 4, 4, END])], 1, SIZE)
    p = model.probabilities(np.array([[5], [4], [END]]))
    assert p.sum() == pytest.approx(1)
    assert p[0] > p[1] > p[2]


def test_kneser_ney_counts_distinct_predecessors() -> None:
    """6 occurs often, but only after 5; 7 occurs as often, after four different tokens."""
    training = [np.array([5, 6, END])] * 4 + [np.array([before, 7, END]) for before in (1, 4, 7, 8)]
    model = NGram(training, 2, SIZE)
    rows = np.array([[6, 7], [6, 6]])  # after 6 came neither
    kinds, times = model.probabilities(rows)
    assert kinds > 2 * times


def test_the_first_token_has_its_own_distribution() -> None:
    training = [np.array([5, 4, 4, 4, END])] * 20 + [np.array([6, 5, END])]
    model = NGram(training, 3, SIZE)
    assert model.probabilities(np.array([[BEGIN, BEGIN, 5]]))[0] > 0.8


def test_the_loss_is_the_mean_negative_log_probability() -> None:
    model = NGram(texts(0), 2, SIZE)
    own = texts(3, 7)
    p = model.probabilities(grams_of(own, 2))
    assert model.loss(own) == pytest.approx(-np.log(p).mean())
    assert len(p) == sum(len(text) for text in own)


def test_the_order_is_chosen_by_validation() -> None:
    rng = np.random.default_rng(5)

    def walk() -> np.ndarray:
        """A text in which each token depends on the previous one."""
        text = [int(rng.integers(4, SIZE))]
        for _ in range(12):
            text.append((text[-1] - 4 + int(rng.integers(1, 3))) % (SIZE - 4) + 4)
        return np.array([*text, END])

    training, validation = [walk() for _ in range(80)], [walk() for _ in range(30)]
    best = best_order(training, validation, SIZE)
    assert best.order >= 2
    assert best.loss(validation) < NGram(training, 1, SIZE).loss(validation) - 0.5
