"""Rules on wrong gradients and mismatched labels: problems 21, 25 and 27."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.diagnosis.context import TrainingContext
from chainrule.diagnosis.first_steps import FirstSteps
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.engines import check_gradient
from chainrule.engines.reference import Program
from chainrule.graph import Graph, Node, make
from chainrule.messages import fact

STALE = 1e-4  # relative error of a stored gradient
WRONG = 1e-2  # relative error of a pullback
NUMBERS = 200  # derivatives of one input that are checked, about
ROWS, FEWEST, SHUFFLES = 400, 60, 20
ENOUGH = 20  # rows outside the largest class
RELATED = 3.0  # standard deviations of the control runs


def _stale(first: FirstSteps) -> Iterator[Evidence]:
    if not first.stored:
        return
    computed = first.gradients[0]
    names = [name for name in first.stored if name in computed]
    expected = np.concatenate([computed[name].ravel().astype(np.float64) for name in names])
    stored = np.concatenate([np.asarray(first.stored[name], np.float64).ravel() for name in names])
    error = _relative(stored, expected)
    if error <= STALE:
        return
    if all(name in first.previous for name in names) and names:
        before = np.concatenate([np.asarray(first.previous[name], np.float64).ravel() for name in names])
        if _relative(stored - before, expected) <= STALE and before.any():
            yield Evidence(error, STALE, step=0, form="sum")
        return
    times = float(stored @ expected) / max(float(expected @ expected), 1e-300)
    if times > 1.5 and _relative(stored / times, expected) <= STALE:
        yield Evidence(error, STALE, {"times": times}, step=0, form="times")


def _relative(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / max(float(np.linalg.norm(b)), 1e-300))


def _wrong_pullbacks(first: FirstSteps) -> Iterator[Evidence]:
    own = [node for node in Graph(first.step.graph.outputs).nodes if not _is_built_in(node)]
    own = [node for node in own if node.inputs and node.spec.is_float]
    if not own:
        return
    seen: set[type] = set()
    values = Program(Graph({str(i): node for i, node in enumerate(own)})).walk(first.arrays)
    for node, _, inputs, _ in values:
        if node in own and type(node.op) not in seen:
            seen.add(type(node.op))
            yield from _check_pullback(node, tuple(inputs))


def _is_built_in(node: Node) -> bool:
    """Return whether an operation is part of chainrule, whose gradients are tested."""
    return type(node.op).__module__.partition(".")[0] == "chainrule"


def _check_pullback(node: Node, inputs: tuple[np.ndarray, ...]) -> Iterator[Evidence]:
    """Compare a pullback with finite differences, on few rows with about ``NUMBERS`` derivatives."""
    op = node.op
    batch = {len(a) for source, a in zip(node.inputs, inputs, strict=True) if str(source.shape[:1]) == "(B,)"}
    rows = max(1, NUMBERS // max(1, max((a[0].size for a in inputs if a.ndim), default=1)))
    few = [a[:rows] if a.ndim and len(a) in batch else a for a in inputs]
    result = check_gradient(lambda *nodes: make(op, *nodes), few, tolerance=float("inf"))
    if not result.error <= WRONG:
        input_index, index = result.place
        facts = {
            "op": op.name,
            "analytic": float(result.analytic[input_index][index]),
            "numeric": float(result.numeric[input_index][index]),
        }
        yield Evidence(result.error, WRONG, facts, step=0, layer=str(node.site))


def _unrelated(context: TrainingContext) -> Iterator[Evidence]:
    x, single = context.flat, context.single_output
    if x is None or single is None or not context.features or context.sampled_rows < FEWEST:
        return
    target, y = single
    y = y.reshape(context.sampled_rows, -1)
    largest = np.bincount(y[:, 0].astype(np.int64)).max() if target.is_single else 0
    if context.sampled_rows - largest < ENOUGH or not y.std() or not x.std(axis=0).any():
        return  # too few rows of other classes, or constant values
    if not (target.is_single or target.task == "regression") or y.shape[1] != 1:
        return
    deviation = _relation(x, y[:, 0], target.is_single)
    if deviation < RELATED:
        yield Evidence(
            deviation, RELATED, {"rows": min(context.sampled_rows, ROWS), "shuffles": SHUFFLES}, step=0
        )


def _relation(x: np.ndarray, y: np.ndarray, are_classes: bool) -> float:
    """Return by how many standard deviations the inputs predict the targets better than shuffled ones.

    The maximum of two measures: the agreement of a target with those of its five nearest rows by all
    features, and the correlation of the targets with the best single feature.
    """
    generator = np.random.default_rng(0)
    rows = generator.permutation(len(x))[:ROWS]
    x, y = x[rows].astype(np.float64), y[rows].astype(np.float64)
    x = x[:, x.std(axis=0) > 0]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    squares = (x**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * x @ x.T
    np.fill_diagonal(distances, np.inf)
    neighbors = np.argpartition(distances, 5, axis=1)[:, :5]  # (n, 5) neighbors
    values = (y[:, None] == np.unique(y)).astype(np.float64) if are_classes else (y - y.mean())[:, None]

    def score(order: np.ndarray) -> np.ndarray:
        targets = values[order]
        linear = np.abs(x.T @ (targets - targets.mean(axis=0))).max() / len(x)
        return np.array([(targets[neighbors].mean(axis=1) * targets).sum(), linear])

    indices = np.arange(len(x))
    control = np.array([score(generator.permutation(indices)) for _ in range(SHUFFLES)])
    return float(((score(indices) - control.mean(axis=0)) / (control.std(axis=0) + 1e-12)).max())


LABELS_UNRELATED = Rule(
    21,
    "labels-unrelated",
    "labels do not match the inputs",
    "warning",
    symptom="shuffled labels fit the inputs as well as the real ones",
    threshold=fact(
        "on at most {rows} rows, neither nearest neighbors nor any single feature predicts the "
        "targets better than {shuffles} shuffled copies by {related:g} standard deviations",
        rows=ROWS,
        shuffles=SHUFFLES,
        related=RELATED,
    ),
    source="Karpathy, A recipe for training neural networks (input-independent baseline); the test is this "
    "project's own",
    what=(
        "on {rows} rows the inputs predict the targets no better than {shuffles} shuffled copies: "
        "{value:.1f} standard deviations"
    ),
    why=(
        "If x and y were sorted, joined or shuffled separately, each sample has the label of another. A "
        "network can memorize such labels, but learns nothing that holds for new samples."
    ),
    remedy="order = rng.permutation(len(x)); x, y = x[order], y[order]",
    remedy_comment="shuffle both in one order",
    before=_unrelated,
)

STALE_GRADIENTS = Rule(
    25,
    "gradients-not-reset",
    "gradients not reset",
    "error",
    symptom="a stored gradient is the gradient of this batch plus the previous one",
    threshold=fact(
        "relative error above {stale:g} compared with a new computation on the same batch, and the "
        "stored gradient is a multiple of the new one, or the previous one plus the new one",
        stale=STALE,
    ),
    source="this project's own",
    what={
        "sum": "the stored gradient is the previous one plus that of this batch",
        "times": "the stored gradient is {times:.3g} times that of this batch",
    },
    why=(
        "In some libraries the backward pass accumulates into the stored gradients, and the training "
        "loop must reset them. Here a gradient is a value of the graph, computed in every step, and "
        "cannot be left over. Compare gradients of another library with model.check(x, y, gradients=..., "
        "previous=...)."
    ),
    remedy="optimizer.zero_grad()",
    remedy_comment="in that loop, before every backward pass",
    first=_stale,
)

WRONG_PULLBACK = Rule(
    27,
    "wrong-gradient",
    "wrong custom gradient",
    "error",
    symptom="the pullback of a custom operation does not agree with finite differences",
    threshold=fact(
        "relative error above {wrong:g} (below 1e-7 is normal; at a kink the two may differ)", wrong=WRONG
    ),
    source="cs231n, gradient checks",
    what='the pullback of "{op}" gives {analytic:.6g}, a finite difference gives {numeric:.6g}',
    why=(
        "The chain rule multiplies the derivatives of all operations. One wrong factor makes every gradient "
        "before it wrong; the loss may still fall, but in a wrong direction."
    ),
    remedy="cr.check_gradient(fn, inputs)",
    remedy_comment="reports the input, the index and both values",
    first=_wrong_pullbacks,
)
