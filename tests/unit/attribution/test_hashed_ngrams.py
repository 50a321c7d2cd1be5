"""Attributions of a linear model of n-grams: the weight of each is shared by its tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr

VOCABULARY, BUCKETS, LENGTHS = 9, 64, (1, 2, 3)
TOKENS = np.array([[3, 1, 4, 1, 5, 0], [2, 6, 5, 3, 5, 8], [7, 0, 0, 0, 0, 0]])


def model(is_mixed: bool) -> cr.Model:
    """A sum of the weights of n-grams, beside an embedding if it is mixed."""
    bag = cr.EmbeddingBag(BUCKETS, 1, mode="sum", padding_index=0)
    linear = cr.Sequential(cr.HashedNGrams(VOCABULARY, BUCKETS, lengths=LENGTHS), bag)
    words = cr.EmbeddingBag(VOCABULARY, 1, mode="sum", padding_index=0)
    net = cr.Sequential(cr.Parallel("add", ngrams=linear, words=words)) if is_mixed else linear
    trained = cr.Model(net, "binary_cross_entropy", cr.SGD(0.1), metrics=[])
    trained.fit(TOKENS, np.array([0, 1, 1]), epochs=1, verbose=False, doctor=False, probes=False)
    return trained


def expected(trained: cr.Model, is_mixed: bool) -> np.ndarray:
    """The sum over the n-grams of each token of weight over length."""
    parameters = {path: np.asarray(array) for path, array in trained.parameters().items()}
    weight = next(array for array in parameters.values() if len(array) == BUCKETS)[:, 0]
    numbers = cr.Model(cr.HashedNGrams(VOCABULARY, BUCKETS, lengths=LENGTHS), "mse")
    numbers.initialize(TOKENS)
    index, values, column = np.asarray(numbers(TOKENS)), np.zeros(TOKENS.shape), 0
    for length in LENGTHS:
        for start in range(TOKENS.shape[1] - length + 1):
            own = np.where(index[:, column] > 0, weight[index[:, column]], 0) / length
            values[:, start : start + length] += own[:, None]
            column += 1
    if is_mixed:
        words = next(array for array in parameters.values() if len(array) == VOCABULARY)[:, 0]
        values += np.where(TOKENS > 0, words[TOKENS], 0)
    return values


@pytest.mark.parametrize("is_mixed", [False, True])
@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_x_input", "deep_lift"])
def test_the_weight_of_an_ngram_is_shared_by_its_tokens(method: Any, is_mixed: bool) -> None:
    trained = model(is_mixed)
    result = trained.attribute(TOKENS, method, target=1)
    values = next(iter(result.values.values()))
    np.testing.assert_allclose(values, expected(trained, is_mixed), atol=1e-5)


def test_attributions_of_a_sample_do_not_depend_on_the_others() -> None:
    trained = model(True)
    together = next(iter(trained.attribute(TOKENS, target=1).values.values()))
    alone = next(iter(trained.attribute(TOKENS[1:2], target=1).values.values()))
    np.testing.assert_allclose(together[1:2], alone, atol=1e-6)
