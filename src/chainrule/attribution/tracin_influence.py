"""Influence of training samples on the prediction of other samples (TracIn).

A gradient step on a training sample changes the loss of another sample, to first order, by minus the learning
rate times the dot product of the two gradients. Summed over checkpoints of the training, this is the
influence of a training sample: positive for *proponents*, which reduced the loss, negative for *opponents*,
which increased it.

With ``layer="last"`` only the last dense layer is used. For one sample, its gradient is the outer product of
the cotangent d of its output and its input a; the dot product is therefore (d . d') (a . a' + 1), and all
pairs need only two matrix products. With ``layer="all"`` the gradients of all weights are computed sample by
sample.

Reference: Pruthi, Liu, Kale and Sundararajan (2020), Estimating training data influence by tracing gradient
    descent (NeurIPS).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.attribution.score import run
from chainrule.engines import compile
from chainrule.errors import TrainingError, UsageError, fact
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, order
from chainrule.memoization import cached_property
from chainrule.notation import number
from chainrule.ops import functional as F
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.texts import render
from chainrule.train.checkpoint import model_file
from chainrule.train.evaluation.rows import NetworkRows
from chainrule.train.inputs.input_check import require_fit
from chainrule.train.model_base import StateHolder
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.private.privacy import PRIVACY
from chainrule.train.private.refusals import private_only
from chainrule.validation import choice, language, out_of_range

MAX_LISTED = 5  # proponents and opponents listed per sample
LAYERS = ("last", "all")
Arrays = Mapping[str, np.ndarray]


@frozen(eq=False)
class Influence:
    """The influence of each training sample on the loss of other samples. Printing it gives text.

    Args:
        values: (n, N) the influence of training sample j on sample i; positive if it reduced the loss.
        layer: ``"last"`` or ``"all"``.
        checkpoints: the number of checkpoints used.
        lang: the language of the text.
    """

    values: np.ndarray
    layer: str
    checkpoints: int
    lang: str = "en"

    def proponents(self, sample: int = 0, count: int = MAX_LISTED) -> list[int]:
        """Return the training samples that reduced the loss, the strongest first."""
        row = self.values[sample]
        return [int(i) for i in np.argsort(-row, kind="stable")[:count] if row[i] > 0]

    def opponents(self, sample: int = 0, count: int = MAX_LISTED) -> list[int]:
        """Return the training samples that increased the loss, the strongest first."""
        row = self.values[sample]
        return [int(i) for i in np.argsort(row, kind="stable")[:count] if row[i] < 0]

    def page(self) -> Page:
        """Return the result as a page."""
        facts = (
            render(f"influence_{self.layer}", self.lang),
            render("influence_at", self.lang, count=self.checkpoints),
        )
        head = tuple(render(f"influence_{key}", self.lang) for key in ("side", "row", "value"))
        sections = [Section("", (Items(facts),))]
        for i, row in enumerate(self.values[:MAX_LISTED]):
            sides = ("helped", self.proponents(i)), ("hurt", self.opponents(i))
            lines = tuple(
                (render(f"influence_{side}", self.lang), str(j), number(float(row[j])))
                for side, training_rows in sides
                for j in training_rows
            )
            sections.append(
                Section(render("influence_sample", self.lang, i=i), (Table(head, lines, (1, 2)),))
            )
        return Page(render("influence_title", self.lang), self.lang, tuple(sections))

    def __str__(self) -> str:
        return text_page(self.page())

    def __repr__(self) -> str:
        n, rows = self.values.shape
        return f"<Influence of {rows} training samples on {n} samples; print it>"

    def _repr_html_(self) -> str:
        return html_page(self.page(), standalone=False)


@frozen(eq=False)
class SampleGradients:
    """Gradients of the losses of single samples.

    Args:
        network: the network and its loss.
        layer: the layers whose weights are used, ``"last"`` or ``"all"``.
    """

    network: Network
    layer: str

    @cached_property
    def loss(self) -> Node:
        return F.sum(self.network.sample_loss(self.network.inference))

    def dot_products(self, arrays: Arrays, rows: Arrays, others: Arrays) -> np.ndarray:
        """Return (n, N) the dot products of the gradients of two sets of samples."""
        if self.layer == "all":
            return self._all_gradients(arrays, rows) @ self._all_gradients(arrays, others).T
        (inputs, cotangents), (other_inputs, other_cotangents) = (
            self._last_layer(arrays, rows),
            self._last_layer(arrays, others),
        )
        if inputs.shape[1] == 1:
            input_products = inputs[:, 0] @ other_inputs[:, 0].T + self._has_bias
            return (cotangents[:, 0] @ other_cotangents[:, 0].T) * input_products
        return (
            self._outer_products(inputs, cotangents) @ self._outer_products(other_inputs, other_cotangents).T
        )

    def _outer_products(self, inputs: np.ndarray, cotangents: np.ndarray) -> np.ndarray:
        """Return (n, P) the gradients of a dense layer applied at several positions, summed over them."""
        weights = np.einsum("nto,nti->noi", cotangents, inputs).reshape(len(inputs), -1)
        return np.concatenate([weights, self._has_bias * cotangents.sum(1)], 1)

    @cached_property
    def _dense(self) -> tuple[str, Node]:
        """The path of the weights of the last dense layer, and its matrix product."""
        weights = {p.node: path for path, p in self.network.parameters.items() if p.spec.rank == 2}
        for node in reversed(order(self.network.inference.outputs.values())):
            if node.op.name == "matmul" and node.inputs[1].op.name == "transpose":
                path = weights.get(node.inputs[1].inputs[0])
                if path is not None:
                    return path, node
        what = fact("a dense layer at the end")
        received = str(self.network.recipe.net)[:200]
        raise TrainingError("E541", where="influence", what=what, received=received, fix='layer="all"')

    @property
    def _has_bias(self) -> float:
        return float(f"{self._dense[0].rpartition('.')[0]}.bias".lstrip(".") in self.network.parameters)

    def _last_layer(self, arrays: Arrays, rows: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs (n, T, I) of the last dense layer and cotangents (n, T, O) of its outputs."""
        _, product = self._dense
        cotangents = grad(self.loss, [product])[0]
        program = compile(Graph({"inputs": product.inputs[0], "cotangents": cotangents}), self.network.engine)
        results, n = run(program, arrays, rows), len(next(iter(rows.values())))
        inputs, cotangents = (results[name].astype(np.float64) for name in ("inputs", "cotangents"))
        return inputs.reshape(n, -1, inputs.shape[-1]), cotangents.reshape(n, -1, cotangents.shape[-1])

    @cached_property
    def _gradient_program(self) -> Any:
        """The program of the gradients of all trained weights."""
        nodes = [p.node for p in self.network.trainable.values()]
        gradients = grad(self.loss, nodes, unused="zeros")
        return compile(Graph({str(i): node for i, node in enumerate(gradients)}), self.network.engine)

    def _all_gradients(self, arrays: Arrays, rows: Arrays) -> np.ndarray:
        """Return (n, P) the gradient of the loss of each sample with respect to all weights."""
        count, inputs = len(next(iter(rows.values()))), self._gradient_program.graph.inputs
        parameters = {name: arrays[name] for name in inputs if name in arrays}
        gradients = []
        for i in range(count):
            own = {name: array[i : i + 1] for name, array in rows.items() if name in inputs}
            parts = self._gradient_program.run({**parameters, **own})
            gradients.append(np.concatenate([np.ravel(part) for part in parts.values()]).astype(np.float64))
        return np.stack(gradients)


def require_trained_rows(train_x: Any) -> None:
    """Require training samples.

    Raises:
        TrainingError E543: there are none.
    """
    if train_x is None:
        fix = "model.influence(x, y, x_train, y_train)"
        raise TrainingError("E543", where="influence", what=fact("samples of the training"), fix=fix)


def influence(
    rows: NetworkRows,
    trained: NetworkRows,
    layer: str = "last",
    checkpoints: Sequence[Any] = (),
    learning_rates: Sequence[float] | None = None,
    lang: str | None = None,
) -> Influence:
    """Return the influence of each training sample on the loss of other samples; see ``Model.influence``."""
    model = rows.model
    require_fit(rows.network.inputs, trained.x)
    lang = language(lang, "influence")
    if PRIVACY in model.facts:
        raise private_only(
            "influence", fact("model.attribute(x), which explains a prediction without training rows")
        )
    choice(layer, LAYERS, "layer", "influence", example="last")
    states = [_checkpoint_arrays(model, checkpoint) for checkpoint in checkpoints] or [model.arrays]
    weights = (
        [1.0] * len(states)
        if learning_rates is None
        else [float(learning_rate) for learning_rate in learning_rates]
    )
    if len(weights) != len(states):
        expected = fact("{count} learning rates, one for each checkpoint", count=len(states))
        raise out_of_range(len(weights), "learning_rates", "influence", expected, fix="learning_rates=None")
    gradients = SampleGradients(rows.network, layer)
    sample_feeds, training_feeds = {**rows.x, **rows.y}, {**trained.x, **trained.y}
    values = sum(
        w * gradients.dot_products(arrays, sample_feeds, training_feeds)
        for w, arrays in zip(weights, states, strict=True)
    )
    return Influence(np.asarray(values), layer, len(states), lang)


def _checkpoint_arrays(model: ModelState, checkpoint: Any) -> dict[str, np.ndarray]:
    """Return the parameters of a checkpoint: arrays by path, a model, or a model file."""
    if isinstance(checkpoint, str | os.PathLike):
        checkpoint = model_file.load(checkpoint)
    if isinstance(checkpoint, StateHolder):
        checkpoint = checkpoint.state
    parameters = checkpoint.arrays if isinstance(checkpoint, ModelState) else checkpoint
    arrays = {**model.arrays, **parameters}
    mismatched = [
        p for p, a in arrays.items() if p not in model.arrays or np.shape(a) != model.arrays[p].shape
    ]
    if mismatched:
        where = "influence, checkpoints"
        name = mismatched[0]
        expected = ", ".join(model.arrays)
        received = ", ".join(mismatched)
        fix = "checkpoints=[model.parameters()]"
        raise UsageError("E101", where=where, name=name, expected=expected, received=received, fix=fix)
    return {path: np.asarray(value, model.arrays[path].dtype) for path, value in arrays.items()}
