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
    """Whether an operation is part of chainrule, whose gradients are tested."""
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
            "op": op.name, "analytic": float(result.analytic[input_index][index]),
            "numeric": float(result.numeric[input_index][index]),
        }  # fmt: skip
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
    ("labels do not match the inputs", "标签与样本错配"),
    "warning",
    symptom=(
        "shuffled labels fit the inputs as well as the real ones",
        "打乱后的标签与输入的关系并不比原标签差",
    ),
    threshold=(
        f"on at most {ROWS} rows, neither nearest neighbors nor any single feature predicts the targets "
        f"better than {SHUFFLES} shuffled copies by {RELATED:g} standard deviations",
        f"在至多 {ROWS} 行上，无论最近邻还是任何单个特征，对目标的判断都没有比 {SHUFFLES} 次打乱高出 "
        f"{RELATED:g} 个标准差",
    ),
    source="Karpathy, A recipe for training neural networks (input-independent baseline); the test is this "
    "project's own",
    what=(
        "on {rows} rows the inputs predict the targets no better than {shuffles} shuffled copies: "
        "{value:.1f} standard deviations",
        "在 {rows} 行上，输入对目标的判断与 {shuffles} 份打乱的标签相差无几：{value:.1f} 个标准差",
    ),
    why=(
        "If x and y were sorted, joined or shuffled separately, each sample has the label of another. A "
        "network can memorize such labels, but learns nothing that holds for new samples.",
        "x 和 y 若分别排序、连接或打乱，每个样本就带着别人的标签。网络仍能死记硬背，"
        "但学不到对新样本有效的东西。",
    ),
    remedy="order = rng.permutation(len(x)); x, y = x[order], y[order]  # shuffle both in one order",
    remedy_comment="用同一次序一起打乱",
    before=_unrelated,
)

STALE_GRADIENTS = Rule(
    25,
    "gradients-not-reset",
    ("gradients not reset", "梯度未清零"),
    "error",
    symptom=(
        "a stored gradient is the gradient of this batch plus the previous one",
        "存储的梯度等于本批的梯度加上之前的值",
    ),
    threshold=(
        f"relative error above {STALE:g} compared with a new computation on the same batch, and the stored "
        "gradient is a multiple of the new one, or the previous one plus the new one",
        f"与同一批重新计算的梯度相比，相对误差超过 {STALE:g}，且等于其倍数或“之前的梯度 + 本批梯度”",
    ),
    source="this project's own",
    what={
        "sum": (
            "the stored gradient is the previous one plus that of this batch",
            "存储的梯度等于之前的梯度加上本批的梯度",
        ),
        "times": (
            "the stored gradient is {times:.3g} times that of this batch",
            "存储的梯度是本批梯度的 {times:.3g} 倍",
        ),
    },
    why=(
        "In some libraries the backward pass accumulates into the stored gradients, and the training "
        "loop must reset them. Here a gradient is a value of the graph, computed in every step, and "
        "cannot be left over. Compare gradients of another library with model.check(x, y, gradients=..., "
        "previous=...).",
        "有些库的反向传播会累加到已存储的梯度上，循环中必须清零。在这里，梯度是图中的值，每一步都是新的，"
        "不可能残留。其他库的循环得到的梯度可用 model.check(x, y, gradients=..., previous=...) 来比较。",
    ),
    remedy="optimizer.zero_grad()  # in that loop, before every backward pass",
    remedy_comment="在那个循环里，每次反向传播之前",
    first=_stale,
)

WRONG_PULLBACK = Rule(
    27,
    "wrong-gradient",
    ("wrong custom gradient", "自定义梯度有误"),
    "error",
    symptom=(
        "the pullback of a custom operation does not agree with finite differences",
        "自定义运算的反向公式与数值差分不符",
    ),
    threshold=(
        f"relative error above {WRONG:g} (below 1e-7 is normal; at a kink the two may differ)",
        f"相对误差超过 {WRONG:g}（低于 1e-7 为正常；在不可导点两者可以不同）",
    ),
    source="cs231n, gradient checks",
    what=(
        'the pullback of "{op}" gives {analytic:.6g}, a finite difference gives {numeric:.6g}',
        "“{op}”的反向公式给出 {analytic:.6g}，数值差分给出 {numeric:.6g}",
    ),
    why=(
        "The chain rule multiplies the derivatives of all operations. One wrong factor makes every gradient "
        "before it wrong; the loss may still fall, but in a wrong direction.",
        "链式法则把每个运算给出的导数相乘。一个因子出错，它之前的所有梯度都错；损失也许仍会下降，"
        "却走错了方向。",
    ),
    remedy="cr.check_gradient(fn, inputs)  # reports the input, the index and both values",
    remedy_comment="指出输入、下标和两个数",
    first=_wrong_pullbacks,
)
