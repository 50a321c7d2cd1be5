"""The named networks in PyTorch; their parameters have the paths that they have in this package.

Written for speed: attention by ``scaled_dot_product_attention``, the projections of
queries, keys and values as one product.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.named_networks import BLOCKS, HEADS, UNITS, WIDTH, WORDS, NetworkCase, initial_values

JOINED = {"query_key_value": ("query", "key", "value"), "key_value": ("key", "value")}
NORMS = {"weight": "scale", "bias": "shift"}
RECURRENT = {"weight_ih_l0": "weight", "weight_hh_l0": "recurrent", "bias_ih_l0": "bias"}


class Shortcut(nn.Module):
    """A 1 x 1 convolution with its norm."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, 1, stride, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class BasicBlock(nn.Module):
    """Two convolutions with a skip connection."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.shortcut = Shortcut(before, after, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


def resnet18() -> nn.Module:
    """For images of 32 x 32."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, 64, 3, padding=1, bias=False), norm1=nn.BatchNorm2d(64), relu=nn.ReLU(inplace=True)
    )
    before = 64
    for i, after in enumerate((64, 128, 256, 512), 1):
        blocks: OrderedDict[str, nn.Module] = OrderedDict(
            block1=BasicBlock(before, after, 2 if i > 1 else 1), block2=BasicBlock(after, after, 1)
        )
        layers[f"stage{i}"], before = nn.Sequential(blocks), after
    layers |= OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), head=nn.Linear(512, 10))
    return nn.Sequential(layers)


def alexnet() -> nn.Module:
    """The form for one GPU, without dropout."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    sizes = (
        (3, 64, 11, 4, 2),
        (64, 192, 5, 1, 2),
        (192, 384, 3, 1, 1),
        (384, 256, 3, 1, 1),
        (256, 256, 3, 1, 1),
    )
    for i, (before, after, kernel, stride, padding) in enumerate(sizes, 1):
        layers[f"conv{i}"] = nn.Conv2d(before, after, kernel, stride, padding)
        layers[f"relu{i}"] = nn.ReLU(inplace=True)
        if i in (1, 2, 5):
            layers[f"pool{i}"] = nn.MaxPool2d(3, 2)
    layers |= OrderedDict(
        flatten=nn.Flatten(),
        dense6=nn.Linear(9216, 4096),
        relu6=nn.ReLU(inplace=True),
        dense7=nn.Linear(4096, 4096),
        relu7=nn.ReLU(inplace=True),
        head=nn.Linear(4096, 1000),
    )
    return nn.Sequential(layers)


class Reader(nn.Module):
    """An LSTM and a classifier of its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm1 = nn.LSTM(64, UNITS, batch_first=True)
        self.lstm1.bias_hh_l0.requires_grad_(False)  # it has two biases; one is enough
        self.dense1 = nn.Linear(UNITS, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense1(self.lstm1(x)[0][:, -1])


class Attention(nn.Module):
    """Multi-head attention to the same sequence, or to another."""

    def __init__(self, heads: int, is_own: bool = True) -> None:
        super().__init__()
        self.heads = heads
        if is_own:
            self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH)
        else:
            self.query, self.key_value = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, memory: Tensor | None = None, causal: bool = False) -> Tensor:
        if memory is None:
            q, k, v = self.query_key_value(x).chunk(3, -1)
        else:
            q, (k, v) = self.query(x), self.key_value(memory).chunk(2, -1)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))  # (B, H, T, D)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.output(y.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """A feed-forward network at each position."""

    def __init__(self, is_gelu: bool) -> None:
        super().__init__()
        self.hidden, self.output = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.bend = nn.GELU("tanh") if is_gelu else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.bend(self.hidden(x)))


class Block(nn.Module):
    """A block of GPT (norms first) or of the Transformer (norms last)."""

    def __init__(self, heads: int, is_first: bool, is_causal: bool, reads: bool = False) -> None:
        super().__init__()
        self.is_first, self.is_causal, self.reads = is_first, is_causal, reads
        self.attention, self.attention_norm = Attention(heads), nn.LayerNorm(WIDTH)
        if reads:
            self.memory_attention, self.memory_attention_norm = Attention(heads, False), nn.LayerNorm(WIDTH)
        self.feed_forward, self.feed_forward_norm = FeedForward(is_first), nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        if self.is_first:
            x = x + self.attention(self.attention_norm(x), causal=self.is_causal)
            return x + self.feed_forward(self.feed_forward_norm(x))
        x = self.attention_norm(x + self.attention(x, causal=self.is_causal))
        if self.reads:
            x = self.memory_attention_norm(x + self.memory_attention(x, memory))
        return self.feed_forward_norm(x + self.feed_forward(x))


class GPT(nn.Module):
    """A language model; the embedding is tied to the output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.position = nn.Embedding(WORDS, WIDTH), nn.Embedding(128, WIDTH)
        blocks = OrderedDict[str, nn.Module](
            (f"layer{i + 1}", Block(HEADS["GPT"], True, True)) for i in range(BLOCKS["GPT"])
        )
        self.blocks = nn.Sequential(blocks | OrderedDict(norm=nn.LayerNorm(WIDTH)))

    def forward(self, x: Tensor) -> Tensor:
        y = self.blocks(self.words(x) + self.position.weight)
        return functional.linear(y, self.words.weight).flatten(0, 1)


class Body(nn.Module):
    """Encoder and decoder."""

    def __init__(self) -> None:
        super().__init__()
        heads, count = HEADS["Transformer"], BLOCKS["Transformer"]
        self.encoder = nn.ModuleDict({f"layer{i + 1}": Block(heads, False, False) for i in range(count)})
        self.decoder = nn.ModuleDict({f"layer{i + 1}": Block(heads, False, True, True) for i in range(count)})

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        for block in self.encoder.values():
            x = block(x)
        for block in self.decoder.values():
            y = block(y, x)
        return y


class Transformer(nn.Module):
    """A translation model; one embedding for both texts, tied to the output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.transformer = nn.Embedding(WORDS, WIDTH), Body()
        self.register_buffer("waves", waves(64))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        x, y = (self.words(text) * WIDTH**0.5 + self.waves for text in (source, target))
        return functional.linear(self.transformer(x, y), self.words.weight).flatten(0, 1)


def waves(length: int) -> Tensor:
    """The sinusoidal position encoding."""
    channel = np.arange(WIDTH)
    angles = np.arange(length)[:, None] / 10_000.0 ** (channel // 2 * 2 / WIDTH)
    return torch.from_numpy(np.where(channel % 2, np.cos(angles), np.sin(angles)).astype("float32"))


BUILD = {"ResNet-18": resnet18, "GPT": GPT, "AlexNet": alexnet, "LSTM": Reader, "Transformer": Transformer}


def build(case: NetworkCase) -> nn.Module:
    """The network with its initial parameters."""
    torch.set_num_threads(case.threads)
    net = BUILD[case.net.name]()
    with torch.no_grad():
        for place, module in net.named_modules():
            for name, parameter in module.named_parameters(recurse=False):
                parameter.copy_(torch.from_numpy(_first(place, module, name, tuple(parameter.shape))))
    return net


def _first(place: str, module: nn.Module, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The initial values of a parameter of a module, in PyTorch's layout."""
    if isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
        name = NORMS[name]
    if isinstance(module, nn.LSTM):
        if name not in RECURRENT:
            return np.zeros(shape, np.float32)
        name = RECURRENT[name]
    before, _, last = place.rpartition(".")
    parts = [f"{before}.{part}" for part in JOINED[last]] if last in JOINED else [place]
    part_shape = (shape[0] // len(parts), *shape[1:])
    if len(shape) == 4:  # (O, kh, kw, I) -> (O, I, kh, kw)
        return np.moveaxis(initial_values(f"{place}.{name}", (shape[0], *shape[2:], shape[1])), 3, 1)
    value = np.concatenate([initial_values(f"{part}.{name}", part_shape) for part in parts])
    if place == "dense6" and name == "weight":  # this package flattens images with channels last
        value = value.reshape(-1, 6, 6, 256).transpose(0, 3, 1, 2).reshape(shape)
    return np.ascontiguousarray(value)
