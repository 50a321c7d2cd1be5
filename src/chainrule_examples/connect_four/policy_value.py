"""The network of the example connect-four: for a position the probabilities of the moves, and a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.errors import UsageError, fact
from chainrule_examples.connect_four.rules import COLUMNS, PLANES, ROWS
from chainrule_examples.connect_four.tree_search import Evaluate
from chainrule_examples.score_table import MODEL


def policy_value_network(channels: int, blocks: int) -> cr.Layer:
    """Residual network: planes (B, 6, 7, 4) -> policy, scores (B, 7), and value (B, 1) of -1 ... 1.

    Args:
        channels: of each 3 x 3 convolution.
        blocks: number of residual blocks of two convolutions.
    """

    def pair() -> cr.Layer:
        return cr.Sequential(
            cr.Conv(channels, 3, padding="same", activation="relu"), cr.Conv(channels, 3, padding="same")
        )

    first = cr.Conv(channels, 3, padding="same", activation="relu")
    body = [cr.Residual(pair(), activation="relu") for _ in range(blocks)]
    policy = cr.Sequential(cr.Conv(16, 1, activation="relu"), cr.Flatten(), cr.Dense(COLUMNS))
    value = cr.Sequential(
        cr.Conv(8, 1, activation="relu"), cr.Flatten(), cr.Dense(32, "relu"), cr.Dense(1, "tanh")
    )
    return cr.Sequential(first, *body, cr.Parallel("none", policy=policy, value=value))


def evaluator(network: Callable[[np.ndarray], Any]) -> Evaluate:
    """What a search takes: scores of the moves and values of positions.

    Args:
        network: a trainer or a model of ``policy_value_network``.
    """

    def evaluate(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = network(planes)
        return outputs["policy"], outputs["value"][:, 0]

    return evaluate


def saved_model(net: cr.Layer, parameters: cr.Parameters) -> cr.Model:
    """A model that predicts the column to play, 1 to 7, and the value of a position.

    Args:
        net: of ``policy_value_network``.
        parameters: the trained parameters; they are copied.
    """
    model = cr.Model(net, {"policy": "cross_entropy", "value": "mse"})
    planes = np.zeros((COLUMNS, ROWS, COLUMNS, PLANES), np.float32)
    example = {"policy": np.arange(COLUMNS) + 1, "value": np.zeros((COLUMNS, 1), np.float32)}
    model.trainer(planes, example, parameters=parameters).commit()
    model.adopt(replace(model.state, facts={}))  # of no training: this trainer makes no step
    return model


def load_network(run: str) -> cr.Model:
    """The model of a RUN that this example wrote.

    Raises:
        FileError: no such folder or model. UsageError E102: the model is another one.
    """
    model = cr.load(Path(run, MODEL) if Path(run).is_dir() else run)
    inputs = {} if model.state.network is None else model.state.network.inputs
    shapes = [spec.shape[1:] for spec in inputs.values()]
    if shapes != [(ROWS, COLUMNS, PLANES)] or set(model.state.targets) != {"policy", "value"}:
        where = "chainrule example connect-four"
        expected = fact("a network that this example saved")
        fix = "chainrule example connect-four --out runs/connect-four"
        raise UsageError("E102", where=where, name="--run", expected=expected, received=run, fix=fix)
    return model
