"""Rules on initial values and first steps: problems 6, 7, 8 and 13."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from chainrule.diagnosis.first_steps import STEPS, FirstSteps, batches_of
from chainrule.diagnosis.history import (
    TrainingRecord,
    guessed_classes,
    normalizes,
    parameters_of_members,
    units_of,
    weight_chains_of,
)
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact

VARIANCES = 10.0  # largest over smallest variance of the weighted sums of the layers
EARLY = 10  # in the first steps a gradient may be 0 because other weights are
GAIN = (0.05, 8.0)  # range of the factor of the mean square of a layer; 1 or 2 preserves the scale of signals
# The initial loss alone does not separate: with few classes and random weights sound networks reach 6.9 ln K,
# and scores that are 23 times too large start at 5.4 ln K (campaigns.doctor_cases.initial_losses, 100 seeds
# from 1000). Therefore a loss above CHANCE is a finding only with a layer that makes the scores large.
CHANCE = 3.0  # initial loss relative to random guessing
INPUTS = 25.0  # mean square of the inputs; 1 for standardized ones
ANYHOW = 30.0  # initial loss relative to random guessing that needs no cause


def _wrong_weight_scale(first: FirstSteps) -> Iterator[Evidence]:
    network = first.context.network
    spread = {path: float(z.astype(np.float64).var()) for path, z in first.sums.items() if z.size > 1}
    gains = {}
    for path, units in units_of(network).items():
        weight = first.parameters[0][f"{path}.weight"].astype(np.float64)
        gains[path] = float((weight**2).sum()) / units
    yield from _compare_scales(spread, gains, normalizes(network))


def _of_first_probe(record: TrainingRecord) -> Iterator[Evidence]:
    """Report the same as ``_wrong_weight_scale``, from the probe before the first step."""
    for probe in record.probes[:1]:
        if probe.step == 0:
            spread = {path: layer["spread"] for path, layer in probe.layers.items() if "spread" in layer}
            norms = record.statistic(probe, "weight")  # squared by *: ** raises where it overflows
            gains = {
                path: norms[f"{path}.weight"] * norms[f"{path}.weight"] / units
                for path, units in record.units.items()
                if f"{path}.weight" in norms
            }
            yield from _compare_scales(spread, gains, record.normalizes)


def _compare_scales(
    spread: Mapping[str, float], factors: Mapping[str, float], is_normalized: bool
) -> Iterator[Evidence]:
    """Compare the variances of the weighted sums of the layers.

    Args:
        spread: these variances by path.
        factors: by what the weights of a layer multiply the mean square of its inputs.
        is_normalized: whether layers normalize their inputs, and therefore work at any scale.
    """
    spread = {path: v for path, v in spread.items() if v > 0 and math.isfinite(v)}
    if len(spread) < 2 or is_normalized:
        return
    large, small = max(spread, key=lambda p: spread[p]), min(spread, key=lambda p: spread[p])
    ratio = spread[large] / spread[small]
    gains = {path: factors[path] for path in spread if factors.get(path)}
    wrong = {path: g for path, g in gains.items() if not GAIN[0] <= g <= GAIN[1]}
    if ratio > VARIANCES and wrong:
        worst = max(wrong, key=lambda p: abs(math.log(wrong[p])))
        facts = {"large": large, "small": small, "path": worst, "gain": wrong[worst]}
        yield Evidence(ratio, VARIANCES, facts, step=0, layer=worst)


def _symmetric(first: FirstSteps) -> Iterator[Evidence]:
    of_members = parameters_of_members(first.context.network)  # equal members learn from different rows
    for path, weight in first.parameters[0].items():
        if weight.ndim < 2 or len(weight) < 2 or path not in first.gradients[0] or path in of_members:
            continue
        later_values = [first.parameters[-1][path], *(step[path] for step in first.gradients)]
        if all(_is_constant(value) for value in (weight, *later_values)):
            yield Evidence(len(weight), 1, {"path": path, "units": len(weight)}, step=0, layer=path)


def _is_constant(weight: np.ndarray) -> bool:
    """Return whether all units have the same weights."""
    return bool((weight == weight[:1]).all())


def _first_loss(first: FirstSteps) -> Iterator[Evidence]:
    context = first.context
    if context.single_output is None:
        return
    squares = {path: _sum_of_squares(value) for path, value in first.parameters[0].items()}
    spread = {path: float(z.astype(np.float64).var()) for path, z in first.sums.items()}
    layer = _too_large(squares, spread, units_of(context.network), weight_chains_of(context.network))
    target, _ = context.single_output
    yield from _compare_with_chance(first.data_loss, guessed_classes(target), layer)


def _first_loss_of_probe(record: TrainingRecord) -> Iterator[Evidence]:
    """Report the same as ``_first_loss``, from the probe before the first step."""
    for probe in record.probes[:1]:
        if probe.step == 0:
            norms = {path: part["weight"] for path, part in probe.parts.items() if "weight" in part}
            squares = {path: norm * norm for path, norm in norms.items()}  # ** raises where it overflows
            spread = {path: layer["spread"] for path, layer in probe.layers.items() if "spread" in layer}
            layer = _too_large(squares, spread, record.units, record.weight_chains)
            yield from _compare_with_chance(probe.values["training_loss"], record.classes, layer)


def _too_large(
    squares: Mapping[str, float],
    spread: Mapping[str, float],
    units: Mapping[str, int],
    chains: Sequence[tuple[str, ...]],
) -> str:
    """Return the layer whose weights, biases or inputs make the scores large; ``""`` if no layer does.

    Args:
        squares: the sum of squares of each parameter, by path.
        spread: the variance of the weighted sums of each layer, by path.
        chains: the chains of weight matrices; the first of each reads the inputs.
    """
    firsts = {chain[0].rpartition(".")[0] for chain in chains}
    excess = {"": 1.0}
    for path, count in units.items():
        weight, bias = (squares.get(f"{path}.{name}", 0.0) / count for name in ("weight", "bias"))
        inputs = spread.get(path, 0.0) / weight if path in firsts and weight else 0.0
        excess[path] = max((weight + bias) / GAIN[1], inputs / INPUTS)
    return max(excess, key=lambda path: excess[path])


def _sum_of_squares(value: np.ndarray) -> float:
    return float((value.astype(np.float64) ** 2).sum())


def _compare_with_chance(loss: float, classes: int, layer: str) -> Iterator[Evidence]:
    """Compare the initial loss with that of random guessing.

    Args:
        classes: the number of classes; 0 for other tasks.
        layer: the layer that makes the scores large, or ``""``.
    """
    limit = CHANCE if layer else ANYHOW
    if classes >= 2 and loss / math.log(classes) > limit:
        chance = math.log(classes)
        facts = {"loss": loss, "chance": chance, "classes": classes}
        yield Evidence(loss / chance, limit, facts, step=0, layer=layer)


def _unmoved(first: FirstSteps) -> Iterator[Evidence]:
    if batches_of(first.context.network.recipe.optimizer) > len(first.gradients):
        return  # gradients are accumulated; no update yet
    for path in first.context.network.trainable:
        same = all(
            np.array_equal(first.parameters[0][path], parameters[path]) for parameters in first.parameters[1:]
        )
        silent = not any(step[path].any() for step in first.gradients if path in step)
        if same:
            form = "no_gradient" if silent else "no_update"
            remedy = "" if silent else "cr.Model(net, loss, optimizer=cr.Adam(1e-3))"
            facts = {"path": path, "steps": len(first.gradients)}
            yield Evidence(0.0, 0.0, facts, step=len(first.gradients), layer=path, form=form, remedy=remedy)


def _without_gradient(record: TrainingRecord) -> Iterator[Evidence]:
    """Report parameters whose gradient is 0 in every probe of a running training."""
    probes = [probe for probe in record.probes if probe.step >= EARLY]
    if len(probes) < 2:
        return
    for path, statistics in probes[-1].parts.items():
        shares = [probe.parts.get(path, {}).get("no_gradient", 0.0) for probe in probes]
        if "weight" in statistics and min(shares) == 1.0:
            facts = {"path": path, "steps": probes[-1].step}
            form = "only_penalty" if "penalty_gradient" in statistics else "no_gradient"
            yield Evidence(1.0, 1.0, facts, step=probes[-1].step, layer=path, form=form)


WEIGHT_SCALE = Rule(
    6,
    "weight-scale",
    "wrong scale of the initial weights",
    "warning",
    symptom="before training, the weighted sums grow or shrink from layer to layer",
    threshold=fact(
        "no normalization layer; ratio of the largest to the smallest variance of the weighted sums "
        "above {variances:g}, and a layer whose weights multiply the mean square of its inputs by "
        "less than {gain_0:g} or more than {gain_1:g}",
        variances=VARIANCES,
        gain_0=GAIN[0],
        gain_1=GAIN[1],
    ),
    source="Amazon SageMaker Debugger, PoorWeightInitialization (ratio 10); the bounds are this "
    "project's own",
    what=(
        'the variance of the sums differs {value:.3g} times from "{small}" to "{large}"; the weights of '
        '"{path}" multiply a mean square by {gain:.3g}'
    ),
    why=(
        "A sum over I inputs has I times the variance of one input, times the variance of the weights. "
        "Unless that variance is about 1/I (2/I before ReLU), every layer scales the signal, and in the "
        "backward pass the gradient."
    ),
    remedy='cr.Dense(64, "relu", weight_initializer="he")',
    remedy_comment='"xavier" before tanh or sigmoid',
    first=_wrong_weight_scale,
    during=_of_first_probe,
)

SYMMETRY = Rule(
    7,
    "symmetry",
    "identical units",
    "error",
    symptom="all units of a layer have equal weights and equal gradients",
    threshold=fact(
        "exact: weights, gradients, and weights after {steps} steps are equal in all units", steps=STEPS
    ),
    source="Zhang, Lipton, Li and Smola, Dive into Deep Learning, section 5.4; exact",
    what='the {units} units of "{path}" have equal weights and equal gradients',
    why=(
        "Units with equal weights compute the same values and get the same gradients, so they stay equal: "
        "the layer is worth a single unit."
    ),
    remedy='cr.Dense(64, "relu")',
    remedy_comment="the initial weights are random by default",
    first=_symmetric,
)

FIRST_LOSS = Rule(
    8,
    "first-loss",
    "wrong initial loss",
    "warning",
    symptom="before training, the loss is far above that of random guessing",
    threshold=fact(
        "more than {chance:g} times ln K (2.303 for 10 classes, 0.693 for 2), and a layer whose "
        "weights and biases have a sum of squares above {gain_1:g} per unit, or that reads inputs "
        "with a mean square above {inputs:g}; or more than {anyhow:g} times ln K",
        chance=CHANCE,
        gain_1=GAIN[1],
        inputs=INPUTS,
        anyhow=ANYHOW,
    ),
    source="cs231n (ln K); the factor is this project's own",
    what="the initial loss is {loss:.4g}; guessing among {classes} classes gives {chance:.4g}",
    why=(
        "An untrained network should favor no class: its loss is -ln(1/K). A larger loss means confident "
        "wrong predictions: the scores are too large, because the initial weights, biases or inputs are."
    ),
    remedy="cr.Dense(10, weight_initializer=cr.Normal(0.0, 0.01))",
    remedy_comment="small initial scores; scale the inputs",
    first=_first_loss,
    during=_first_loss_of_probe,
)

NOT_LEARNING = Rule(
    13,
    "parameters-not-learning",
    "parameters that do not change",
    "warning",
    symptom="a trainable parameter does not change at all",
    threshold=fact(
        "exact: unchanged after {steps} steps; or a gradient, without penalties, of 0 everywhere in "
        "every probe after step {early}",
        steps=STEPS,
        early=EARLY,
    ),
    source="Amazon SageMaker Debugger, UnchangedTensor (three steps)",
    what={
        "no_gradient": '"{path}" does not change in {steps} steps: its gradient is 0 everywhere',
        "only_penalty": (
            'only the penalty changes "{path}" in {steps} steps: the gradient of the loss is 0 everywhere'
        ),
        "no_update": '"{path}" does not change in {steps} steps although it has a gradient: the update is 0',
    },
    why=(
        "Either no path leads from the parameter to the loss (an unused branch, a stopped gradient, "
        "units that always output 0), or the learning rate is 0 or too small for the precision of the "
        "parameter."
    ),
    remedy='cr.Dense(64, "leaky_relu")',
    remedy_comment="or remove unused parts; freeze constant ones: model.freeze(...)",
    first=_unmoved,
    during=_without_gradient,
)
