"""L-BFGS with a line search: the minima of SciPy and PyTorch, and the Wolfe conditions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize

from chainrule import nn
from chainrule.engines import compile
from chainrule.errors import UsageError
from minimization import START, minimize, rosenbrock, step_graphs


def _loss_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
    t = torch.tensor(x, requires_grad=True)
    loss = rosenbrock({"a": t[:3], "b": t[3:].reshape(3, 2)})
    loss.backward()
    assert t.grad is not None
    return loss.item(), t.grad.numpy()


def test_the_minimum_needs_about_as_many_evaluations_as_in_scipy() -> None:
    start = np.concatenate([START["a"], START["b"].ravel()])
    peer = optimize.minimize(
        _loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-8}
    )
    parameters = minimize(nn.LBFGS(), peer.nfev + 5)
    value = float(rosenbrock({name: parameters[f"inference {name}"] for name in START}))
    assert value == pytest.approx(peer.fun, rel=1e-9)
    np.testing.assert_allclose(parameters["inference a"], 1.0, atol=1e-5)


def test_the_minimum_is_pytorchs() -> None:
    tensors = {name: torch.tensor(v, requires_grad=True) for name, v in START.items()}
    peer = torch.optim.LBFGS(
        list(tensors.values()), max_iter=100, line_search_fn="strong_wolfe", tolerance_change=1e-14
    )

    def closure() -> torch.Tensor:
        peer.zero_grad()
        loss = rosenbrock(tensors)
        loss.backward()
        return loss

    peer.step(closure)
    parameters = minimize(nn.LBFGS(), 80)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(parameters[f"inference {name}"], tensor.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("learning_rate", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("history", [1, 4])
def test_every_accepted_point_satisfies_the_strong_wolfe_conditions(
    learning_rate: float, history: int
) -> None:
    optimizer = nn.LBFGS(learning_rate, history_size=history, curvature=0.5)
    graph, _, values = step_graphs(optimizer, 60)
    program, accepted = compile(graph, "reference"), 0
    for i in range(60):
        before, values = (
            values,
            program.run({label: {**values, "step": np.array(float(i))}[label] for label in graph.inputs}),
        )
        if i == 0 or values["line/tries"] or before["line/tries"] > optimizer.max_evaluations:
            continue
        if np.array_equal(values["a/point"], before["a/point"]):
            continue
        slope = sum((values[f"{n}/gradient"] * before[f"{n}/direction"]).sum() for n in START)
        drop = optimizer.armijo * before["line/length"] * before["line/slope"]
        assert values["line/base"] <= before["line/base"] + drop
        assert abs(slope) <= -optimizer.curvature * before["line/slope"]
        accepted += 1
    assert accepted >= 8


def test_a_failed_line_search_restarts_with_the_gradient() -> None:
    graph, _, values = step_graphs(nn.LBFGS(max_evaluations=2), 40)
    program, losses = compile(graph, "reference"), []
    for i in range(40):
        if i == 10:  # a bound that no point of the line reaches
            values = {**values, "line/base": np.array(-1e9), "line/low_loss": np.array(-1e9)}
        values = {**values, "step": np.array(float(i))}
        values = program.run({label: values[label] for label in graph.inputs})
        losses.append(float(values["loss"]))
    assert losses[-1] < 0.5 * losses[10]


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 0.0},
        {"history_size": 0},
        {"armijo": 0.95},
        {"curvature": 1.0},
        {"max_evaluations": 0},
    ],
)
def test_an_lbfgs_setting_out_of_range_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="E102"):
        nn.LBFGS(**settings)  # type: ignore[arg-type]
