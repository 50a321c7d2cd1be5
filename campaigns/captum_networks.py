"""Compare integrated gradients with Captum on random networks: ``python -m campaigns.captum_networks``.

Each network has random depth, widths, activations, weights, samples and baselines, in float64. Ours are the
default values; Captum's use 50 steps, its default, and 500. The table has the largest difference of a value,
relative to the sum of the absolute values, and the errors of the sums. Needs ``captum`` and ``torch``.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import nn

import chainrule as cr
from chainrule.symbolic_shape import Size, Spec

TORCH = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "silu": nn.SiLU}
STEPS = (50, 500)


def random_networks(seed: int) -> tuple[cr.Model, nn.Sequential, int]:
    """The same random network here and in PyTorch, and the number of its inputs."""
    rng = np.random.default_rng(seed)
    inputs, depth = int(rng.integers(2, 20)), int(rng.integers(1, 5))
    widths = [int(rng.integers(4, 65)) for _ in range(depth)]
    names = [list(TORCH)[rng.integers(len(TORCH))] for _ in range(depth)]
    layers = [cr.Dense(width, name) for width, name in zip(widths, names, strict=True)]
    model = cr.Model(cr.Sequential(*layers, cr.Dense(3)), "mse", dtype="float64")
    model.initialize({"x": Spec((Size.symbol("B"), inputs), "float64")})
    sizes = [inputs, *widths, 3]
    parameters, parts = {}, []
    for i, (before, after) in enumerate(pairwise(sizes), 1):
        weight, bias = rng.normal(size=(after, before)) * 1.5 / np.sqrt(before), rng.normal(size=after)
        parameters |= {f"dense{i}.weight": weight, f"dense{i}.bias": bias}
        layer = nn.Linear(before, after, dtype=torch.float64)
        layer.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
        parts += [layer, *([TORCH[names[i - 1]]()] if i <= depth else [])]
    return model.load_parameters(parameters), nn.Sequential(*parts), inputs


def differences(seed: int) -> dict[str, float]:
    """The largest differences of a network's values, relative to the sum of the absolute values."""
    model, net, inputs = random_networks(seed)
    rng = np.random.default_rng(1000 + seed)
    x, baseline = 2 * rng.normal(size=(3, inputs)), rng.normal(size=inputs)
    ours = model.attribute(x, target=1, baseline=baseline)
    values = ours.values["x"]
    size = np.abs(values).sum(1)
    assert ours.residual is not None
    assert ours.base is not None
    explained = np.abs(ours.scores - ours.base)
    errors = {"sum": float(np.max(np.abs(ours.residual) / explained)), "steps": float(ours.settings["steps"])}
    for steps in STEPS:
        tensor = torch.tensor(x, requires_grad=True)
        captums, delta = IntegratedGradients(net).attribute(
            tensor, torch.tensor(baseline)[None], target=1, n_steps=steps, return_convergence_delta=True
        )
        gap = np.abs(captums.detach().numpy() - values).max(1)
        errors[f"captum {steps}"] = float(np.max(gap / size))
        errors[f"captum sum {steps}"] = float(np.max(np.abs(delta.numpy()) / explained))
    return errors


def main() -> None:
    """Print the differences of each network, and the largest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=20)
    rows = [differences(seed) for seed in range(parser.parse_args().networks)]
    names = list(rows[0])
    print("network  " + "  ".join(f"{name:>16}" for name in names))
    for seed, row in enumerate(rows):
        print(f"{seed:7}  " + "  ".join(f"{row[name]:16.2e}" for name in names))
    print("largest  " + "  ".join(f"{max(row[name] for row in rows):16.2e}" for name in names))


if __name__ == "__main__":
    main()
