"""Write the figures that tests compare our attributions with: ``python campaigns/captum_figures.py``.

The networks of ``tests/attribution_cases.py`` are built in PyTorch with the same weights and attributed with
Captum. The suite needs neither: it reads ``tests/golden/captum.json``. Needs ``captum``; takes a few seconds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import captum
import numpy as np
import torch
from captum.attr import (
    DeepLift,
    FeatureAblation,
    InputXGradient,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    LayerIntegratedGradients,
    Occlusion,
    Saliency,
    ShapleyValues,
)
from captum.influence import TracInCP
from torch import nn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from attribution_cases import CASES, ready  # noqa: E402

FILE = ROOT / "tests" / "golden" / "captum.json"
CLASS, STEPS, PATCH = 1, 20, 3
Numbers = dict[str, np.ndarray]


def linear(weights: Numbers, name: str) -> nn.Linear:
    """A fully connected layer with our weights."""
    weight = torch.tensor(weights[f"{name}.weight"])
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    layer.load_state_dict({"weight": weight, "bias": torch.tensor(weights[f"{name}.bias"])})
    return layer


def convolution(weights: Numbers, name: str, padding: int, stride: int = 1) -> nn.Conv2d:
    """A convolution with our weights: ours are (O, H, W, I), PyTorch's (O, I, H, W)."""
    weight = torch.tensor(weights[f"{name}.weight"]).permute(0, 3, 1, 2)
    layer = nn.Conv2d(
        *weight.shape[1::-1], weight.shape[2], stride=stride, padding=padding, dtype=torch.float64
    )
    layer.load_state_dict({"weight": weight, "bias": torch.tensor(weights[f"{name}.bias"])})
    return layer


class ChannelsLast(nn.Module):
    """Flattens images with channels last, as our Flatten does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


def dense(weights: Numbers) -> nn.Sequential:
    """The network "dense"."""
    return nn.Sequential(
        linear(weights, "dense1"),
        nn.ReLU(),
        linear(weights, "dense2"),
        nn.Tanh(),
        linear(weights, "dense3"),
        nn.Sigmoid(),
        linear(weights, "dense4"),
    )


def images(weights: Numbers) -> nn.Sequential:
    """The network "images"."""
    return nn.Sequential(
        convolution(weights, "conv1", 1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        convolution(weights, "conv2", 0),
        nn.ReLU(),
        ChannelsLast(),
        linear(weights, "dense1"),
    )


def strides(weights: Numbers) -> nn.Sequential:
    """The network "strides"."""
    return nn.Sequential(
        convolution(weights, "conv1", 0, 2),
        nn.ReLU(),
        convolution(weights, "conv2", 0, 1),
        nn.Tanh(),
        ChannelsLast(),
        linear(weights, "dense1"),
    )


def words(weights: Numbers) -> nn.Sequential:
    """The network "words"."""
    table = nn.Embedding.from_pretrained(torch.tensor(weights["embedding1.weight"]))
    return nn.Sequential(table, nn.Flatten(), linear(weights, "dense1"), nn.Tanh(), linear(weights, "dense2"))


def of_numbers(net: nn.Sequential, x: torch.Tensor) -> dict[str, Any]:
    """The attributions of a network whose inputs are numbers."""
    return {
        "saliency": Saliency(net).attribute(x, target=CLASS),
        "gradient_x_input": InputXGradient(net).attribute(x, target=CLASS),
        "integrated_gradients": IntegratedGradients(net).attribute(x, target=CLASS, n_steps=STEPS),
        **deep_lift(net, x),
    }


def deep_lift(net: nn.Sequential, x: torch.Tensor) -> dict[str, Any]:
    """DeepLIFT without max pooling: Captum attributes a maximum to the first of equal numbers, and after a
    relu its values do not always sum to the difference of the outputs.
    """
    if any(isinstance(layer, nn.MaxPool2d) for layer in net):
        return {}
    return {"deep_lift": DeepLift(net).attribute(x, target=CLASS)}


def of_dense(net: nn.Sequential, x: torch.Tensor) -> dict[str, Any]:
    return {
        **of_numbers(net, x),
        "occlusion": FeatureAblation(net).attribute(x, target=CLASS),
        "shapley": ShapleyValues(net).attribute(x, target=CLASS),
        "influence": influence(net, x, ["0", "2", "4", "6"]),
        "influence_last": influence(net, x, ["6"]),
    }


def of_images(net: nn.Sequential, x: torch.Tensor) -> dict[str, Any]:
    x = x.permute(0, 3, 1, 2)
    heat: Any = LayerGradCam(net, net[-3]).attribute(x, target=CLASS, relu_attributions=True)
    attributions = {
        **of_numbers(net, x),
        "grad_cam": LayerAttribution.interpolate(heat, tuple(x.shape[2:]), "bilinear"),
    }
    if x.shape[2] % PATCH == 0:
        window = (x.shape[1], PATCH, PATCH)
        attributions["occlusion"] = Occlusion(net).attribute(x, window, window, target=CLASS)
    return {name: values.permute(0, 2, 3, 1) for name, values in attributions.items()}


def of_words(net: nn.Sequential, x: torch.Tensor) -> dict[str, Any]:
    table = net[0](x.long())
    rest = net[1:]
    zero = torch.zeros_like(x).long()
    layer: Any = LayerIntegratedGradients(net, net[0])
    from_zero = layer.attribute(x.long(), zero, target=CLASS, n_steps=STEPS)
    attributions = {
        "gradient_x_input": InputXGradient(rest).attribute(table, target=CLASS),
        "integrated_gradients": IntegratedGradients(rest).attribute(table, target=CLASS, n_steps=STEPS),
        "deep_lift": DeepLift(rest).attribute(table, target=CLASS),
        "integrated_gradients_from_0": from_zero,
    }
    return {name: values.sum(-1) for name, values in attributions.items()}


def influence(net: nn.Sequential, x: torch.Tensor, layers: list[str]) -> Any:
    """The influence of each sample on each other (n, n), where the classes are 0, 1, 2, ..."""
    classes = torch.arange(len(x))
    data = torch.utils.data.TensorDataset(x, classes)
    loss = nn.CrossEntropyLoss(reduction="none")
    tracer = TracInCP(net, data, ["now"], lambda *_: 1.0, layers=layers, loss_fn=loss, batch_size=len(x))
    return tracer.influence((x, classes))


NETWORKS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "dense": (dense, of_dense),
    "images": (images, of_images),
    "strides": (strides, of_images),
    "words": (words, of_words),
}


def main() -> None:
    """Compute the attributions with Captum and write them."""
    table: dict[str, Any] = {"captum": captum.__version__, "torch": torch.__version__.split("+")[0]}
    for name, (build, attribute) in NETWORKS.items():
        model, x = ready(CASES[name])
        net = build(model.parameters())
        inputs = torch.tensor(x)
        images = inputs.permute(0, 3, 1, 2) if inputs.ndim == 4 else inputs
        scores = net(inputs.long() if CASES[name].words else images)
        assert np.allclose(scores.detach().numpy(), model(x), atol=1e-12), f"{name}: the networks differ"
        table[name] = {key: values.detach().tolist() for key, values in attribute(net, inputs).items()}
    FILE.write_text(json.dumps(table, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {FILE.name}, Captum {captum.__version__}")


if __name__ == "__main__":
    main()
