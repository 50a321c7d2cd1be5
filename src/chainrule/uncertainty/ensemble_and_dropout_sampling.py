"""Deep ensembles: how much several networks disagree about a row, and how uncertain each of them is.

The entropy of the mean prediction of S networks has two parts. The mean entropy of each network is what stays
even if all networks agree: the classes overlap, or a label is noise. The rest, the *mutual information*
between prediction and network, is disagreement: rows like this one were rare in the training.

Formula: H(mean_s p_s) = mean_s H(p_s) + I, with H(p) = -sum_k p_k ln p_k and I >= 0.

Example: of two networks one predicts (1, 0), the other (0, 1). The mean is (0.5, 0.5), with the entropy
ln 2 = 0.693; each network has the entropy 0: all of it is disagreement. If both predict (0.5, 0.5), none is.

References: Lakshminarayanan, Pritzel and Blundell (2017), Simple and scalable predictive uncertainty
estimation using deep ensembles, NeurIPS; Depeweg, Hernandez-Lobato, Doshi-Velez and Udluft (2018),
Decomposition of uncertainty in Bayesian deep learning, ICML.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data import Arrays
from chainrule.engines.dispatch import Program
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.graph import Graph, building
from chainrule.nn.build import build
from chainrule.nn.scope import is_at
from chainrule.prng import KEY, fold, key_of
from chainrule.records import frozen
from chainrule.train import single_member
from chainrule.train.evaluation.members import run_members
from chainrule.train.evaluation.prediction import blocks, concatenated, empty_results, predict, predict_proba
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.member_graph import member_columns
from chainrule.train.model_base import StateHolder
from chainrule.train.network import Network
from chainrule.validation import integer, out_of_range, random_seed, trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState
    from chainrule.train.network import Network


@frozen(eq=False)
class Disagreement:
    """The uncertainty of the predictions of several networks, in nats.

    Args:
        mean: (N, K) the mean probabilities, the prediction of the ensemble.
        entropy: (N,) of the mean, from 0 to ln K: the total uncertainty.
        expected_entropy: (N,) the mean entropy of each network.
    """

    mean: np.ndarray
    entropy: np.ndarray
    expected_entropy: np.ndarray

    @property
    def mutual_information(self) -> np.ndarray:
        """(N,) the disagreement: the part of the entropy that no single network has."""
        return np.maximum(0.0, self.entropy - self.expected_entropy)


def disagreement(samples: np.ndarray, weights: np.ndarray | None = None) -> Disagreement:
    """Return the uncertainty of predictions by several networks.

    Args:
        samples: (S, N, K) probabilities, as ``ensemble_samples``, ``Model.member_samples`` and
            ``Model.dropout_samples`` return them.
        weights: (S,) of the networks in the mean, as ``Model.member_weights``; ``None``: all are equal.

    Raises:
        UsageError E102: other than three axes, or not one weight for each network.

    Example:
        >>> result = disagreement(np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]]))
        >>> result.entropy.round(3).tolist(), result.mutual_information.round(3).tolist()
        ([0.693, 0.693], [0.693, 0.0])
    """
    p = np.asarray(samples, np.float64)
    if p.ndim != 3 or not len(p):
        fix = "disagreement(model.member_samples(x))"
        raise out_of_range(p.shape, "samples", "disagreement", fact("probabilities (S, N, K)"), fix=fix)
    if weights is not None and np.shape(weights) != p.shape[:1]:
        value = np.shape(weights)
        fix = "disagreement(samples, model.member_weights)"
        raise out_of_range(value, "weights", "disagreement", fact("{count} numbers", count=len(p)), fix=fix)
    mean = np.average(p, axis=0, weights=weights)
    return Disagreement(mean, _entropy(mean), np.average(_entropy(p), axis=0, weights=weights))


def _entropy(p: np.ndarray) -> np.ndarray:
    """Return the entropy over the last axis, in nats."""
    return -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=-1)


def ensemble_samples(models: Sequence[StateHolder], x: Any) -> np.ndarray:
    """Return the predictions of several models for the same rows, (S, N, K) or (S, N, ...).

    Args:
        models: trained models with the same classes, such as one network trained with several seeds.
        x: rows, as for ``predict``.

    Raises:
        UsageError E102: fewer than two models, or models of other classes. Others as ``Model.predict_proba``.
    """
    states = [model.state for model in models]
    kinds = {(state.task, state.labels) for state in states}
    if len(states) < 2 or len(kinds) != 1:
        value = fact("{count} models, {kinds} kinds", count=len(states), kinds=len(kinds))
        expected = fact("two or more models of the same classes")
        raise out_of_range(value, "models", "ensemble_samples", expected)
    function = predict_proba if states[0].task == "classification" else predict
    parts: list[Any] = [function(state, x) for state in states]
    if any(isinstance(part, dict) for part in parts):
        received = ", ".join(states[0].targets)
        expected = fact("models with one output")
        raise TrainingError(
            "E507", where="ensemble_samples", received=received, expected=expected, fix="model.predict(x)"
        )
    return np.stack(parts)


def has_members(model: ModelState) -> bool:
    """Return whether a network is an ensemble, such as the default one of tables."""
    return model.network is not None and bool(member_columns(model.network))


def member_weights(model: ModelState) -> np.ndarray:
    """Return the weight of each member in the mean; see ``Model.member_weights``."""
    _network_with_members(model, "member_weights")
    return single_member.member_weights(model)


def member_samples(model: ModelState, x: Any) -> np.ndarray:
    """Return the prediction of each member of an ensemble; see ``Model.member_samples``."""
    network = _network_with_members(model, "member_samples")
    ((_, target),) = model.targets.items()
    inputs = encode_rows(model, x, "member_samples").x
    outputs = run_members(network, Arrays(inputs, {}, None), model.arrays)["prediction"]  # (N, S, C)
    samples = np.moveaxis(outputs, 1, 0)  # (S, N, C)
    if target.is_classes:
        return np.stack([target.probabilities(part) for part in samples])
    return samples if model.preparation is None else np.stack([model.preparation.restore(p) for p in samples])


def _network_with_members(model: ModelState, where: str) -> Network:
    """Return the network of an ensemble.

    Raises:
        TrainingError E503: the model is not trained. UsageError E101: it is a single network.
    """
    network = trained_network(model, where)
    if not has_members(model):
        received = fact("a single network")
        fix = "uncertainty.ensemble_samples([model, other], x)"
        raise UsageError(
            "E101", where=where, name="EnsembleMean", expected=fact("an ensemble"), received=received, fix=fix
        )
    return network


def dropout_samples(model: ModelState, x: Any, samples: int = 50, seed: int = 0) -> np.ndarray:
    """Return predictions by random parts of a network, (S, N, ...); see ``Model.dropout_samples``."""
    trained_network(model, "dropout_samples")
    samples = integer(samples, "samples", "dropout_samples", minimum=1, example=50)
    seed = random_seed(seed, "dropout_samples")
    ((name, target),) = model.targets.items()
    encoded = encode_rows(model, x, "dropout_samples", may_be_empty=True)
    model, arrays = encoded.model, encoded.x
    program = _program(encoded.network)
    values = {**model.arrays, **arrays}
    results = []
    for number in range(samples):
        values[KEY] = fold(key_of(seed), number)
        parts = [] if len(next(iter(arrays.values()))) else [empty_results(program)]
        for rows in blocks(program, len(next(iter(arrays.values())))):
            batch = {key: array[rows] if key in arrays else array for key, array in values.items()}
            parts.append(program.run({key: batch[key] for key in program.graph.inputs}))
        predicted = concatenated(parts, name)
        results.append(target.probabilities(predicted) if target.is_classes else predicted)
    return np.stack(results)


def _program(network: Network) -> Program:
    """Return the program of predictions in which only layers that sample random numbers are in training."""
    return network.compiled("dropout samples", lambda: _graph(network))


def _graph(network: Network) -> Graph:
    book = network.training.book
    if book.key is None:
        expected = fact("a layer that is random")
        fix = "cr.Dropout(0.2)"
        raise UsageError(
            "E101", where="dropout_samples", name="Dropout", expected=expected, received=fact("none"), fix=fix
        )
    inner = [path for path in book.layers if not any(other.startswith(f"{path}.") for other in book.layers)]
    fixed = tuple(path for path in inner if not any(is_at(draw, path) for draw in book.draws))
    with building(network.limits, is_extended=True):
        built = build(network.recipe.net, network.inputs, network.recipe.dtype, True, fixed)
        outputs = {name: network.losses[name].prediction(node) for name, node in built.outputs.items()}
    return Graph(outputs)
