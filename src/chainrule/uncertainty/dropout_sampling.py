"""Predictions of a network whose dropout stays active: an approximate sample from a posterior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.engines import compile
from chainrule.engines.dispatch import Program
from chainrule.errors import UsageError, fact
from chainrule.graph import Graph, building
from chainrule.nn.build import build
from chainrule.nn.scope import is_at
from chainrule.prng import KEY, fold, key_of
from chainrule.settings import settings
from chainrule.train.evaluation.prediction import blocks, concatenated, empty_results
from chainrule.train.evaluation.rows import encode_rows
from chainrule.train.network import Network
from chainrule.validation import integer, random_seed, trained_network

if TYPE_CHECKING:
    from chainrule.train.model_state import ModelState


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
    engine = network.engine or settings.engine
    return network.memo(("dropout samples", engine), lambda: _compiled(network, engine))


def _compiled(network: Network, engine: str) -> Program:
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
    return compile(Graph(outputs), engine)
