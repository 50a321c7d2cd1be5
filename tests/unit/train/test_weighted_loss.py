"""Class weights, ignored labels and sample weights give PyTorch's ``reduction="mean"`` everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.nn.loss import LOSSES
from chainrule.nn.loss.class_targets import OneClass
from chainrule.plan.microbatch import split_batch
from chainrule.plan.plan import Cut
from chainrule.symbolic_shape import Size, Spec
from chainrule.trace import trace
from chainrule.train.step_graph import training_step

WEIGHTS = (0.5, 2.0, 7.0)
WEIGHT = torch.tensor(WEIGHTS, dtype=torch.float64)
GONE = -7
Peer = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _cross_entropy(**options: Any) -> Peer:
    return lambda z, y: functional.cross_entropy(z.movedim(-1, 1), y, ignore_index=GONE, **options)


CASES: dict[str, tuple[Callable[[], cr.nn.Loss], Peer]] = {
    "ignored": (lambda: cr.CrossEntropy(ignore_index=GONE), _cross_entropy()),
    "classes": (lambda: cr.CrossEntropy(class_weight=WEIGHTS), _cross_entropy(weight=WEIGHT)),
    "both": (lambda: cr.CrossEntropy(class_weight=WEIGHTS, ignore_index=GONE), _cross_entropy(weight=WEIGHT)),
    "smoothed": (
        lambda: cr.CrossEntropy(label_smoothing=0.2, class_weight=WEIGHTS, ignore_index=GONE),
        _cross_entropy(weight=WEIGHT, label_smoothing=0.2),
    ),
    "nll": (
        lambda: cr.NLL(class_weight=WEIGHTS, ignore_index=GONE),
        lambda z, y: functional.nll_loss(z.log_softmax(-1).movedim(-1, 1), y, WEIGHT, ignore_index=GONE),
    ),
}


def rows(name: str, n: int, places: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and labels; of some rows all labels are ignored where the loss can ignore any."""
    rng = np.random.default_rng(seed)
    shape = (n, places) if places else (n,)
    x, y = rng.normal(size=(*shape, 4)), rng.integers(0, 3, shape)
    y[:3] = np.arange(3).reshape(3, *[1] * (y.ndim - 1))  # every class occurs
    if name != "classes":
        y[3:][rng.uniform(size=y[3:].shape) < 0.4] = GONE
        y[5:9] = GONE
    return x, y


def model_of(name: str, loss: cr.nn.Loss, **options: Any) -> cr.Model:
    net = cr.Dense(3, activation="log_softmax" if name == "nll" else None)
    settings = {"dtype": "float64", "penalty": None, **options}
    return cr.Model(net, loss, settings.pop("optimizer", cr.SGD(0.2)), **settings)


def by_torch(
    model: cr.Model, peer: Peer, x: np.ndarray, y: np.ndarray, batch: int, epochs: int
) -> dict[str, np.ndarray]:
    """The parameters after a training by PyTorch from the initial values of the model."""
    parameters = {path: torch.tensor(a, requires_grad=True) for path, a in model.parameters().items()}
    optimizer = torch.optim.SGD(parameters.values(), 0.2)
    for _ in range(epochs):
        for start in range(0, len(x), batch):
            z = functional.linear(
                torch.tensor(x[start : start + batch]), parameters["weight"], parameters["bias"]
            )
            optimizer.zero_grad()
            loss = peer(z, torch.tensor(y[start : start + batch]))
            if torch.isfinite(loss):  # NaN for a batch without labels
                loss.backward()
                optimizer.step()
    return {path: a.detach().numpy() for path, a in parameters.items()}


def first(model: cr.Model, x: np.ndarray) -> None:
    model.initialize({"x": Spec((Size.symbol("B"), *x.shape[1:]), "float64")}, seed=3)


def same(values: Any, expected: Any, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("places", [0, 5])
@pytest.mark.parametrize("name", CASES)
def test_a_training_matches_pytorch(name: str, places: int, engine: str) -> None:
    loss, peer = CASES[name]
    x, y = rows(name, 37, places)
    model = model_of(name, loss(), engine=engine)
    first(model, x)
    expected = by_torch(model, peer, x, y, 8, 3)
    history = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=False, validation=(x, y))
    for path, array in model.parameters().items():
        same(array, expected[path])
    z = functional.linear(torch.tensor(x), *(torch.tensor(expected[path]) for path in ("weight", "bias")))
    value = peer(z, torch.tensor(y)).item()
    same(model.evaluate(x, y)["loss"], value)
    same(history[-1]["val_loss"], value)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("name", CASES)
def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(name: str, engine: str) -> None:
    x, y = rows(name, 41, 4)
    model = model_of(name, CASES[name][0](), optimizer=cr.SGD(1e-300), engine=engine)
    history = model.fit(x, y, epochs=1, batch_size=8, verbose=False)
    same(history[-1]["loss"], model.evaluate(x, y)["loss"])


@pytest.mark.parametrize("places", [0, 5])
@pytest.mark.parametrize("name", CASES)
def test_an_explanation_has_the_loss_and_the_gradients_of_torch(name: str, places: int) -> None:
    loss, peer = CASES[name]
    x, y = rows(name, 10, places)
    model = model_of(name, loss())
    first(model, x)
    model.fit(x, y, epochs=1, verbose=False)
    network, coded = model.network, np.where(y == GONE, GONE, y)
    assert network is not None
    traced = trace(network, model.state.arrays, {"x": x}, {"target": coded})
    parameters = {path: torch.tensor(a, requires_grad=True) for path, a in model.parameters().items()}
    value = peer(
        functional.linear(torch.tensor(x), parameters["weight"], parameters["bias"]), torch.tensor(y)
    )
    value.backward()
    same(traced.loss, value.item())
    for path, array in parameters.items():
        assert array.grad is not None
        same(traced.gradients[path], array.grad.numpy())
    texts = {lang: str(model.explain(x, y, lang=lang)) for lang in ("en", "zh")}
    assert all("Σ ω⁽ⁱ⁾·J⁽ⁱ⁾ / Σ ω⁽ⁱ⁾" in text for text in texts.values())


@pytest.mark.parametrize("shape", ["rows", "places"])
@pytest.mark.parametrize("name", ["plain", *CASES])
def test_weights_of_samples_and_places_multiply_those_of_classes(name: str, shape: str) -> None:
    loss = cr.CrossEntropy() if name == "plain" else CASES[name][0]()
    x, y = rows("classes" if name == "plain" else name, 23, 5)
    weights = np.random.default_rng(4).uniform(0.1, 3, y.shape if shape == "places" else len(y))
    model = model_of(name, loss)
    first(model, x)
    position_weights = torch.tensor(weights if shape == "places" else np.repeat(weights[:, None], 5, 1))

    def peer(z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        part = position_weights[peer.start : peer.start + 8]  # pyright: ignore[reportFunctionMemberAccess]
        peer.start = (peer.start + 8) % 24  # pyright: ignore[reportFunctionMemberAccess]
        return weighted(loss, z, target, part)

    peer.start = 0  # pyright: ignore[reportFunctionMemberAccess]
    expected = by_torch(model, peer, x, y, 8, 2)
    data = {"sample_weight": weights}
    model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=False, validation=(x, y, weights), **data)
    for path, array in model.parameters().items():
        same(array, expected[path])
    z = functional.linear(torch.tensor(x), *(torch.tensor(expected[path]) for path in ("weight", "bias")))
    value = weighted(loss, z, torch.tensor(y), position_weights).item()
    same(model.evaluate(x, y, sample_weight=weights)["loss"], value)
    same(model.history[-1]["val_loss"], value)


def weighted(loss: Any, z: torch.Tensor, y: torch.Tensor, position_weights: torch.Tensor) -> torch.Tensor:
    """The weighted mean of the losses of positions; every term of PyTorch's with one more factor."""
    known = y != GONE
    classes = WEIGHT[y.clamp(min=0)] if loss.class_weight else torch.ones_like(position_weights)
    options: dict[str, Any] = {"ignore_index": GONE, "reduction": "none"}
    options["weight"] = WEIGHT if loss.class_weight else None
    if loss.name == "nll":
        terms = functional.nll_loss(z.log_softmax(-1).movedim(-1, 1), y, **options)
    else:
        smoothing = loss.label_smoothing
        terms = functional.cross_entropy(z.movedim(-1, 1), y, label_smoothing=smoothing, **options)
    return (terms * position_weights).sum() / (classes * position_weights * known).sum()


def test_class_weights_of_the_loss_are_those_of_fit() -> None:
    x, y = rows("classes", 30, 0)
    by_loss = model_of("", cr.CrossEntropy(class_weight=WEIGHTS))
    by_fit = model_of("", cr.CrossEntropy())
    options = {"epochs": 4, "batch_size": 8, "verbose": False}
    by_loss.fit(x, y, **options)
    by_fit.fit(x, y, class_weight=dict(enumerate(WEIGHTS)), **options)
    for path, array in by_loss.parameters().items():
        same(array, by_fit.parameters()[path])
    same([row["loss"] for row in by_loss.history], [row["loss"] for row in by_fit.history])


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("name", CASES)
def test_a_batch_in_several_microbatches_has_the_same_mean(name: str, cores: int) -> None:
    """The sums of the microbatches are added before they are divided."""
    loss, peer = CASES[name]
    x, y = rows(name, 400, 30)
    ends = {"nll": "log_softmax"}.get(name)
    net = cr.Sequential(cr.Dense(64, activation="tanh"), cr.Dense(3, activation=ends))
    model = cr.Model(net, loss(), cr.SGD(0.2), dtype="float64", penalty=None)
    first(model, x)
    parameters = {path: torch.tensor(a, requires_grad=True) for path, a in model.parameters().items()}
    (w1, b1), (w2, b2) = (
        [parameters[f"{layer}.{part}"] for part in ("weight", "bias")]
        for layer in dict.fromkeys(path.rpartition(".")[0] for path in parameters)
    )
    hidden = torch.tanh(functional.linear(torch.tensor(x), w1, b1))
    value = peer(functional.linear(hidden, w2, b2), torch.tensor(y))
    value.backward()
    assert model.network is not None
    step = training_step(model.network, False, 1)
    cut = Cut(1, "loss", tuple(step.gradients.values()), step.homes)
    split = split_batch(step.graph, 400, cut, cores)
    assert split.microbatches > 1
    with cr.settings.using(threads=cores):
        model.fit(x, y, epochs=1, batch_size=None, verbose=False)
    for path, array in parameters.items():
        assert array.grad is not None
        same(model.parameters()[path], array.detach().numpy() - 0.2 * array.grad.numpy())
    same(model.history[-1]["loss"], value.item())


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_batch_without_labels_has_loss_and_gradient_zero(engine: str) -> None:
    x, y = rows("both", 24, 5)
    y[8:16] = GONE
    steps: list[float] = []
    model = model_of("both", cr.CrossEntropy(class_weight=WEIGHTS, ignore_index=GONE), engine=engine)

    def watch(event: Any) -> None:
        if type(event).__name__ == "StepDone":
            steps.append(event.loss)

    history = model.fit(x, y, epochs=1, batch_size=8, shuffle=False, verbose=False, callbacks=[watch])
    assert steps[1] == 0.0
    assert steps[0] > 0
    assert np.isfinite(history[-1]["loss"])
    labeled = np.r_[0:8, 16:24]
    other = model_of("both", cr.CrossEntropy(class_weight=WEIGHTS, ignore_index=GONE), engine=engine)
    other.fit(x[labeled], y[labeled], epochs=1, batch_size=8, shuffle=False, verbose=False)
    for path, array in model.parameters().items():
        same(array, other.parameters()[path])


def test_rows_without_any_label_cannot_be_evaluated() -> None:
    x, y = rows("both", 24, 5)
    model = model_of("both", cr.CrossEntropy(ignore_index=GONE))
    model.fit(x, y, epochs=1, verbose=False)
    with pytest.raises(ChainruleError) as caught:
        model.evaluate(x, np.full_like(y, GONE))
    assert caught.value.code == "E102"


def test_the_loss_of_two_outputs_is_the_sum_of_two_means() -> None:
    x, y = rows("both", 20, 5)
    net = cr.Parallel("none", a=cr.Dense(3), b=cr.Dense(3))
    losses = {"a": cr.CrossEntropy(class_weight=WEIGHTS, ignore_index=GONE), "b": cr.CrossEntropy()}
    known = np.where(y == GONE, 0, y)
    model = cr.Model(net, losses, cr.SGD(1e-300), dtype="float64", penalty=None)
    model.fit(x, {"a": y, "b": known}, epochs=1, batch_size=None, verbose=False)
    parameters = {path: torch.tensor(a) for path, a in model.parameters().items()}
    z = {
        k: functional.linear(torch.tensor(x), parameters[f"{k}.weight"], parameters[f"{k}.bias"])
        for k in "ab"
    }
    value = _cross_entropy(weight=WEIGHT)(z["a"], torch.tensor(y))
    value += functional.cross_entropy(z["b"].movedim(-1, 1), torch.tensor(known))
    same(model.history[-1]["loss"], value.item())
    same(model.evaluate(x, {"a": y, "b": known})["loss"], value.item())
    assert model.network is not None
    traced = trace(model.network, model.state.arrays, {"x": x}, {"target.a": y, "target.b": known})
    same(traced.loss, value.item())
    assert traced.gradient_check.error < 1e-6


@pytest.mark.parametrize("inside", [(4,), (5, 1), (1, 5)])
def test_weights_of_wrong_shape_are_refused(inside: tuple[int, ...]) -> None:
    x, y = rows("classes", 12, 5)
    with pytest.raises(ChainruleError) as caught:
        model_of("", cr.CrossEntropy()).fit(x, y, sample_weight=np.ones((12, *inside)), verbose=False)
    assert caught.value.code == "E341"
    assert "(N, 5)" in str(caught.value)


@pytest.mark.parametrize("name", [n for n, kind in LOSSES.items() if issubclass(kind, OneClass)])
def test_every_loss_of_classes_defines_its_denominator(name: str) -> None:
    """Numerator and denominator of one sample; the weights are factors of both, or of the numerator only."""
    z, y = np.random.default_rng(1).normal(size=(6, 4, 3)), np.random.default_rng(2).integers(0, 3, (6, 4))
    y[0], y[1, :2] = GONE, GONE
    loss = LOSSES[name](class_weight=WEIGHTS, ignore_index=GONE)
    total, count = loss.parts(cr.constant(z), cr.constant(y))
    assert count is not None
    plain = LOSSES[name](ignore_index=GONE).terms(cr.constant(z), cr.constant(y))
    total, count, terms = cr.evaluate([total, count, plain], {})
    weights = np.where(y == GONE, 0, np.array(WEIGHTS)[np.maximum(y, 0)])
    same(total, (terms * weights).sum(1))
    same(count, (weights if loss.divides else y != GONE).sum(1))
