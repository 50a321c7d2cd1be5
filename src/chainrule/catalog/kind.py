"""The kinds of building blocks, and the registry that lists the blocks of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chainrule.catalog.peers import called_elsewhere, said_elsewhere
from chainrule.data.augmentation import MIXES, TRANSFORMS
from chainrule.errors import UsageError, nearest
from chainrule.nn.activation import ACTIVATIONS
from chainrule.nn.class_registry import FAMILIES
from chainrule.nn.initializer import INITIALIZERS, Fill, Scaled
from chainrule.nn.optimizer import OPTIMIZERS, Group
from chainrule.ops import CARDS
from chainrule.ops import functional as F
from chainrule.texts.blocks import DERIVED
from chainrule.train.callback import CALLBACKS
from chainrule.train.evaluation.metric import METRICS
from chainrule.train.stopping import Converged, EarlyStopping


@dataclass(frozen=True)
class Kind:
    """A kind of building block.

    Args:
        name: such as ``"layer"``.
        plural: such as ``"layers"``.
        chinese: its Chinese name.
        says: what such a block is, one sentence in English and one in Chinese.
        entries: the blocks by name, from their registry.
    """

    name: str
    plural: str
    chinese: str
    says: tuple[str, str]
    entries: Mapping[str, object]

    def named(self, name: str) -> str | None:
        """The name in the registry; another case, the class's name, PyTorch's or Keras's will do."""
        elsewhere = self.own(name) or called_elsewhere(self.name, name)
        return elsewhere if elsewhere in self.entries else None

    def own(self, name: str) -> str | None:
        """The same of the registry alone, whatever the table of names elsewhere says."""
        return name if name in self.entries else self._other_names.get(name.casefold())

    @property
    def _other_names(self) -> dict[str, str]:
        found = {own.casefold(): own for own in self.entries}
        for own, entry in self.entries.items():
            made = type(entry).__name__ if self.name == "initializer" else getattr(entry, "__name__", "")
            found.setdefault(made.casefold(), own)
        for own, entry in self.entries.items():
            for peer in ("pytorch", "keras"):
                for word in re.findall(r"(?:^|, )(\w+)", getattr(entry, peer, "")):
                    found.setdefault(word.casefold(), own)
        return found


def _family(name: str) -> dict[str, type]:
    return dict(sorted(FAMILIES[name][1].items()))


def _wrappers() -> dict[str, type]:
    """The optimizers that add something to another one: they have no name of their own."""
    named = set(OPTIMIZERS.values())
    return {name: kind for name, kind in _family("optimizer").items() if kind not in named}


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "layer", "layers", "层",
            ("What a network is made of.", "网络由层组成。"),
            _family("layer"),
        ),
        Kind(
            "activation", "activations", "激活函数",
            (
                "What stands between the layers; without it a deep net would be one linear map.",
                "位于各层之间；没有它，深度网络只是一个线性映射。",
            ),
            ACTIVATIONS,
        ),
        Kind(
            "loss", "losses", "损失函数",
            ("How wrong an answer is, as one number.", "用一个数衡量预测错得多严重。"),
            {kind.name: kind for kind in FAMILIES["loss"][1].values()},
        ),
        Kind(
            "optimizer", "optimizers", "优化器",
            ("How parameters move once their gradients are known.", "知道梯度之后参数如何移动。"),
            {**OPTIMIZERS, **_wrappers(), "Group": Group},
        ),
        Kind(
            "schedule", "schedules", "学习率调度",
            ("The learning rate as a function of the step.", "学习率随步数的变化。"),
            _family("schedule"),
        ),
        Kind(
            "initializer", "initializers", "初始化方法",
            ("The first values of parameters.", "参数的初始值。"),
            {**INITIALIZERS, "Fill": Fill, "Scaled": Scaled},
        ),
        Kind(
            "metric", "metrics", "指标",
            ("How good answers are, for people to read.", "供人阅读的评估数字。"),
            METRICS,
        ),
        Kind(
            "callback",
            "callbacks",
            "回调",
            (
                "What happens beside a training: files are written, a training is stopped.",
                "训练过程中顺带进行的事：写文件、停止训练。",
            ),
            {**CALLBACKS, **{kind.__name__: kind for kind in (EarlyStopping, Converged)}},
        ),
        Kind(
            "augmentation", "augmentations", "数据增广",
            (
                "What is changed at random in images while a network learns.",
                "网络学习时对图像所做的随机改变。",
            ),
            {**TRANSFORMS, **MIXES},
        ),
        Kind(
            "penalty", "penalties", "正则化项",
            ("What the size of a parameter costs.", "参数的大小要付出的代价。"),
            _family("penalty"),
        ),
        Kind(
            "constraint", "constraints", "约束",
            ("What parameters are brought to after every step.", "每步之后参数被限制到的范围。"),
            _family("constraint"),
        ),
        Kind(
            "clip", "clips", "梯度裁剪",
            ("What limits a gradient before it is used.", "在使用之前限制梯度。"),
            _family("clip"),
        ),
        Kind(
            "op", "ops", "运算",
            ("What everything above is made of: one card each.", "以上一切的组成部分，每个运算一张卡片。"),
            {**{card.name: card for card in CARDS}, **{name: getattr(F, name) for name in DERIVED}},
        ),
    )
}  # fmt: skip
_FEW = 20  # names that an error lists in full
_SPELLINGS = {
    "initializer": "initializer",
    "initializers": "initializers",
    "operation": "op",
    "optimizer": "optimizer",
}


def resolve_kind(word: str) -> Kind | None:
    """The kind of this name, in singular or plural; ``None`` if the word names none."""
    word = _SPELLINGS.get(word.casefold(), word.casefold())
    return next((kind for kind in KINDS.values() if word in (kind.name, kind.plural)), None)


def known_name(kind: Kind, name: str) -> str:
    """The name of a block as its registry has it.

    Raises:
        UsageError E101: there is none of this kind. Offered is the same name of another kind, such as
            ``show activation relu`` for ``show layer relu``, or else the nearest name.
    """
    found = kind.named(name)
    if found is not None:
        return found
    known = sorted(kind.entries)
    other = next((k for k in KINDS.values() if name and k.named(name)), None)
    fix = f"{other.name} {other.named(name)}" if other else f"{kind.name} {nearest(name, known) or known[0]}"
    listed = ", ".join(known) if len(known) <= _FEW else f"one of {len(known)}: chainrule show {kind.plural}"
    said = said_elsewhere(name)
    raise UsageError(
        "E101", where=f"chainrule show {kind.name}", name=name[:80], expected=listed,
        received=name[:80] or "no name", fix=f"chainrule show {fix}", notes=[said] if said else [],
    )  # fmt: skip
