"""Influence: which samples of the training made the model answer as it does (TracIn).

A step on a training sample moves the weights against the gradient of that sample's loss. To first order it
lowers the loss of another sample by rate times the dot product of the two gradients. Summed over
checkpoints of the training, that is the part each training sample had: positive, it helped (a *proponent*);
negative, it hurt (an *opponent*).

With ``layer="last"`` only the last dense layer counts. Its gradient for one sample is the outer product of
what arrives at it, d, and what it was given, a; so the dot product is (d . d') (a . a' + 1) and all pairs
are two products of matrices. With ``layer="all"`` the gradients by all weights are taken sample by sample.

Reference: Pruthi, Liu, Kale and Sundararajan (2020), Estimating training data influence by tracing gradient
    descent
(NeurIPS).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.attribution.score import run
from chainrule.derive.narrative import check_options
from chainrule.engines import compile
from chainrule.errors import TrainingError, UsageError, nearest
from chainrule.gradient import grad
from chainrule.graph import Graph, Node, order
from chainrule.notation import number
from chainrule.ops import functional as F
from chainrule.page.html import html_page
from chainrule.page.page import Items, Page, Section, Table
from chainrule.page.terminal import text_page
from chainrule.records import frozen
from chainrule.settings import settings
from chainrule.texts import render
from chainrule.trace.samples import Rows
from chainrule.train.checkpoint import model_file
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.state_holder import StateHolder

SHOWN = 5  # samples of the training that are listed on each side
LAYERS = ("last", "all")
Arrays = Mapping[str, np.ndarray]


@frozen(eq=False)
class Influence:
    """How much each sample of a training moved the loss of other samples. It can be printed.

    Args:
        values: (n, N): of sample i of those asked about and training sample j; positive helped.
        layer: ``"last"`` or ``"all"``.
        checkpoints: how many states of the weights were looked at.
        lang: of the text.
    """

    values: np.ndarray
    layer: str
    checkpoints: int
    lang: str = "en"

    def proponents(self, sample: int = 0, count: int = SHOWN) -> list[int]:
        """The training samples that helped most, the strongest first."""
        row = self.values[sample]
        return [int(i) for i in np.argsort(-row, kind="stable")[:count] if row[i] > 0]

    def opponents(self, sample: int = 0, count: int = SHOWN) -> list[int]:
        """The training samples that hurt most, the strongest first."""
        row = self.values[sample]
        return [int(i) for i in np.argsort(row, kind="stable")[:count] if row[i] < 0]

    def page(self) -> Page:
        """The whole as sentences and tables."""
        facts = (
            render(f"influence_{self.layer}", self.lang),
            render("influence_at", self.lang, count=self.checkpoints),
        )
        head = tuple(render(f"influence_{key}", self.lang) for key in ("side", "row", "value"))
        sections = [Section("", (Items(facts),))]
        for i, row in enumerate(self.values[:SHOWN]):
            sides = ("helped", self.proponents(i)), ("hurt", self.opponents(i))
            lines = tuple(
                (render(f"influence_{side}", self.lang), str(j), number(float(row[j])))
                for side, found in sides
                for j in found
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
class Slopes:
    """The gradients of single samples' losses.

    Args:
        network: the net and its loss.
        layer: by the weights of which layers.
    """

    network: Network
    layer: str

    @cached_property
    def loss(self) -> Node:
        return F.sum(self.network.sample_loss(self.network.inference))

    def products(self, held: Arrays, rows: Arrays, others: Arrays) -> np.ndarray:
        """(n, N) the dot products of the gradients of two sets of samples."""
        if self.layer == "all":
            return self._whole(held, rows) @ self._whole(held, others).T
        (given, arrived), (others_given, others_arrived) = self._last(held, rows), self._last(held, others)
        if given.shape[1] == 1:
            near = given[:, 0] @ others_given[:, 0].T + self._has_bias
            return (arrived[:, 0] @ others_arrived[:, 0].T) * near
        return self._outer(given, arrived) @ self._outer(others_given, others_arrived).T

    def _outer(self, given: np.ndarray, arrived: np.ndarray) -> np.ndarray:
        """(n, P) the gradients of a dense layer that is applied at several places: the sum over them."""
        weights = np.einsum("nto,nti->noi", arrived, given).reshape(len(given), -1)
        return np.concatenate([weights, self._has_bias * arrived.sum(1)], 1)

    @cached_property
    def _dense(self) -> tuple[str, Node]:
        """The path of the weights of the last dense layer, and its product.

        Raises:
            TrainingError E541: there is none.
        """
        weights = {p.node: path for path, p in self.network.parameters.items() if p.spec.rank == 2}
        for node in reversed(order(self.network.inference.outputs.values())):
            if node.op.name == "matmul" and node.inputs[1].op.name == "transpose":
                path = weights.get(node.inputs[1].inputs[0])
                if path is not None:
                    return path, node
        raise TrainingError(
            "E541", where="influence", what="a dense layer at the end", what_zh="末尾的全连接层",
            received=str(self.network.recipe.net)[:200], fix='layer="all"',
        )  # fmt: skip

    @property
    def _has_bias(self) -> float:
        return float(f"{self._dense[0].rpartition('.')[0]}.bias".lstrip(".") in self.network.parameters)

    def _last(self, held: Arrays, rows: Arrays) -> tuple[np.ndarray, np.ndarray]:
        """What the last dense layer is given, (n, T, I), and what arrives at it, (n, T, O)."""
        _, product = self._dense
        arrived = grad(self.loss, [product])[0]
        program = compile(Graph({"given": product.inputs[0], "arrived": arrived}), self.network.engine)
        found, n = run(program, held, rows), len(next(iter(rows.values())))
        given, arrived = (found[name].astype(np.float64) for name in ("given", "arrived"))
        return given.reshape(n, -1, given.shape[-1]), arrived.reshape(n, -1, arrived.shape[-1])

    @cached_property
    def _all(self) -> Any:
        """The program of the gradients by all trained weights, each in a row."""
        nodes = [p.node for p in self.network.trainable.values()]
        found = grad(self.loss, nodes, unused="zeros")
        return compile(Graph({str(i): node for i, node in enumerate(found)}), self.network.engine)

    def _whole(self, held: Arrays, rows: Arrays) -> np.ndarray:
        """(n, P) the gradient of each sample's loss by all weights."""
        count, inputs = len(next(iter(rows.values()))), self._all.graph.inputs
        known = {name: held[name] for name in inputs if name in held}
        found = []
        for i in range(count):
            own = {name: array[i : i + 1] for name, array in rows.items() if name in inputs}
            parts = self._all.run({**known, **own})
            found.append(np.concatenate([np.ravel(part) for part in parts.values()]).astype(np.float64))
        return np.stack(found)


def require_trained_rows(train_x: Any) -> None:
    """Refuse to look for influence where there is nothing that could have had one.

    Raises:
        TrainingError E543: no samples of the training.
    """
    if train_x is None:
        raise TrainingError(
            "E543", where="influence", what="samples of the training", what_zh="训练样本",
            fix="model.influence(x, y, x_train, y_train)",
        )  # fmt: skip


def influence(
    model: ModelState,
    rows: Rows,
    trained: Rows,
    layer: str = "last",
    checkpoints: Sequence[Any] = (),
    learning_rates: Sequence[float] | None = None,
    lang: str | None = None,
) -> Influence:
    """How much each training sample moved the loss of other samples; see ``Model.influence``."""
    assert model.network is not None
    check_options(1, lang or settings.lang)
    if layer not in LAYERS:
        raise UsageError(
            "E101", where="influence, layer", name=layer, expected=", ".join(LAYERS), received=repr(layer),
            fix=f'layer="{nearest(str(layer), LAYERS) or "last"}"',
        )  # fmt: skip
    states = [_held(model, each) for each in checkpoints] or [model.held]
    weights = [1.0] * len(states) if learning_rates is None else [float(rate) for rate in learning_rates]
    if len(weights) != len(states):
        raise UsageError(
            "E102", where="influence", name="learning_rates",
            expected=f"{len(states)} rates, one for each checkpoint",
            received=len(weights), fix="learning_rates=None",
        )  # fmt: skip
    slopes = Slopes(model.network, layer)
    given, known = {**rows.x, **rows.y}, {**trained.x, **trained.y}
    values = sum(w * slopes.products(held, given, known) for w, held in zip(weights, states, strict=True))
    return Influence(np.asarray(values), layer, len(states), lang or settings.lang)


def _held(model: ModelState, checkpoint: Any) -> dict[str, np.ndarray]:
    """The weights of a checkpoint: parameters by path, a model, or the file of one.

    Raises:
        UsageError E101: parameters the net has not, or lacks.
    """
    if isinstance(checkpoint, str | os.PathLike):
        checkpoint = model_file.load(checkpoint)
    if isinstance(checkpoint, StateHolder):
        checkpoint = checkpoint.state
    found = checkpoint.held if isinstance(checkpoint, ModelState) else checkpoint
    held = {**model.held, **found}
    odd = [p for p, a in held.items() if p not in model.held or np.shape(a) != model.held[p].shape]
    if odd:
        raise UsageError(
            "E101", where="influence, checkpoints", name=odd[0], expected=", ".join(model.held),
            received=", ".join(odd), fix="checkpoints=[model.parameters()]",
        )  # fmt: skip
    return {path: np.asarray(value, model.held[path].dtype) for path, value in held.items()}
