"""The kinds of building blocks, and the registry that lists the blocks of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chainrule.catalog.peers import block_of_peer_name, peer_note
from chainrule.data.augmentation import MIXES, TRANSFORMS
from chainrule.errors import UsageError, fact, nearest
from chainrule.messages import Text, translated
from chainrule.nn.activation import ACTIVATIONS
from chainrule.nn.class_registry import FAMILIES
from chainrule.nn.initializer import INITIALIZERS, Fill, Scaled
from chainrule.nn.optimizer import OPTIMIZERS, Group
from chainrule.ops import CARDS
from chainrule.ops import functional as F
from chainrule.texts.blocks import DERIVED
from chainrule.train.callback import CALLBACKS
from chainrule.train.evaluation.metric import METRICS
from chainrule.train.stopping import Converged, EarlyStopping, EnsembleEarlyStopping


@dataclass(frozen=True)
class Kind:
    """A kind of building block.

    Args:
        name: singular, such as ``"layer"``.
        plural: plural, such as ``"layers"``.
        summary: one sentence.
        entries: the blocks by name, from their registry.
    """

    name: str
    plural: Text
    summary: Text
    entries: Mapping[str, object]

    def title(self, lang: str) -> str:
        """The plural in a language."""
        return translated(self.plural, lang, self.plural)

    def named(self, name: str) -> str | None:
        """The registered name for a name in any case, of a class, or of PyTorch or Keras."""
        registered = self.own(name) or block_of_peer_name(self.name, name)
        return registered if registered in self.entries else None

    def own(self, name: str) -> str | None:
        """As ``named``, without the table of names in other libraries."""
        return name if name in self.entries else self._other_names.get(name.casefold())

    @property
    def _other_names(self) -> dict[str, str]:
        names = {own.casefold(): own for own in self.entries}
        for own, entry in self.entries.items():
            class_name = (
                type(entry).__name__ if self.name == "initializer" else getattr(entry, "__name__", "")
            )
            names.setdefault(class_name.casefold(), own)
        for own, entry in self.entries.items():
            for peer in ("pytorch", "keras"):
                for word in re.findall(r"(?:^|, )(\w+)", getattr(entry, peer, "")):
                    names.setdefault(word.casefold(), own)
        return names


def _family(name: str) -> dict[str, type]:
    return dict(sorted(FAMILIES[name][1].items()))


def _wrappers() -> dict[str, type]:
    """The optimizers that wrap another one and have no registered name."""
    named = set(OPTIMIZERS.values())
    return {name: kind for name, kind in _family("optimizer").items() if kind not in named}


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "layer",
            "layers",
            "The building blocks of a network.",
            _family("layer"),
        ),
        Kind(
            "activation",
            "activations",
            "Nonlinear functions between layers; without them a deep network is a linear map.",
            ACTIVATIONS,
        ),
        Kind(
            "loss",
            "losses",
            "Functions of predictions and targets that training minimizes.",
            {kind.name: kind for kind in FAMILIES["loss"][1].values()},
        ),
        Kind(
            "optimizer",
            "optimizers",
            "Rules that compute parameter updates from gradients.",
            {**OPTIMIZERS, **_wrappers(), "Group": Group},
        ),
        Kind(
            "schedule",
            "schedules",
            "The learning rate as a function of the step.",
            _family("schedule"),
        ),
        Kind(
            "initializer",
            "initializers",
            "Rules for the initial values of parameters.",
            {**INITIALIZERS, "Fill": Fill, "Scaled": Scaled},
        ),
        Kind(
            "metric",
            "metrics",
            "Measures of the quality of predictions.",
            METRICS,
        ),
        Kind(
            "callback",
            "callbacks",
            "Objects that react to events of a training: write files, stop the training.",
            {
                **CALLBACKS,
                **{kind.__name__: kind for kind in (EarlyStopping, EnsembleEarlyStopping, Converged)},
            },
        ),
        Kind(
            "augmentation",
            "augmentations",
            "Random transforms of images during training.",
            {**TRANSFORMS, **MIXES},
        ),
        Kind(
            "penalty",
            "penalties",
            "Terms of the objective that depend on parameters.",
            _family("penalty"),
        ),
        Kind(
            "constraint",
            "constraints",
            "Restrictions that are applied to parameters after every step.",
            _family("constraint"),
        ),
        Kind(
            "clip",
            "clips",
            "Limits of the gradients before the update.",
            _family("clip"),
        ),
        Kind(
            "op",
            "ops",
            "The operations of which everything above is composed.",
            {**{card.name: card for card in CARDS}, **{name: getattr(F, name) for name in DERIVED}},
        ),
    )
}
_FEW = 20  # maximum number of names listed in an error
_SPELLINGS = {
    "initializer": "initializer",
    "initializers": "initializers",
    "operation": "op",
    "optimizer": "optimizer",
}


def resolve_kind(word: str) -> Kind | None:
    """The kind with this name, in singular or plural; ``None`` if there is none."""
    word = _SPELLINGS.get(word.casefold(), word.casefold())
    return next((kind for kind in KINDS.values() if word in (kind.name, kind.plural)), None)


def resolve_name(kind: Kind, name: str) -> str:
    """The registered name of a block.

    Raises:
        UsageError E101: there is no such block. The error suggests a block of another kind with this name,
            such as ``show activation relu`` for ``show layer relu``, or the closest name.
    """
    registered = kind.named(name)
    if registered is not None:
        return registered
    known = sorted(kind.entries)
    other = next((k for k in KINDS.values() if name and k.named(name)), None)
    fix = f"{other.name} {other.named(name)}" if other else f"{kind.name} {nearest(name, known) or known[0]}"
    listed = (
        ", ".join(known)
        if len(known) <= _FEW
        else fact("one of {count}: chainrule show {plural}", count=len(known), plural=kind.plural)
    )
    note = peer_note(name)
    raise UsageError(
        "E101", where=f"chainrule show {kind.name}", name=name[:80], expected=listed,
        received=name[:80] or fact("no name"), fix=f"chainrule show {fix}", notes=[note] if note else [],
    )  # fmt: skip
