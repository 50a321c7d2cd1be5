"""The named models on the screen: one with its net as the paper draws it, or all with a line each."""

from __future__ import annotations

import inspect
import re

from chainrule.apps.cli import screen
from chainrule.apps.cli.texts import say
from chainrule.catalog import to_unicode
from chainrule.catalog.docstring import docstring
from chainrule.errors import UsageError, nearest
from chainrule.models import MODELS, ModelCard
from chainrule.nn import build
from chainrule.notation.text_columns import aligned
from chainrule.settings import settings
from chainrule.spec import shape_text

WORDS = ("model", "models")


def show_models() -> None:
    """All models, one line each: name, parameters, what it is."""
    zh = settings.lang == "zh"
    screen.line(say("models"), "bold")
    cards = list(MODELS.values())
    rows = [(c.name, f"{c.parameters:,}", *((c.chinese,) if zh else ()), c.says[zh]) for c in cards]
    for row in aligned(rows):
        screen.line(f"  {row}")


def show_model(name: str) -> None:
    """All that is known of a model.

    Raises:
        UsageError E101: no such model; the nearest is offered, all are listed.
    """
    card, zh = known_model(name), settings.lang == "zh"
    told = docstring(card.net)
    screen.line(f"{card.name}  {card.chinese}" if zh else card.name, "bold")
    screen.line(card.says[zh] if zh else to_unicode(told.summary))
    if told.text and not zh:
        screen.block(to_unicode(told.text))
    screen.line()
    screen.line(f"  cr.models.{card.name}{_signature(card)}")
    screen.heading(say("figure"))
    net = card.net()
    for line in str(net).splitlines():
        screen.line(f"  {line}")
    screen.heading(say("block_Shapes"))
    given = ", ".join(f"{name} {shape_text(spec.shape)}" for name, spec in card.inputs.items())
    outputs = build(net, card.inputs, "float32").outputs
    screen.line(f"  {given} → {', '.join(f'{n} {shape_text(y.shape)}' for n, y in outputs.items())}")
    screen.line(
        f"  {say('model_count').format(count=f'{card.parameters:,}')}{'' if zh else f' ({card.source})'}"
    )
    if told.arguments:
        screen.heading(say("arguments"))
        taken = inspect.signature(card.net).parameters
        rows = [
            (f"  {name}", repr(taken[name].default) if name in taken else "", to_unicode(meaning))
            for name, meaning in told.arguments.items()
        ]
        screen.table([f"  {say('argument')}", say("default"), say("meaning")], rows)
    screen.heading(say("block_Reference"))
    screen.line(f"  {card.reference}")


def known_model(name: str) -> ModelCard:
    """The card of this name; ``ResNet-18`` and ``resnet_18`` mean ``resnet18``.

    Raises:
        UsageError E101: there is none.
    """
    bare = {_bare(known): known for known in MODELS}
    if _bare(name) in bare:
        return MODELS[bare[_bare(name)]]
    close = nearest(name[:80], MODELS) or bare.get(nearest(_bare(name)[:80], bare), "resnet18")
    raise UsageError(
        "E101", where="chainrule show model", name=name[:80], expected=", ".join(MODELS),
        received=name[:80] or "no name", fix=f"chainrule show model {close}",
    )  # fmt: skip


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _signature(card: ModelCard) -> str:
    """The arguments as they are written, without their types."""
    taken = inspect.signature(card.net)
    bare = [p.replace(annotation=p.empty) for p in taken.parameters.values()]
    return str(taken.replace(parameters=bare, return_annotation=taken.empty))
