"""Image networks agree with PyTorch for the same weights, in training and inference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn as peer
from torch.nn import functional

import chainrule as cr
from chainrule import nn
from chainrule.engines import evaluate
from chainrule.models import MODELS
from chainrule.models.model_card import count_parameters, image
from chainrule.symbolic_shape import Size, Spec
from slow_imports import torchvision

CLOSE = {"float32": 1e-4, "float64": 1e-9}
HIDDEN = 24  # units instead of 4096: wide layers only take longer


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run on one thread, which is faster for products of this size."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- equal weights, without randomness ----------------------------------------------------------------------


def narrowed(net: nn.Sequential) -> nn.Sequential:
    """Our network with few units in its wide dense layers."""
    few = nn.Dense(HIDDEN, "relu")
    return nn.Sequential(**{n: few if n in ("dense6", "dense7") else part for n, part in net.named()})


def narrowed_peer(net: Any, first: int, second: int) -> Any:
    """The same for PyTorch's network, which is built on the meta device."""
    head = len(net.classifier) - 1
    net.classifier[first] = peer.Linear(net.classifier[first].in_features, HIDDEN, device="meta")
    net.classifier[second] = peer.Linear(HIDDEN, HIDDEN, device="meta")
    net.classifier[head] = peer.Linear(HIDDEN, net.classifier[head].out_features, device="meta")
    return net


def with_numbers(net: Any, dtype: str) -> Any:
    """A PyTorch network with random parameters and running statistics."""
    net = net.to_empty(device="cpu").to(getattr(torch, dtype))
    draws = torch.Generator().manual_seed(3)
    for name, value in net.state_dict().items():
        if not value.is_floating_point():
            continue
        spread = (2 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
        value.copy_(torch.randn(value.shape, generator=draws, dtype=value.dtype) * spread)
        if value.ndim == 1 and ("running_var" in name or "weight" in name):
            value.abs_().add_(0.8)
    return net


def numbers(module: peer.Module, target_value: dict[str, Spec], places: int) -> dict[str, np.ndarray]:
    """The parameters of a PyTorch layer, with our axis order and names."""
    names = {"scale": "weight", "shift": "bias", "running_variance": "running_var"}
    actual = {}
    for name, spec in target_value.items():
        value = getattr(module, names.get(name, name)).detach()
        if value.ndim == 4 and isinstance(module, peer.Conv2d | peer.ConvTranspose2d):
            value = value.movedim(1, -1)  # (O, I, H, W) -> (O, H, W, I)
        elif value.ndim == 2 and places > 1 and value.shape[1] % places == 0:
            side = int(places**0.5)  # (O, C H W) -> (O, H W C)
            value = value.unflatten(1, (-1, side, side)).movedim(1, -1).flatten(1)
        actual[name] = value.reshape(spec.shape).numpy()  # a convolution of one cell is a dense layer here
    return actual


def copied(built: nn.Built, net: Any, places: int) -> dict[str, np.ndarray]:
    """Our parameters and running statistics, from PyTorch's layers in their order.

    Args:
        built: our network.
        network: PyTorch's; its layers with weights are defined in the order in which ours run.
        places: how many places are flattened before the first dense layer.
    """
    ours: dict[str, dict[str, Spec]] = {}
    for path, parameter in {**built.parameters, **built.states}.items():
        place, _, name = path.rpartition(".")
        ours.setdefault(place, {})[name] = parameter.spec
    theirs = [m for m in net.modules() if list(m.parameters(recurse=False))]
    assert len(ours) == len(theirs)
    actual = {}
    for (place, target_value), module in zip(ours.items(), theirs, strict=True):
        assert sum(p.numel() for p in module.parameters()) == sum(
            spec.size for name, spec in target_value.items() if not name.startswith("running")
        ), (place, module)
        stored = numbers(module, target_value, places if isinstance(module, peer.Linear) else 1)
        places = 1 if isinstance(module, peer.Linear) else places
        actual |= {f"{place}.{name}" if place else name: value for name, value in stored.items()}
    return actual


def agree(net: nn.Layer, other: Any, side: int, dtype: str, places: int = 1, channels: int = 3) -> None:
    """Assert that both networks agree on images of ``side`` x ``side``, in inference and training."""
    other = with_numbers(other, dtype)
    x = np.random.default_rng(1).normal(size=(2, side, side, channels)).astype(dtype)
    spec = {"x": Spec((Size.symbol("B"), side, side, channels), dtype)}
    for training in (False, True):
        built = nn.build(net, spec, dtype, training)
        assert built.book.key is None, "nothing may be sampled"
        arrays = {**copied(built, other, places), "x": x}
        y = evaluate(built.output, arrays, "reference")
        with torch.no_grad():
            expected = other.train(training)(torch.tensor(x).movedim(-1, 1)).movedim(1, -1).numpy()
        scale = np.abs(expected).max()
        assert scale > 0
        np.testing.assert_allclose(y, expected, rtol=0, atol=CLOSE[dtype] * max(1.0, scale))


# --- networks of torchvision -------------------------------------------------------------------------------


def theirs(name: str, **settings: Any) -> Any:
    """A network of torchvision on the meta device."""
    with torch.device("meta"):
        return getattr(torchvision().models, name)(weights=None, **settings)


@pytest.mark.parametrize(
    ("name", "dtype"), [("resnet18", "float32"), ("resnet18", "float64"), ("resnet50", "float64")]
)
def test_resnets_agree_with_torchvision(name: str, dtype: str) -> None:
    ours = getattr(cr.models, name)(classes=7)
    agree(ours, theirs(name, num_classes=7), 33, dtype)


@pytest.mark.parametrize("dtype", CLOSE)
def test_mobilenet_agrees_with_torchvision(dtype: str) -> None:
    ours = cr.models.mobilenet_v3_small(classes=7, dropout=0)
    agree(ours, theirs("mobilenet_v3_small", num_classes=7, dropout=0.0), 33, dtype)


@pytest.mark.parametrize("dtype", CLOSE)
def test_alexnet_agrees_with_torchvision(dtype: str) -> None:
    other = narrowed_peer(theirs("alexnet", num_classes=7, dropout=0.0), 1, 4)
    agree(narrowed(cr.models.alexnet(classes=7, dropout=0)), other, 79, dtype, places=36)


def test_vgg_agrees_with_torchvision() -> None:
    other = narrowed_peer(theirs("vgg16", num_classes=7, dropout=0.0, init_weights=False), 0, 3)
    agree(narrowed(cr.models.vgg16(classes=7, dropout=0)), other, 33, "float64", places=49)


TORCHVISION = ["alexnet", "vgg16", "resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v3_small"]


@pytest.mark.parametrize("name", TORCHVISION)
@pytest.mark.parametrize("classes", [1000, 10])
def test_parameter_counts_agree_with_torchvision(name: str, classes: int) -> None:
    count = sum(p.numel() for p in theirs(name, num_classes=classes).parameters())
    assert MODELS[name].count(classes=classes) == count
    assert classes != 1000 or MODELS[name].parameters == count


# --- networks that torchvision lacks, written from the papers ----------------------------------------------


class OptionA(peer.Module):
    """A block of section 4.2: two convolutions, and a shortcut without parameters."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = peer.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.norm1 = peer.BatchNorm2d(channels)
        self.conv2 = peer.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = peer.BatchNorm2d(channels)
        self.stride, self.more = stride, channels - before

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        x = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return torch.relu(x + y)


def option_a(n: int) -> peer.Module:
    """The network of 6 n + 2 layers."""
    blocks = [OptionA(16, 16, 1) for _ in range(n)]
    for before, channels in ((16, 32), (32, 64)):
        blocks += [OptionA(before, channels, 2), *(OptionA(channels, channels, 1) for _ in range(n - 1))]
    return peer.Sequential(
        peer.Conv2d(3, 16, 3, 1, 1, bias=False),
        peer.BatchNorm2d(16),
        peer.ReLU(),
        *blocks,
        peer.AdaptiveAvgPool2d(1),
        peer.Flatten(),
        peer.Linear(64, 10),
    )


def small_resnet() -> peer.Module:
    """torchvision's ResNet-18 with the usual stem for CIFAR."""
    net = theirs("resnet18", num_classes=10)
    net.conv1 = peer.Conv2d(3, 64, 3, 1, 1, bias=False, device="meta")
    net.maxpool = peer.Identity()
    return net


def lenet() -> peer.Module:
    """LeNet-5 in its modern form."""
    return peer.Sequential(
        peer.Conv2d(1, 6, 5),
        peer.Tanh(),
        peer.AvgPool2d(2),
        peer.Conv2d(6, 16, 5),
        peer.Tanh(),
        peer.AvgPool2d(2),
        peer.Flatten(),
        peer.Linear(400, 120),
        peer.Tanh(),
        peer.Linear(120, 84),
        peer.Tanh(),
        peer.Linear(84, 10),
    )


def alexnet_2012(hidden: int) -> peer.Module:
    """Figure 2 of the paper; PyTorch too divides alpha by the size."""
    response = peer.LocalResponseNorm(5, 5e-4, 0.75, 2.0)
    return peer.Sequential(
        peer.Conv2d(3, 96, 11, 4, 2),
        peer.ReLU(),
        response,
        peer.MaxPool2d(3, 2),
        peer.Conv2d(96, 256, 5, 1, 2, groups=2),
        peer.ReLU(),
        response,
        peer.MaxPool2d(3, 2),
        peer.Conv2d(256, 384, 3, 1, 1),
        peer.ReLU(),
        peer.Conv2d(384, 384, 3, 1, 1, groups=2),
        peer.ReLU(),
        peer.Conv2d(384, 256, 3, 1, 1, groups=2),
        peer.ReLU(),
        peer.MaxPool2d(3, 2),
        peer.Flatten(),
        peer.LazyLinear(hidden),
        peer.ReLU(),
        peer.Linear(hidden, hidden),
        peer.ReLU(),
        peer.Linear(hidden, 1000),
    )


class Across(peer.Module):
    """A level of figure 1: the output of the level below, concatenated to the center crop of this one."""

    def __init__(self, below: peer.Module) -> None:
        super().__init__()
        self.below = below

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.below(x)
        high, wide = ((n - m) // 2 for n, m in zip(x.shape[2:], y.shape[2:], strict=True))
        return torch.cat([x[:, :, high : x.shape[2] - high, wide : x.shape[3] - wide], y], 1)


def u_net(channels: int, depth: int, padding: int, before: int = 1) -> list[peer.Module]:
    """A level of figure 1 and all below it."""

    def two(enter: int) -> list[peer.Module]:
        first, second = (peer.Conv2d(n, channels, 3, 1, padding) for n in (enter, channels))
        return [first, peer.ReLU(), second, peer.ReLU()]

    if depth == 0:
        return two(before)
    up = peer.ConvTranspose2d(2 * channels, channels, 2, 2)
    below = [peer.MaxPool2d(2), *u_net(2 * channels, depth - 1, padding, channels), up]
    return [*two(before), Across(peer.Sequential(*below)), *two(2 * channels)]


def reshaped(net: peer.Module, side: int, channels: int = 3) -> peer.Module:
    """A network whose lazy layers are initialized."""
    net(torch.zeros(1, channels, side, side))
    return net


WRITTEN: dict[str, Callable[[], tuple[nn.Layer, peer.Module, int, int, int]]] = {
    "lenet5": lambda: (cr.models.lenet5(), lenet(), 32, 25, 1),
    "alexnet_2012": lambda: (
        narrowed(cr.models.alexnet_2012(dropout=0)),
        reshaped(alexnet_2012(HIDDEN), 95),
        95,
        4,
        3,
    ),
    "resnet20": lambda: (cr.models.resnet20(), option_a(3), 12, 1, 3),
    "small resnet18": lambda: (cr.models.resnet18(10, small=True), small_resnet(), 10, 1, 3),
    "unet": lambda: (
        cr.models.unet(channels=3, depth=2, dropout=0),
        peer.Sequential(*u_net(3, 2, 0), peer.Conv2d(3, 2, 1)),
        44,
        1,
        1,
    ),
    "padded unet": lambda: (
        cr.models.unet(channels=3, depth=2, padding="same", dropout=0),
        peer.Sequential(*u_net(3, 2, 1), peer.Conv2d(3, 2, 1)),
        16,
        1,
        1,
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_other_models_agree_with_their_papers_written_in_torch(name: str) -> None:
    ours, other, side, places, channels = WRITTEN[name]()
    agree(ours, other, side, "float64", places, channels)


def test_parameter_counts_of_other_models_agree_with_torch() -> None:
    with torch.device("meta"):
        nets = {
            "lenet5": lenet(),
            "resnet20": option_a(3),
            "resnet56": option_a(9),
            "alexnet_2012": reshaped(alexnet_2012(4096), 224),
            "unet": peer.Sequential(*u_net(64, 4, 0), peer.Conv2d(64, 2, 1)),
        }
    for name, net in nets.items():
        assert MODELS[name].count() == sum(p.numel() for p in net.parameters()), name
    assert count_parameters(cr.models.resnet18(10, small=True), image(32, 32, 3)) == 11_173_962


def test_a_padded_unet_has_the_same_parameters_and_keeps_the_size() -> None:
    net = cr.models.unet(padding="same")
    assert count_parameters(net, image(64, 96, 1)) == MODELS["unet"].parameters
    assert nn.build(net, image(64, 96, 1), "float32").output.shape[1:] == (64, 96, 2)
    assert nn.build(cr.models.unet(), image(572, 572, 1), "float32").output.shape[1:] == (388, 388, 2)


def test_each_block_has_a_line_in_the_summary() -> None:
    rows = {row.path: row for row in nn.summary_rows(cr.models.resnet20(), image(32, 32, 3))}
    assert rows["stage2.block1"].layer == "BasicBlock(32, stride=2, shortcut='zeros')"
    assert [rows[f"stage{i}.block3"].output for i in (1, 2, 3)] == [
        "(B, 32, 32, 16)",
        "(B, 16, 16, 32)",
        "(B, 8, 8, 64)",
    ]
    assert sum(row.parameters for row in rows.values()) == MODELS["resnet20"].parameters


def test_the_native_engine_agrees_with_the_reference_engine() -> None:
    net, spec = cr.models.mobilenet_v3_small(classes=7), image(33, 33, 3)
    built = nn.build(net, spec, "float32")
    rng = np.random.default_rng(2)
    arrays = {
        path: rng.normal(0, 0.2, p.spec.at({}).shape).astype("float32") ** 2 + 0.01
        if path.endswith(("variance", "scale"))
        else rng.normal(0, 0.1, p.spec.at({}).shape).astype("float32")
        for path, p in {**built.parameters, **built.states}.items()
    }
    arrays["x"] = rng.normal(size=(2, 33, 33, 3)).astype("float32")
    reference, fast = (evaluate(built.output, arrays, engine) for engine in ("reference", "native"))
    np.testing.assert_allclose(fast, reference, rtol=1e-4, atol=1e-4 * np.abs(reference).max())
