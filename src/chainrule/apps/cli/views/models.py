"""Screens of published models: the description of one model, or a list of all."""

from __future__ import annotations

import inspect
import os
import re

from chainrule.apps.cli.texts import text_of
from chainrule.apps.cli.views.catalog import documented
from chainrule.catalog import to_unicode
from chainrule.catalog.docstring import docstring
from chainrule.errors import UsageError, fact, nearest
from chainrule.interop import is_weights, read_tensors
from chainrule.models import MODELS, ModelCard
from chainrule.nn import build
from chainrule.notation.text_columns import aligned
from chainrule.page import screen
from chainrule.settings import settings
from chainrule.symbolic_shape import shape_text

# Screen of a weights file of another library: its tensors, read without running code.

_OURS = b'{"__metadata__":{"chainrule":'  # the start of the header of a model file of chainrule


def is_foreign(file: str) -> bool:
    """Return whether a file contains weights of another library, which a safetensors file need not."""
    if not is_weights(file) or not file.lower().endswith(".safetensors"):
        return is_weights(file)
    if not os.path.isfile(file):
        return False  # the error for a missing model is raised later
    with open(file, "rb") as stream:
        return not stream.read(8 + len(_OURS)).endswith(_OURS)


def show_weights(file: str) -> None:
    """Print names, shapes and dtypes of the tensors of a file, in file order; errors as ``read_weights``."""
    tensors = read_tensors(file)
    screen.line(file, "bold")
    header = [text_of(key) for key in ("tensor", "shape", "dtype")]
    screen.table(header, [(name, shape_text(t.shape), t.kind) for name, t in tensors.items()])
    numbers = sum(tensor.size for tensor in tensors.values())
    screen.line(text_of("tensor_count").format(tensors=f"{len(tensors):,}", numbers=f"{numbers:,}"))
    screen.line(text_of("tensors_next").format(file=file))


WORDS = ("model", "models")


def show_models() -> None:
    """Print all models, one line each: name, number of parameters, description."""
    zh = settings.lang == "zh"
    screen.line(text_of("models"), "bold")
    cards = list(MODELS.values())
    rows = [(c.name, f"{c.parameters:,}", *((c.chinese,) if zh else ()), c.says[zh]) for c in cards]
    for row in aligned(rows):
        screen.line(f"  {row}")


def show_model(name: str) -> None:
    """Print the description of a model; E101 suggests the closest name."""
    card, zh = resolve_model(name), settings.lang == "zh"
    doc = docstring(card.net)
    screen.line(f"{card.name}  {card.chinese}" if zh else card.name, "bold")
    screen.line(card.says[zh] if zh else to_unicode(doc.summary))
    if doc.text and not zh:
        screen.block(to_unicode(doc.text))
    screen.line()
    screen.line(f"  cr.models.{card.name}{_signature(card)}")
    screen.heading(text_of("figure"))
    net = card.net()
    for line in str(net).splitlines():
        screen.line(f"  {line}")
    screen.heading(text_of("block_Shapes"))
    inputs = ", ".join(f"{name} {shape_text(spec.shape)}" for name, spec in card.inputs.items())
    outputs = build(net, card.inputs, "float32").outputs
    screen.line(f"  {inputs} → {', '.join(f'{n} {shape_text(y.shape)}' for n, y in outputs.items())}")
    screen.line(
        f"  {text_of('model_count').format(count=f'{card.parameters:,}')}{'' if zh else f' ({card.source})'}"
    )
    if doc.arguments:
        screen.heading(text_of("arguments"))
        parameters = inspect.signature(card.net).parameters
        rows = [(f"  {name}", _default(parameters.get(name)), _meaning(card, name)) for name in doc.arguments]
        screen.table([f"  {text_of('argument')}", text_of("default"), text_of("meaning")], rows)
    screen.heading(text_of("block_Reference"))
    screen.line(f"  {card.reference}")


def _default(parameter: inspect.Parameter | None) -> str:
    if parameter is None or parameter.default is inspect.Parameter.empty:
        return ""
    return repr(parameter.default)


def _meaning(card: ModelCard, argument: str) -> str:
    """Return the description of an argument; "as in ``resnet18``" is replaced by the description there."""
    meaning = docstring(card.net).arguments[argument]
    other = re.fullmatch(r"as in ``(\w+)``\.", meaning)
    if other:
        return _meaning(MODELS[other[1]], argument)
    return documented(meaning, f"model.{card.name}.{argument}")


def resolve_model(name: str) -> ModelCard:
    """Return the card of a model (E101); ``ResNet-18`` and ``resnet_18`` stand for ``resnet18``."""
    bare = {_bare(known): known for known in MODELS}
    if _bare(name) in bare:
        return MODELS[bare[_bare(name)]]
    close = nearest(name[:80], MODELS) or bare.get(nearest(_bare(name)[:80], bare), "resnet18")
    expected = ", ".join(MODELS)
    received = name[:80] or fact("no name")
    fix = f"chainrule show model {close}"
    raise UsageError(
        "E101", where="chainrule show model", name=name[:80], expected=expected, received=received, fix=fix
    )


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _signature(card: ModelCard) -> str:
    """Return the signature of a model without types."""
    signature = inspect.signature(card.net)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))
