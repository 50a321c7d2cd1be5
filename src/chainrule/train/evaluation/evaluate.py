"""Evaluation: the loss and the metrics of a model on labeled rows.

The rows are processed in blocks, so that the memory does not grow with their number, except where a layer or
a loss makes them depend on each other: these are computed together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from chainrule.data import Arrays
from chainrule.engines.dispatch import Program
from chainrule.errors import fact
from chainrule.messages import rendered
from chainrule.metrics import (
    PRIMARY_METRIC,
    UNSCORED,
    Metric,
    MetricLike,
    Predictions,
    default_metrics,
    find_metric,
    metrics_for,
    resolve_metrics,
    to_name,
)
from chainrule.nn.summary import bfloat16_layers, built_rows
from chainrule.records import frozen
from chainrule.settings import Language
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.evaluation.member_rows import evaluate_members
from chainrule.train.evaluation.prediction import blocks, concatenated, predictions
from chainrule.train.evaluation.rows import encode_labeled
from chainrule.train.inputs.sample_and_class_weights import refuse_weight_shape, refuse_zero_weights
from chainrule.train.inputs.target import Target
from chainrule.train.member_graph import member_columns
from chainrule.train.model_state import ModelState
from chainrule.train.network import Network
from chainrule.train.objective import SAMPLE_WEIGHT, row_weights
from chainrule.train.step_graph import evaluation_program

if TYPE_CHECKING:
    from chainrule.data import Preparation


@frozen
class Evaluator:
    """Evaluator of the loss and the metrics of a network on fixed labeled rows.

    Args:
        rows: encoded rows.
        metrics: the metrics of each output, besides the loss.
        preparation: restores the units of regression targets; without one their values are used as they are.
        threshold: from which probability the second of two classes is predicted; ``None``: the likelier one.
    """

    network: Network
    rows: Arrays
    targets: Mapping[str, Target]
    metrics: Mapping[str, tuple[Metric, ...]]
    preparation: Preparation | None = None
    threshold: float | None = None

    @property
    def program(self) -> Program:
        """The program from inputs and targets to the loss and the predictions of each sample."""
        return evaluation_program(self.network, self.rows.weights)

    @property
    def columns(self) -> list[str]:
        """The columns that an evaluation adds to the history of an epoch."""
        own = [column(self.targets, output, m.label) for output in self.metrics for m in self.metrics[output]]
        members = member_columns(self.network) if self.is_of_members else []
        return [f"val_{name}" for name in ("loss", *members, *loss_columns(self.targets), *own)]

    @property
    def is_of_members(self) -> bool:
        """Whether the weights (N, K) determine which members of an ensemble are evaluated on each row."""
        weights, members = self.rows.weights, member_columns(self.network)
        return bool(members) and weights is not None and weights.shape[1:] == (len(members),)

    @property
    def metric_names(self) -> dict[str, list[str]]:
        """The names of the metrics of each output."""
        return {output: [m.label for m in metrics] for output, metrics in self.metrics.items()}

    def __call__(self, variables: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Return ``loss`` and the metrics by column name: ``accuracy``, ``NAME_accuracy`` of several outputs.

        With several outputs, ``NAME_loss`` is the loss of each output without its loss weight.
        """
        if self.is_of_members:
            return self._of_members(variables)
        # Predictions without a metric are dropped after each block: the scores of a vocabulary at each
        # position of a text, for all rows, may be larger than memory.
        program = self.program
        names = [name for name in program.graph.outputs if not name.startswith("prediction.")]
        names += [f"prediction.{output}" for output, metrics in self.metrics.items() if metrics]
        parts = []
        for rows in blocks(program, self.rows.rows):
            block: Any = self.rows.take(rows)
            arrays = {**variables, **block.x, **block.y, SAMPLE_WEIGHT: block.weights}
            results = program.run({name: arrays[name] for name in program.graph.inputs})
            parts.append({name: results[name] for name in names})
        losses = {name: concatenated(parts, name) for name in names if not name.startswith("prediction.")}
        weights = self.network.recipe.loss_weights
        values = {"loss": mean_loss(losses, list(self.targets), self.rows.weights, weights)}
        if len(self.targets) > 1:
            means = output_losses(losses, list(self.targets), self.rows.weights)
            values |= {f"{output}_loss": mean for output, mean in means.items()}
        coded: Any = self.rows.y
        for (output, target), y in zip(self.targets.items(), coded.values(), strict=True):
            if not self.metrics[output]:
                continue
            prediction = concatenated(parts, f"prediction.{output}")
            predicted = self._predictions(target, y, prediction, self.rows.weights)
            values |= {column(self.targets, output, m.label): m.of(predicted) for m in self.metrics[output]}
        return values

    def _of_members(self, variables: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Return the loss of each member on its rows, and the metrics of the members' mean predictions."""
        weights: Any = self.rows.weights
        results = evaluate_members(self.network, self.rows, variables, weights, has_targets=True)
        losses: Any = results.losses
        values = {"loss": self.mean_of_members(losses)}
        values |= dict(zip(member_columns(self.network), losses.tolist(), strict=True))
        ((output, target),), coded = self.targets.items(), cast(Mapping[str, np.ndarray], self.rows.y)
        y = next(iter(coded.values()))[results.rows]
        predicted = self._predictions(target, y, results.predictions, None)
        return values | {column(self.targets, output, m.label): m.of(predicted) for m in self.metrics[output]}

    def mean_of_members(self, losses: Sequence[float | None] | np.ndarray) -> float:
        """Return the mean of the losses of the members (K,); a member without validation rows has none."""
        weights: Any = self.rows.weights
        totals, values = weights.sum(0, dtype=np.float64), np.array(losses, np.float64)
        return float(np.average(values[totals > 0], weights=totals[totals > 0]))

    def _predictions(
        self, target: Target, y: np.ndarray, prediction: np.ndarray, weights: np.ndarray | None
    ) -> Predictions:
        """Return targets and predictions of an output in the form that metrics read."""
        if target.task == UNSCORED:
            prediction = target.decode(prediction)
        elif target.is_classes:
            prediction = target.probabilities(prediction)
        elif self.preparation is not None and self.preparation.task == "regression":
            y, prediction = self.preparation.restore(y), self.preparation.restore(prediction)
        rows = Predictions.of(y, prediction, weights, target.task, target.ignored)
        return rows if self.threshold is None else replace(rows, threshold=self.threshold)


def mean_loss(
    results: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    weights: np.ndarray | None,
    loss_weights: Mapping[str, float],
) -> float:
    """Return the weighted mean of the loss over rows, summed over the outputs.

    Formula: sum over outputs k of v_k sum_i w_i l_ki / sum_i w_i, with ``loss_weights`` v, ``weights`` w and
    the losses l

    Args:
        results: the outputs of ``evaluation_program`` for the rows, by name.
        weights: (N,) sample weights, or (N, T) weights of positions; the latter are part of the results.
        loss_weights: the factor of each output's loss; 1 for an output without a factor.
    """
    row_weight = weights if weights is not None and weights.ndim == 1 else None
    if not any(f"count.{name}" in results for name in outputs):
        return float(np.average(results["loss"].astype(np.float64), weights=row_weight))
    means = output_losses(results, outputs, weights)
    return sum(loss_weights.get(name, 1.0) * mean for name, mean in means.items())


def output_losses(
    results: Mapping[str, np.ndarray], outputs: Sequence[str], weights: np.ndarray | None
) -> dict[str, float]:
    """Return the weighted mean of each output's loss, without loss weights; arguments as ``mean_loss``."""
    row_weight = weights if weights is not None and weights.ndim == 1 else None
    scale = 1.0 if row_weight is None else row_weight.astype(np.float64)
    means = {}
    for name in outputs:
        if f"count.{name}" in results:
            total, count = (results[f"{part}.{name}"].astype(np.float64) for part in ("total", "count"))
            means[name] = float((total * scale).sum() / ((count * scale).sum() or 1.0))
        else:
            losses = results[f"loss.{name}"].astype(np.float64)
            means[name] = float(np.average(losses, weights=row_weight))
    return means


def evaluator(
    model: ModelState, rows: Arrays, metrics: Mapping[str, tuple[Metric, ...]], threshold: float | None = None
) -> Evaluator:
    """Return the evaluator of a model on encoded rows; ``threshold`` is that of ``Evaluator``."""
    assert model.network is not None
    return Evaluator(model.network, rows, model.targets, metrics, model.preparation, threshold)


def loss_columns(targets: Mapping[str, Target]) -> list[str]:
    """Return the columns of the losses of single outputs: ``NAME_loss`` for each; none for one output."""
    return [f"{output}_loss" for output in targets] if len(targets) > 1 else []


def column(targets: Mapping[str, Target], output: str, metric: str) -> str:
    """Return the column name of a metric: prefixed with the output if there are several."""
    return metric if len(targets) == 1 else f"{output}_{metric}"


def metrics_of(
    model: ModelState, watched: Sequence[str] | None = None, chosen: Iterable[MetricLike] | None = None
) -> dict[str, tuple[Metric, ...]]:
    """Return the metrics of each output: those that the user chose, otherwise the default ones.

    Args:
        model: an initialized model.
        watched: during training, the columns that stopping rules read. Then the default is a single primary
            metric for each output, so that the evaluation after an epoch is cheap, and the watched columns.
        chosen: used instead of the metrics that the model was created with.

    Raises:
        UsageError E101: a chosen metric that no output supports. UsageError E102: an option out of range.
    """
    chosen = model.metrics if chosen is None else chosen
    tasks = dict.fromkeys(target.task for target in model.targets.values())
    requested = None if chosen is None else resolve_metrics(chosen, tasks)
    by_output = {}
    for output, target in model.targets.items():
        primary = PRIMARY_METRIC.get(target.task)
        if requested is not None:
            metrics = [m for m in requested if target.task in m.tasks]
        else:
            metrics = [m for m in default_metrics(target.task) if watched is None or m.name == primary]
        also = [m for name in watched or () if (m := metric_of(model.targets, output, name))]
        by_output[output] = resolve_metrics([to_name(m) for m in (*metrics, *also)], [target.task])
    return by_output


def metric_of(targets: Mapping[str, Target], output: str, name: str) -> Metric | None:
    """Return the metric of an output that a column refers to (E102: its option); ``None`` without one."""
    prefix = "" if len(targets) == 1 else f"{output}_"
    metric = find_metric(name.removeprefix(prefix)) if name.startswith(prefix) else None
    return metric if metric is not None and targets[output].task in metric.tasks else None


def columns_of(
    targets: Mapping[str, Target],
    watched: Sequence[str] = (),
    chosen: Mapping[str, Sequence[Metric]] | None = None,
) -> list[str]:
    """Return the columns that an evaluation can compute: losses, default, watched and chosen metrics."""
    requested = [column(targets, output, m.label) for output, ms in (chosen or {}).items() for m in ms]
    table = [column(targets, output, name) for output, t in targets.items() for name in metrics_for(t.task)]
    also = [name for name in watched if any(metric_of(targets, output, name) for output in targets)]
    return ["loss", *dict.fromkeys([*loss_columns(targets), *table, *also, *requested])]


def evaluate(
    model: ModelState, x: Any, y: Any, sample_weight: Any = None, chosen: Iterable[MetricLike] | None = None
) -> dict[str, float]:
    """Return the loss and the metrics of a model on samples; see ``chainrule.Model.evaluate``."""
    encoded_rows = encode_labeled(model, x, y, "evaluate", sample_weight)
    model, rows = encoded_rows.model, encoded_rows.arrays
    refuse_weight_shape(encoded_rows.network, rows.weights)
    refuse_zero_weights(row_weights(encoded_rows.network, rows))
    values = evaluator(model, rows, metrics_of(model, chosen=chosen))(model.arrays)
    if not math.isfinite(values["loss"]):
        predictions(model, encoded_rows.x, "prediction")  # emits a notice if not finite
    return values


def summary(model: ModelState) -> str:
    """Return the layers of the model as a text table: path, class, output shape and number of parameters."""
    if model.network is None:
        return str(model.recipe.net)
    parts = built_rows(model.recipe.net, model.network.inference)
    rows = [("layer", "", "output", "parameters")]
    rows += [(p.path, p.layer, p.output, f"{p.parameters:,}") for p in parts]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = []
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row[:3], widths, strict=False)]
        lines.append("  ".join([*cells, row[3].rjust(widths[3])]).rstrip())
    lines += [f"{model.network.count:,} parameters", *precision_lines(model.network)]
    return "\n".join(lines)


def precision_lines(network: Network, lang: Language = "en") -> list[str]:
    """Return what is computed in bfloat16, in float32 and in 8 bits; nothing if all of it is in the dtype.

    Args:
        network: of a model.
        lang: of the texts, ``"en"`` or ``"zh"``.
    """
    parts = (*_rounded_parts(network), *_integer_parts(network))
    return [f"{name}: {rendered(text, lang)}" for name, text in parts]


def _integer_parts(network: Network) -> Iterator[tuple[str, str]]:
    """Yield what predictions compute in 8 bits; nothing if they use the float weights."""
    quantization = network.quantization
    if quantization is not None:
        names, rows = quantization.layers, quantization.rows
        layers = ", ".join(path for path in network.inference.book.layers if path in names)
        text = fact(
            "matrix products and convolutions in {layers}, by the ranges of {rows} samples",
            layers=layers,
            rows=rows,
        )
        yield "int8", text


def _rounded_parts(network: Network) -> Iterator[tuple[str, str]]:
    """Yield what is computed in bfloat16 and in float32; nothing if all of it is float32."""
    if network.precision == "float32" or network.recipe.dtype != "float32":
        return
    rounded, others = (", ".join(names) for names in bfloat16_layers(network.inference))
    products = fact("the factors of matrix products and convolutions in {layers}", layers=rounded)
    rest = fact("their sums, everything else in these layers, the loss and the optimizer")
    yield "bfloat16", products if rounded else fact("nothing")
    yield "float32", fact("{layers}; {rest}", layers=others, rest=rest) if others else rest


def specs_of(arrays: Mapping[str, np.ndarray] | np.ndarray, dtype: str = "") -> dict[str, Spec]:
    """Return the specs of inputs with the shapes of arrays, for any batch size.

    ``dtype`` is that of all inputs but masks, by default each array's. An array without a name is ``x``.
    """
    batch, named = Size.symbol("B"), {"x": arrays} if isinstance(arrays, np.ndarray) else arrays
    return {
        name: Spec((batch, *a.shape[1:]), a.dtype.name if not dtype or a.dtype.kind == "b" else dtype)
        for name, a in named.items()
    }
