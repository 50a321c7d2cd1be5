"""Networks that call one tower for several inputs train as their PyTorch twins do, in float64."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations

import chainrule as cr
from chainrule import nn
from chainrule.errors import UsageError
from chainrule.graph import Node, order
from chainrule.ops.random_ops import Draw
from chainrule.prng import KEY, key_of
from chainrule.symbolic_shape import Size, Spec, bound

SIDES = ("left", "middle", "right")
STEPS, ROWS = 4, 8
B = Size.symbol("B")


@cr.layer
class Towers(nn.Layer):
    """A tower for each input, all of them one layer, and a head on their concatenated outputs.

    ``direct``: the tower is called itself, not by ``scope.run``, so that it has the path of this layer.
    """

    tower: nn.Layer
    direct: bool = False

    def __call__(self, x: Mapping[str, Node], scope: nn.Scope) -> Node:
        if self.direct:
            seen = [self.tower(x[name], scope) for name in x]
        else:
            seen = [scope.run(self.tower, x[name], "tower") for name in x]
        return scope.run(nn.Dense(1), cr.concatenate(seen, -1), "head")


class Twin(torch.nn.Module):
    """The same network in PyTorch."""

    def __init__(self, tower: torch.nn.Module, width: int) -> None:
        super().__init__()
        self.tower, self.head = tower, torch.nn.Linear(width, 1)
        self.activity: list[torch.Tensor] = []

    def forward(self, *x: torch.Tensor) -> torch.Tensor:
        seen = [self.tower(inputs) for inputs in x]
        self.activity += seen
        return self.head(torch.cat(seen, -1))


def data(sides: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Inputs of different mean and spread for each tower, so that running statistics differ."""
    rng = np.random.default_rng(2)
    x = {name: rng.normal(3.0 * i - 2.0, 1.0 + i, (ROWS, 3)) for i, name in enumerate(SIDES[:sides])}
    return x, rng.normal(size=(ROWS, 1))


def trained(net: nn.Layer, sides: int, **options: Any) -> cr.Model:
    """A model after some steps of all rows each."""
    x, y = data(sides)
    optimizer = cr.SGD(0.1, momentum=0.9)
    model = cr.Model(net, "mse", optimizer, dtype="float64", engine="reference", penalty=None, **options)
    model.fit(x, y, epochs=STEPS, batch_size=ROWS, shuffle=False, seed=3, verbose=False)
    return model


def start(net: nn.Layer, sides: int) -> dict[str, np.ndarray]:
    """The initial parameters and states of that training."""
    model = cr.Model(net, "mse", dtype="float64", engine="reference", penalty=None)
    x, y = data(sides)
    model.fit(x, y, epochs=0, batch_size=ROWS, seed=3, verbose=False)
    return {**model.parameters(), **model.states()}


def steps(twin: Twin, sides: int, strength: float = 0.0) -> list[float]:
    """The losses of the twin's training."""
    x, y = data(sides)
    optimizer, losses = torch.optim.SGD(twin.parameters(), 0.1, momentum=0.9), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        twin.activity.clear()
        loss = ((twin(*map(torch.tensor, x.values())) - torch.tensor(y)) ** 2).mean()
        loss = loss + strength * sum((activity**2).sum() for activity in twin.activity) / ROWS
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def copy_weights(linear: torch.nn.Linear, values: Mapping[str, np.ndarray], path: str) -> None:
    """Copy our initial values into a fully connected layer of PyTorch."""
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(values[f"{path}.weight"]))
        linear.bias.copy_(torch.tensor(values[f"{path}.bias"]))


@pytest.fixture(autouse=True)
def _float64() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def agree(model: cr.Model, expected: Mapping[str, Any]) -> None:
    """Assert that the model has the expected parameters and states."""
    variables = {**model.parameters(), **model.states()}
    for path, value in expected.items():
        np.testing.assert_allclose(
            variables[path], value.detach().numpy(), rtol=1e-12, atol=1e-12, err_msg=path
        )


def losses_agree(model: cr.Model, losses: list[float]) -> None:
    """Assert that the model has the expected loss in every step."""
    model_losses = np.array([epoch["loss"] for epoch in model.history], np.float64)
    np.testing.assert_allclose(model_losses, losses, rtol=1e-12)


@pytest.mark.parametrize("wrap", [lambda layer: layer, nn.Remat], ids=["plain", "remat"])
@pytest.mark.parametrize("sides", [2, 3])
def test_batch_norm_updates_running_statistics_in_every_call(sides: int, wrap: Any) -> None:
    net = Towers(wrap(nn.Sequential(dense=nn.Dense(4), norm=nn.BatchNorm(), bend=nn.Activation("tanh"))))
    tower: Any = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh())
    twin, first = Twin(tower, 4 * sides), start(net, sides)
    copy_weights(tower[0], first, "tower.dense")
    copy_weights(twin.head, first, "head")
    losses, model = steps(twin, sides), trained(net, sides)
    losses_agree(model, losses)
    agree(
        model,
        {
            "tower.dense.weight": tower[0].weight,
            "tower.norm.scale": tower[1].weight,
            "tower.norm.running_mean": tower[1].running_mean,
            "head.weight": twin.head.weight,
            "tower.norm.running_variance": tower[1].running_var,
            "tower.norm.shift": tower[1].bias,
        },
    )


@pytest.mark.parametrize("direct", [False, True], ids=["run", "called itself"])
@pytest.mark.parametrize("sides", [2, 3])
def test_spectral_norm_iterates_in_every_call(sides: int, direct: bool) -> None:
    net = Towers(nn.SpectralNorm(nn.Dense(4)), direct)
    linear: Any = torch.nn.Linear(3, 4)
    twin, first, path = Twin(linear, 4 * sides), start(net, sides), "dense" if direct else "tower.dense"
    copy_weights(linear, first, path)
    copy_weights(twin.head, first, "head")
    parametrizations.spectral_norm(linear, eps=1e-12)
    norm: Any = linear.parametrizations.weight[0]
    norm._v.copy_(torch.tensor(first[f"{path}.weight_direction"]))
    losses, model = steps(twin, sides), trained(net, sides)
    losses_agree(model, losses)
    agree(
        model,
        {
            f"{path}.weight_direction": norm._v,
            "head.weight": twin.head.weight,
            f"{path}.weight": linear.parametrizations.weight.original,
            f"{path}.bias": linear.bias,
        },
    )


@pytest.mark.parametrize("sides", [2, 3])
def test_activity_of_all_calls_is_penalized(sides: int) -> None:
    net = Towers(nn.Sequential(dense=nn.Dense(4, "tanh"), cost=nn.ActivityRegularization(cr.L2(0.3))))
    tower: Any = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh())
    twin, first = Twin(tower, 4 * sides), start(net, sides)
    copy_weights(tower[0], first, "tower.dense")
    copy_weights(twin.head, first, "head")
    losses, model = steps(twin, sides, strength=0.3), trained(net, sides)
    losses_agree(model, losses)
    agree(model, {"tower.dense.weight": tower[0].weight, "head.weight": twin.head.weight})


def random_streams(nodes: list[Node]) -> dict[Node, int]:
    """The random nodes of a graph with their streams."""
    return {node: node.op.stream for node in order(nodes) if isinstance(node.op, Draw)}


RANDOM = {
    "dropout": nn.Dropout(0.4),
    "noise": nn.GaussianNoise(0.5),
    "gaussian dropout": nn.GaussianDropout(0.3),
    "alpha dropout": nn.AlphaDropout(0.3),
    "rrelu": nn.Activation("rrelu"),
}


@pytest.mark.parametrize("direct", [False, True], ids=["run", "called itself"])
@pytest.mark.parametrize("layer", RANDOM.values(), ids=list(RANDOM))
def test_every_call_has_its_own_noise_of_the_right_distribution(layer: nn.Layer, direct: bool) -> None:
    rows = 4000
    specs = {name: Spec((B, 3), "float64") for name in SIDES}
    built = nn.build(Towers(layer, direct), specs, "float64", training=True)
    concatenated = next(
        node for node in order([built.output]) if node.op.name == "concatenate" and node.shape[-1] == 9
    )
    x = {name: np.full((rows, 3), -2.0) for name in SIDES}
    values = cr.compile(cr.Graph({"y": concatenated}), "reference").run({**x, KEY: key_of(1)})["y"]
    parts = np.split(values, 3, axis=-1)
    alone = nn.build(Towers(layer, direct), {"left": specs["left"]}, "float64", training=True)
    assert next(iter(random_streams([built.output]).values())) in random_streams([alone.output]).values()
    assert len(set(random_streams([built.output]).values())) == 3 * len(random_streams([alone.output]))
    for i in range(3):
        assert abs(parts[i].mean() - parts[0].mean()) < 0.1
        assert parts[i].std() == pytest.approx(parts[0].std(), rel=0.1)
        for j in range(i):
            assert abs(np.corrcoef(parts[i].ravel(), parts[j].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("wrap", [lambda layer: layer, nn.Remat], ids=["plain", "remat"])
def test_recomputed_calls_use_the_same_noise_and_the_same_states(wrap: Any) -> None:
    tower = nn.Sequential(
        nn.SpectralNorm(nn.Dense(4)), nn.Dropout(0.5), nn.BatchNorm(), nn.GaussianNoise(0.1)
    )
    plain, wrapped = trained(Towers(tower), 3), trained(Towers(wrap(tower)), 3)
    agree(wrapped, {p: torch.tensor(a) for p, a in {**plain.parameters(), **plain.states()}.items()})


def test_a_state_read_by_an_output_is_recomputed_without_gradient() -> None:
    built = [
        nn.build(Towers(wrap(Centered())), {n: Spec((B, 3), "float64") for n in SIDES}, "float64", True)
        for wrap in (lambda layer: layer, nn.Remat)
    ]
    x = data(3)[0]
    results = []
    for net in built:
        nodes = [net.output, *cr.grad(net.output.sum(), list(net.inputs.values()))]
        graph = cr.Graph({str(i): node for i, node in enumerate(nodes)})
        values = {p: np.ones(bound(q.node.shape)) for p, q in {**net.parameters, **net.states}.items()}
        results.append(cr.compile(graph, "reference").run({**x, **values}))
    for name, array in results[0].items():
        np.testing.assert_allclose(results[1][name], array, rtol=1e-12)
    np.testing.assert_allclose(results[0]["1"], np.full((ROWS, 3), 1.0))  # only by the input of the same call


@cr.layer
class Centered(nn.Layer):
    """Subtracts a state that each call updates from its input: the output depends on earlier calls."""

    def __call__(self, x: Node, scope: nn.Scope) -> Node:
        center = scope.state("center", (3,), cr.Fill(0.0))
        scope.update("center", center * 0.5 + x.mean(0) * 0.5)
        return x - center


def test_an_update_is_read_by_the_next_call_in_training_only() -> None:
    specs = {name: Spec((B, 3), "float64") for name in SIDES}
    training = nn.build(Towers(Centered()), specs, "float64", training=True)
    inference = nn.build(Towers(Centered()), specs, "float64")
    frozen = nn.build(Towers(Centered()), specs, "float64", training=True, frozen=("tower",))
    assert list(training.book.updates) == ["tower.center"]
    assert not inference.book.updates
    assert not frozen.book.updates
    x = data(3)[0]
    states = {"tower.center": np.zeros(3)}
    after = cr.compile(cr.Graph({"y": training.book.updates["tower.center"]}), "reference").run(
        {**x, **states}
    )
    means = [array.mean(0) for array in x.values()]
    np.testing.assert_allclose(after["y"], means[0] / 8 + means[1] / 4 + means[2] / 2, rtol=1e-12)


def test_notes_and_results_are_reached_by_path_and_call() -> None:
    built = nn.build(
        Towers(nn.Sequential(nn.Dense(2, "tanh"))), {n: Spec((B, 3), "float64") for n in SIDES}, "float64"
    )
    book = built.book
    assert book.calls_of("tower.dense1") == ["tower.dense1", "tower.dense1#2", "tower.dense1#3"]
    assert [book.notes[f"{call}.a"] for call in book.calls_of("tower.dense1")] == [
        book.results[call] for call in book.calls_of("tower")
    ]
    assert len(set(book.results.values())) == 4
    assert list(built.parameters) == ["tower.dense1.weight", "tower.dense1.bias", "head.weight", "head.bias"]
    assert list(book.layers) == ["tower", "tower.dense1", "head"]
    assert book.inside["tower.dense1#3"] == "tower#3"


def test_a_saved_and_a_resumed_training_have_the_same_parameters(tmp_path: Path) -> None:
    tower = nn.Sequential(nn.Dense(4), nn.BatchNorm(), nn.Dropout(0.5))
    x, y = data(2)
    options: dict[str, Any] = {"batch_size": 4, "seed": 3, "verbose": False}

    def fresh() -> cr.Model:
        return cr.Model(Towers(tower), "mse", cr.Adam(0.01), penalty=None)

    uninterrupted, first = fresh(), fresh()
    uninterrupted.fit(x, y, epochs=4, **options)
    first.fit(x, y, epochs=2, run=tmp_path / "run", **options)
    resumed = fresh()
    resumed.fit(x, y, epochs=4, run=tmp_path / "run", resume=True, **options)
    resumed.save(tmp_path / "m.safetensors")
    loaded = cr.load(tmp_path / "m.safetensors", layers=(Towers,))
    for model in (resumed, loaded):
        for path, array in {**uninterrupted.parameters(), **uninterrupted.states()}.items():
            np.testing.assert_array_equal({**model.parameters(), **model.states()}[path], array)
    np.testing.assert_array_equal(loaded.predict(x), uninterrupted.predict(x))


def test_an_update_without_a_state_is_refused() -> None:
    @cr.layer
    class Lost(nn.Layer):
        def __call__(self, x: Node, scope: nn.Scope) -> Node:
            scope.update("total", x.sum(0))
            return x

    with pytest.raises(UsageError, match="E101") as error:
        nn.build(Lost(), {"x": Spec((B, 3), "float64")}, "float64", training=True)
    assert "total" in str(error.value)
    assert "scope.state" in str(error.value)
