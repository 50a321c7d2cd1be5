"""Attacks on texts: padding, several embeddings, several inputs, and the distances of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.robustness import ATTACKS
from chainrule.robustness.attack_samples import nearest_distance, predicted, problem_of, read_samples
from chainrule.robustness.ball import Ball


def embedding(units: int = 3) -> cr.Layer:
    return cr.Embedding(7, units, padding_index=0)


def hashed() -> cr.Layer:
    bag = cr.EmbeddingBag(64, 2, mode="sum", padding_index=0)
    return cr.Sequential(cr.HashedNGrams(7, 64, lengths=(1, 2)), bag)


def pooled() -> cr.Layer:
    return cr.Sequential(embedding(), cr.GlobalMaxPool(), cr.Dense(2))


def beside_pooled(other: cr.Layer) -> cr.Layer:
    return cr.Sequential(cr.Parallel("concatenate", a=pooled(), b=other), cr.Dense(2))


NETWORKS: dict[str, Callable[[], cr.Layer]] = {
    "mask of the padding": pooled,
    "recurrent": lambda: cr.Sequential(embedding(), cr.GRU(4), cr.Dense(2)),
    "two embeddings": lambda: beside_pooled(cr.Sequential(embedding(2), cr.GlobalAveragePool())),
    "vectors of n-grams": lambda: beside_pooled(hashed()),
}


def texts(rows: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Tokens with padding at the end, and a class that the largest one decides."""
    rng = np.random.default_rng(0)
    x = rng.integers(1, 7, (rows, 6))
    x[np.arange(6)[None] >= rng.integers(2, 7, (rows, 1))] = 0
    return x, np.where(x.max(axis=1) > 5, "high", "low")


@pytest.fixture(params=NETWORKS)
def case(request: pytest.FixtureRequest) -> tuple[cr.Model, dict[str, np.ndarray], np.ndarray]:
    x, y = texts()
    inputs = {"text": x}
    model = cr.Model(cr.Parallel(text=NETWORKS[request.param]()), "cross_entropy", cr.Adam(0.02))
    model.fit(inputs, y, epochs=15, seed=0, verbose=False)
    return model, inputs, y


def test_unchanged_vectors_give_the_prediction_of_the_model(case: Any) -> None:
    model, inputs, y = case
    samples = read_samples(model.state, inputs, y, "attack")
    problem = problem_of(samples, Ball("inf", 0.1))
    probabilities = predicted(samples, problem, problem.x)
    assert probabilities == pytest.approx(model.predict_proba(inputs), abs=1e-6)


@pytest.mark.parametrize("method", ATTACKS)
def test_vectors_are_changed_within_the_radius(method: Any, case: Any) -> None:
    model, inputs, y = case
    result = model.attack(inputs, y, radius=0.8, method=method)
    assert result.is_embedded
    assert (np.abs(result.adversarial.astype(np.float64) - result.x) <= 0.8).all()
    assert result.success.any() or method == "fgsm"
    assert "no attack with real texts" in str(result)


def test_two_inputs_of_texts_are_attacked_together() -> None:
    x, y = texts()
    inputs = {"title": x, "body": x[:, ::-1].copy()}
    net = cr.Sequential(cr.Parallel("concatenate", title=pooled(), body=pooled()), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", cr.Adam(0.02))
    model.fit(inputs, y, epochs=15, seed=0, verbose=False)
    result = model.attack(inputs, y, radius=0.8)
    assert result.adversarial.shape == (40, 2 * 6 * 3)
    assert result.success.any()


def test_vectors_of_padding_cannot_be_used_by_an_attack() -> None:
    """The padding is recognized by the tokens, which stay: a change of its vectors changes nothing."""
    x, y = texts()
    model = cr.Model(pooled(), "cross_entropy", cr.Adam(0.02))
    model.fit(x, y, epochs=5, seed=0, verbose=False)
    problem = problem_of(read_samples(model.state, x, y, "attack"), Ball("inf", 5.0))
    changed = problem.x + 5.0 * (x == 0)[..., None].astype("float32")
    rows = np.arange(len(x))
    assert np.array_equal(problem.logits(changed, rows), problem.logits(problem.x, rows))


def test_the_distance_of_tokens_is_the_median_of_the_nearest_ones() -> None:
    table = np.array([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0], [10.0, 1.0]])
    assert nearest_distance(table, "2") == pytest.approx(np.median([5, 5, 1, 1]))
    assert nearest_distance(table, "inf") == pytest.approx(np.median([4, 4, 1, 1]))
    assert np.isnan(nearest_distance(table[:1], "2"))


def test_the_result_states_the_distance_of_tokens() -> None:
    x, y = texts()
    model = cr.Model(pooled(), "cross_entropy", cr.Adam(0.02))
    model.fit(x, y, epochs=5, seed=0, verbose=False)
    result = model.attack(x, y, radius=0.1, norm="2")
    table = model.parameters()["embedding1.weight"]
    assert result.token_distance == pytest.approx(nearest_distance(table, "2"))
    assert "nearest other one" in str(result)


def test_noise_of_a_sweep_is_in_the_vectors() -> None:
    x, y = texts()
    model = cr.Model(pooled(), "cross_entropy", cr.Adam(0.02))
    model.fit(x, y, epochs=5, seed=0, verbose=False)
    sweep = model.corruption_sweep(x, y)
    assert {point.name for point in sweep.points} == {"token_vectors"}
    assert "embedding vectors" in str(sweep)
