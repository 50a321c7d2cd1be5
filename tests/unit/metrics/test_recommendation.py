"""nDCG and recall of suggestions against scikit-learn and a direct count, for any scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from chainrule.metrics.recommendation import ndcg_and_recall, top_items

CASES = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(deadline=None)
@given(CASES, st.integers(1, 8))
def test_ndcg_is_that_of_scikit_learn_without_seen_items(draw: np.random.Generator, k: int) -> None:
    scores = draw.permuted(np.tile(np.arange(7.0), (4, 1)), axis=1)  # no ties
    relevant = draw.random((4, 7)) < 0.4
    relevant[:, 0] = True
    ndcg, recall = ndcg_and_recall(scores, np.zeros((4, 7), bool), relevant, k)
    assert ndcg == pytest.approx(ndcg_score(relevant, scores, k=k))
    top = np.argsort(-scores, axis=1)[:, :k]
    assert recall == pytest.approx(np.mean([relevant[u, top[u]].sum() / relevant[u].sum() for u in range(4)]))


@settings(deadline=None)
@given(CASES, st.integers(1, 9))
def test_seen_items_are_neither_suggested_nor_counted(draw: np.random.Generator, k: int) -> None:
    scores, seen = draw.normal(size=(5, 8)), draw.random((5, 8)) < 0.5
    relevant = draw.random((5, 8)) < 0.5
    top = top_items(scores, seen, k)
    for user in range(5):
        own = top[user][top[user] >= 0]
        assert not seen[user, own].any()
        assert len(own) == min(k, (~seen[user]).sum())
        assert (np.diff(scores[user, own]) <= 0).all()
    unseen = ndcg_and_recall(scores, seen, relevant & ~seen, k)
    np.testing.assert_equal(ndcg_and_recall(scores, seen, relevant, k), unseen)


def test_perfect_suggestions_have_the_score_one_and_no_relevant_item_none() -> None:
    relevant = np.array([[1, 0, 1], [0, 0, 0]], bool)
    assert ndcg_and_recall(relevant * 1.0, np.zeros((2, 3), bool), relevant, 2) == (1.0, 1.0)
    assert np.isnan(ndcg_and_recall(np.ones((1, 3)), np.zeros((1, 3), bool), np.zeros((1, 3), bool))).all()
