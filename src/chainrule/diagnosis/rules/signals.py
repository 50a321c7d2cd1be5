"""Rules on activations and gradients during training: problems 1 to 5 and 32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from chainrule.diagnosis.history import RECTIFIERS, SATURATING, TrainingRecord, median
from chainrule.diagnosis.rule import Evidence, Rule
from chainrule.messages import fact
from chainrule.train.monitor.probe import Probe

EXPLODING, JUMP = 70.0, 10.0  # gradient of the first layer over the last; gradient over its earlier median
VANISHING, SMALL = 1e-3, 1e-4  # gradient of the first layer over the last; over the norm of its weights
SHARE = 0.5  # of the units of a layer, or of their outputs
LOST = 0.5  # share of the gradient of a matrix that is exactly 0


def _not_finite(record: TrainingRecord) -> Iterator[Evidence]:
    error = record.nonfinite_error
    if error is not None:
        yield Evidence(np.nan, 0.0, {"message": error.received}, record.step, form="fault")
    elif record.last_probe is not None:
        for path, part in record.last_probe.parts.items():
            if part.get("not_finite", 0.0) > 0:
                # The layer is a fact, not the place: what the training fails with is the same finding.
                facts = {"layer": path}
                yield Evidence(part["not_finite"], 0.0, facts, record.last_probe.step, form="part")
                return


def _exploding(record: TrainingRecord) -> Iterator[Evidence]:
    for chain in _deep_chains(record):
        ratios = [(probe, *_ends(record.data_gradients(probe), chain)) for probe in record.probes]
        exploding = [
            (probe, first / last) for probe, first, last in ratios if last > 0 and first / last > EXPLODING
        ]
        if len(exploding) >= 2 and 2 * len(exploding) >= len(ratios):
            probe, ratio = max(exploding, key=lambda item: item[1])
            yield Evidence(ratio, EXPLODING, {"last": chain[-1]}, probe.step, chain[0], "ratio")
            return
    norms = [(probe, probe.values["gradient_norm"]) for probe in record.probes]
    for i, (probe, norm) in enumerate(norms[1:], 1):
        typical = median(earlier for _, earlier in norms[:i])
        is_diverging = not np.isfinite(norm) or probe.values["training_loss"] > 2 * record.first_loss
        if norm > JUMP * max(typical, 1e-12) and is_diverging:
            yield Evidence(norm / max(typical, 1e-12), JUMP, {}, probe.step, form="jump")
            return


def _vanishing(record: TrainingRecord) -> Iterator[Evidence]:
    for chain in _deep_chains(record):
        vanishing = []
        for probe in record.probes:
            first, last = _ends(record.data_gradients(probe), chain)
            weight, _ = _ends(record.statistic(probe, "weight"), chain)
            if last > 0 and first / last < VANISHING and first < SMALL * max(weight, 1e-12):
                vanishing.append((first / last, probe))
        if len(vanishing) >= 2 and 2 * len(vanishing) > len(record.probes):
            ratio, probe = min(vanishing, key=lambda item: item[0])
            yield Evidence(ratio, VANISHING, {"last": chain[-1]}, probe.step, chain[0])
            return


def _deep_chains(record: TrainingRecord) -> list[tuple[str, ...]]:
    """Return the chains of weight matrices along which a gradient is multiplied at least twice."""
    return [tuple(chain) for chain in record.weight_chains if len(chain) >= 3]


def _ends(values: Mapping[str, float], chain: Sequence[str]) -> tuple[float, float]:
    """Return the values of the first and the last weight matrix of a chain."""
    norms = [values[path] for path in chain if path in values] or [0.0]
    return norms[0], norms[-1]


def _dying(record: TrainingRecord) -> Iterator[Evidence]:
    for path, kind in record.activations.items():
        if kind in RECTIFIERS and (share_and_probe := _lasting(record, path, "dead")):
            yield Evidence(
                share_and_probe[0], SHARE, {"share": share_and_probe[0]}, share_and_probe[1].step, path
            )


def _saturated(record: TrainingRecord) -> Iterator[Evidence]:
    for path in record.hidden_activations:
        if record.activations[path] in SATURATING and (
            share_and_probe := _lasting(record, path, "saturated")
        ):
            facts = {"share": share_and_probe[0], "kind": record.activations[path]}
            yield Evidence(share_and_probe[0], SHARE, facts, share_and_probe[1].step, path)


def _lasting(record: TrainingRecord, path: str, name: str) -> tuple[float, Probe] | None:
    """Return the smaller share above the threshold in the last two probes, and the last probe."""
    shares = [(probe.parts.get(path, {}).get(name, 0.0), probe) for probe in record.probes[-2:]]
    if len(shares) < 2 or not all(share > SHARE for share, _ in shares):
        return None
    return min(share for share, _ in shares), shares[-1][1]


def _underflow(record: TrainingRecord) -> Iterator[Evidence]:
    underflows = [
        (probe, path, share) for probe in record.probes for path, share in _lost(record, probe).items()
    ]
    probes = {probe.step for probe, _, _ in underflows}
    if underflows and 2 * len(probes) > len(record.probes):
        probe, path, share = underflows[-1]
        yield Evidence(share, LOST, {"share": share}, probe.step, path)


def _lost(record: TrainingRecord, probe: Probe) -> dict[str, float]:
    """Return the weight matrices whose gradient is mostly 0 although no layer is inactive."""
    layers = probe.layers.values()
    if any(layer.get("dead", 0.0) > 0.25 for layer in layers) or not probe.values["training_loss"] > 0:
        return {}
    shares = record.statistic(probe, "no_gradient")
    return {path: share for path, share in shares.items() if share > LOST}


NOT_FINITE = Rule(
    1,
    "not-finite",
    "loss NaN or infinite",
    "error",
    symptom="a loss, a gradient or a weight is NaN or infinite",
    threshold=fact("a single value"),
    source="SageMaker Debugger, ExplodingTensor; AutoTrainer",
    what={"fault": "a value became non-finite: {message}", "part": "{layer} contains non-finite values"},
    why=(
        "The logarithm of 0, a division by 0 or an overflowing exponential gives a non-finite value, and "
        "so does everything computed from it; the most frequent cause is a learning rate that is too "
        "high."
    ),
    remedy="cr.Model(net, loss, optimizer, clip=cr.ClipGlobalNorm(1.0))",
    remedy_comment="reduce the learning rate",
    during=_not_finite,
)
EXPLODING_GRADIENTS = Rule(
    2,
    "exploding-gradients",
    "exploding gradients",
    "warning",
    symptom="gradients grow from the last layer to the first, or increase suddenly",
    threshold=fact(
        "in most probes the gradient of the first layer, without penalties, is more than "
        "{exploding:g} times that of the last, or the norm of the gradient is more than {jump:g} "
        "times its usual value while the loss has doubled",
        exploding=EXPLODING,
        jump=JUMP,
    ),
    source="AutoTrainer (70); the jump is this project's own",
    what={
        "ratio": "the gradient of {layer} is {value:.3g} times that of {last}, the last layer behind it",
        "jump": "the gradient norm is {value:.3g} times its usual value, and the loss rises",
    },
    why=(
        "In the backward pass the gradient is multiplied by the weights of each layer; if they are large, it "
        "grows with every layer."
    ),
    remedy="cr.Model(net, loss, optimizer, clip=cr.ClipGlobalNorm(1.0))",
    during=_exploding,
)
VANISHING_GRADIENTS = Rule(
    3,
    "vanishing-gradients",
    "vanishing gradients",
    "warning",
    symptom="almost no gradient reaches the first layers",
    threshold=fact(
        "in most probes the gradient of the first layer, without penalties, is below {vanishing:g} "
        "of that of the last, and below {small:g} of the norm of its weights",
        vanishing=VANISHING,
        small=SMALL,
    ),
    source="AutoTrainer (1e-3, 1e-4)",
    what=(
        "the gradient of {layer} is only {value:.3g} of that of {last}, the last layer behind it: it hardly "
        "learns"
    ),
    why=(
        "In the backward pass the gradient is multiplied by the derivative of every activation function; "
        "that of a sigmoid is at most 0.25, so ten layers reduce it to a millionth."
    ),
    remedy='cr.Dense(64, activation="relu")',
    remedy_comment="or cr.Residual(...), cr.BatchNorm(), fewer layers",
    during=_vanishing,
)
DYING_RELU = Rule(
    4,
    "dying-relu",
    "dying ReLU",
    "warning",
    symptom="many units output 0 for every sample",
    threshold=fact(
        "more than {share:.0%} of the units of a layer output 0 for every row in the last two probes",
        share=SHARE,
    ),
    source="SageMaker Debugger, DyingRelu (50 %)",
    what="{share:.0%} of the units of {layer} are inactive",
    why=(
        "Where a ReLU outputs 0, its derivative is 0: a unit whose weighted sum is negative for every sample "
        "gets no gradient and does not recover."
    ),
    remedy='cr.Dense(64, activation="leaky_relu")',
    remedy_comment="also reduce the learning rate",
    during=_dying,
)
SATURATED = Rule(
    5,
    "saturated",
    "saturated sigmoid or tanh",
    "warning",
    symptom="most outputs are where the activation function is flat",
    threshold=fact(
        "more than {share:.0%} of the outputs of a hidden layer have a derivative below 0.01 in the "
        "last two probes",
        share=SHARE,
    ),
    source="this project's own (SageMaker Debugger's limits are reached far too late)",
    what="{share:.0%} of the outputs of {layer} are where its {kind} is flat",
    why=(
        "Far from 0 a sigmoid or tanh is almost constant: its derivative is near 0, and so is the gradient "
        "that passes through it."
    ),
    remedy="cr.BatchNorm()",
    remedy_comment="before the activation; or standardize the inputs, reduce the initial weights",
    during=_saturated,
)
UNDERFLOW = Rule(
    32,
    "gradient-underflow",
    "gradients underflow",
    "warning",
    symptom="gradients are exactly 0 although the loss is not",
    threshold=fact(
        "in most probes more than {lost:.0%} of the gradient of a weight matrix, without penalties "
        "and without inputs that are 0 in every row, is exactly 0, and no unit is inactive",
        lost=LOST,
    ),
    source="training-problems list, after mixed-precision training (Micikevicius et al. 2018)",
    what="{share:.0%} of the gradient of {layer} is exactly 0: too small for its dtype",
    why=(
        "In float32, values below about 1e-45 are 0; products of many small factors, or very small inputs, "
        "fall below that."
    ),
    remedy='cr.Model(net, loss, dtype="float64")',
    remedy_comment="also scale the inputs to about 1",
    during=_underflow,
)
