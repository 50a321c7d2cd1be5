"""The initializers by name."""

from __future__ import annotations

from chainrule.nn.initializer.initializer import Fill, Initializer
from chainrule.nn.initializer.random import Normal, Scaled, SmallNormal, TruncatedNormal, Uniform
from chainrule.nn.initializer.structured import Dirac, Eye, Orthogonal, SparseNormal
from chainrule.records import frozen
from chainrule.validation import unknown


@frozen
class Preset:
    """An initializer with fixed settings and a name of its own.

    Args:
        initializer: the initializer.
        summary: one sentence in English.
        chinese: the Chinese name, and the sentence in Chinese.
    """

    initializer: Initializer
    summary: str
    chinese: tuple[str, str]


XAVIER = Scaled(gain=1.0, fan="mean", distribution="uniform")
HE = Scaled(gain=2.0, fan="in", distribution="uniform")
ZEROS = Fill(0.0)

PRESETS: dict[str, Preset] = {
    "he": Preset(
        HE,
        "Uniform random numbers of variance 2 / inputs, which keeps the variance of a signal through ReLU.",
        ("He 初始化（均匀）", "方差为 2 / 输入数，配合 ReLU。"),
    ),
    "he_normal": Preset(
        Scaled(gain=2.0, fan="in", distribution="normal"),
        "Normal random numbers of variance 2 / inputs.",
        ("He 初始化（正态）", "方差为 2 / 输入数的正态随机数。"),
    ),
    "lecun": Preset(
        Scaled(gain=1.0, fan="in", distribution="uniform"),
        "Uniform random numbers of variance 1 / inputs, which keeps the variance in a linear layer.",
        ("LeCun 初始化（均匀）", "方差为 1 / 输入数。"),
    ),
    "lecun_normal": Preset(
        Scaled(gain=1.0, fan="in", distribution="truncated"),
        "Truncated normal random numbers of variance 1 / inputs, for SELU.",
        ("LeCun 初始化（截断正态）", "方差为 1 / 输入数的截断正态随机数。"),
    ),
    "ones": Preset(Fill(1.0), "1 everywhere.", ("全 1 初始化", "处处为 1。")),
    "xavier": Preset(
        XAVIER,
        "Uniform random numbers of variance 2 / (inputs + outputs), for tanh and sigmoid.",
        ("Xavier 初始化（均匀）", "方差为 1 / 输入数与输出数的平均。"),
    ),
    "xavier_normal": Preset(
        Scaled(gain=1.0, fan="mean", distribution="normal"),
        "Normal random numbers of variance 2 / (inputs + outputs).",
        ("Xavier 初始化（正态）", "同上方差的正态随机数。"),
    ),
    "zeros": Preset(ZEROS, "0 everywhere.", ("全 0 初始化", "处处为 0。")),
}
# An initializer with its default settings, under a name of its own.
_DEFAULTS: dict[str, Initializer] = {
    "dirac": Dirac(),
    "eye": Eye(),
    "normal": Normal(),
    "orthogonal": Orthogonal(),
    "small": SmallNormal(),
    "sparse": SparseNormal(),
    "truncated_normal": TruncatedNormal(),
    "uniform": Uniform(),
}
INITIALIZERS: dict[str, Initializer] = dict(
    sorted({**_DEFAULTS, **{name: preset.initializer for name, preset in PRESETS.items()}}.items())
)


def known_initializer(initializer: str | Initializer) -> Initializer:
    """Return the initializer of this name, or the initializer itself.

    Raises:
        UsageError E101: unknown initializer.
    """
    if isinstance(initializer, Initializer):
        return initializer
    if not isinstance(initializer, str) or initializer not in INITIALIZERS:
        raise unknown("initializer", initializer, list(INITIALIZERS), '"{}"')
    return INITIALIZERS[initializer]
