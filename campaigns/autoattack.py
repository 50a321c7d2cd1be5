"""Compare attacks with those of torchattacks: ``python -m campaigns.autoattack``.

It writes a part of docs/trust.md. The networks of ``campaigns.robustness`` (run it first) are rebuilt in
PyTorch, and attacked there by APGD on the loss, on the difference of logits ratio and toward each class, by
the square attack, and by AutoAttack in its standard form; here by the methods of the same names with the
same numbers of steps and queries, and by the ensemble. A smaller accuracy is a stronger attack. ``pip install
--no-deps torchattacks`` installs the peer: its stated dependencies are those of old versions, and PyTorch is
all that it uses here.

Reference: Croce and Hein (2020), Reliable evaluation of adversarial robustness with an ensemble of diverse
parameter-free attacks (ICML); Kim (2020), Torchattacks, arXiv:2010.01950.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchattacks  # pyright: ignore[reportMissingImports]
from campaigns.robustness import images
from torch import nn

import chainrule as cr

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"
BEGIN, END = "<!-- autoattack -->", "<!-- end of autoattack -->"
STEPS, QUERIES = 50, 1000
NETWORKS = {"plain": 4 / 255, "adversarial": 0.1}  # name of the file -> radius
RADII = {"plain": "4/255", "adversarial": "0.1"}
METHODS = ("APGD, loss", "APGD, ratio of logits", "APGD, each class", "square", "all together")


class ChannelsLast(nn.Module):
    """(B, C, H, W) -> (B, H W C), the order of a flattened image here."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


def in_torch(model: cr.Model) -> nn.Module:
    """The network of ``campaigns.robustness`` with the weights of a model."""
    layers = [
        nn.Conv2d(1, 16, 4, stride=2),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2),
        nn.ReLU(),
        ChannelsLast(),
        nn.Linear(800, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    ]
    values = model.parameters()
    names = [("conv1", 0), ("conv2", 2), ("dense1", 5), ("dense2", 7)]
    with torch.no_grad():
        for name, place in names:
            weight = np.asarray(values[f"{name}.weight"])
            weight = (
                np.moveaxis(weight, -1, 1) if weight.ndim == 4 else weight
            )  # (O, H, W, I) -> (O, I, H, W)
            layers[place].weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            layers[place].bias.copy_(torch.from_numpy(np.asarray(values[f"{name}.bias"])))
    return nn.Sequential(*layers).eval()


def peers(network: nn.Module, radius: float) -> dict[str, Any]:
    """The attacks of torchattacks by the names of ``METHODS``."""
    apgd = {"eps": radius, "steps": STEPS, "seed": 0}
    return {
        METHODS[0]: torchattacks.APGD(network, loss="ce", **apgd),
        METHODS[1]: torchattacks.APGD(network, loss="dlr", **apgd),
        METHODS[2]: torchattacks.APGDT(network, n_classes=10, **apgd),
        METHODS[3]: torchattacks.Square(network, eps=radius, n_queries=QUERIES, seed=0),
        METHODS[4]: torchattacks.AutoAttack(network, eps=radius, version="standard", n_classes=10, seed=0),
    }


def own(model: cr.Model, x: np.ndarray, y: np.ndarray, radius: float) -> dict[str, Callable[[], int]]:
    """The attacks of this package by the names of ``METHODS``; each returns the number of robust samples."""

    def attack(method: Any, **options: Any) -> Callable[[], int]:
        return lambda: model.attack(x, y, radius=radius, method=method, **options).robust_accuracy.count

    return {
        METHODS[0]: attack("apgd", steps=STEPS),
        METHODS[1]: attack("apgd_dlr", steps=STEPS),
        METHODS[2]: attack("apgd_targeted", steps=STEPS),
        METHODS[3]: attack("square", queries=QUERIES),
        METHODS[4]: attack("ensemble"),
    }


def timed(function: Callable[[], int]) -> tuple[int, float]:
    """The result of a function and the processor time that it took."""
    start = time.process_time()
    return function(), time.process_time() - start


def compared(folder: Path, name: str, rows: int) -> list[str]:
    """Rows of the table for one network."""
    model, radius = cr.load(folder / f"{name}-0.safetensors"), NETWORKS[name]
    x, y = images("test")
    x, y = x[:rows], y[:rows]
    network = in_torch(model)
    classes = sorted(set(images("train")[1].tolist()))
    tensor = torch.from_numpy(np.moveaxis(x, -1, 1).copy())
    labels = torch.tensor([classes.index(label) for label in y.tolist()])
    assert [classes[k] for k in network(tensor).argmax(1)] == list(np.asarray(model.predict(x)))
    lines = []
    ours, theirs = own(model, x, y, radius), peers(network, radius)
    for method in METHODS:
        count, seconds = timed(ours[method])

        def robust(attack: Any = theirs[method]) -> int:
            return int((network(attack(tensor, labels)).argmax(1) == labels).sum())

        peer_count, peer_seconds = timed(robust)
        shares = f"{100 * count / rows:.1f} % | {100 * peer_count / rows:.1f} %"
        times = f"{seconds:.0f} s | {peer_seconds:.0f} s"
        lines.append(f"| {name} | {RADII[name]} | {method} | {shares} | {times} |")
        print(lines[-1], flush=True)
    return lines


def main(words: Sequence[str] | None = None) -> int:
    """Attack the networks by both packages and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--models", type=Path, default=Path("runs/robustness"))
    parser.add_argument("--rows", type=int, default=200)
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    rows, version = options.rows, torchattacks.__version__
    head = [
        f"By `python -m campaigns.autoattack --rows {rows}` after `campaigns.robustness`: accuracy",
        f"under attack on the first {rows} test images, here and by torchattacks {version}; {STEPS} steps of",
        f"APGD, {QUERIES:,} queries of the square attack. *All together* is the ensemble here, and",
        "AutoAttack in its standard form there.",
        "",
        "| network | radius | attack | accuracy here | torchattacks | CPU time here | torchattacks |",
        "|---|---|---|---|---|---|---|",
    ]
    lines = [line for name in NETWORKS for line in compared(options.models, name, options.rows)]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    text = "\n".join([*head, *lines])
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
