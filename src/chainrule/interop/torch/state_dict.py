"""The parameters of a network under the names and in the layouts of PyTorch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import FileError, fact
from chainrule.interop.torch.layer_layout import Form, Forms, owner_of
from chainrule.interop.torch.names import FAMILIES
from chainrule.interop.torch.transforms import Piece, Transform
from chainrule.optional_dependency import missing
from chainrule.validation import trained_network, unknown

if TYPE_CHECKING:
    from chainrule.nn.build import Built
    from chainrule.train.model_state import ModelState

Named = tuple[tuple[str, ...], tuple[Transform, ...]]
RESERVED = {
    "apply",
    "buffers",
    "children",
    "compile",
    "cpu",
    "cuda",
    "double",
    "eval",
    "float",
    "forward",
    "half",
    "modules",
    "parameters",
    "to",
    "train",
    "training",
    "type",
}
"""Names that a module of PyTorch cannot have, because ``torch.nn.Module`` has them."""


def forms_of(built: Built) -> dict[str, Form]:
    """Return the form in PyTorch of every parameter and running statistic, by path.

    A projection of an attention that ``torch.nn.MultiheadAttention`` does not have is a linear layer.
    """
    layouts = Forms(built)
    arrays = {**built.parameters, **built.states}
    forms = {}
    for path in arrays:
        inner, *outer = layouts.of(path)
        above = owner_of(inner.module, built.book.layers)[0] if outer else ""
        form = outer[-1] if outer and _is_square(built, above) else inner
        parts = [f"{part}_" if part in RESERVED else part for part in form.module.split(".")]
        forms[path] = replace(form, module=".".join(parts))
    return forms


def _is_square(built: Built, path: str) -> bool:
    """Return whether all projections of an attention have as many inputs as outputs."""
    weights = [built.parameters.get(f"{path}.{name}.weight") for name in ("query", "key", "value", "output")]
    shapes = {weight.spec.shape for weight in weights if weight is not None}
    return len(shapes) == 1 and len(set(*shapes)) == 1 and None not in weights


def torch_state(
    built: Built, arrays: Mapping[str, np.ndarray], names: str | None = None
) -> dict[str, np.ndarray]:
    """Return the parameters and running statistics of a network as a ``state_dict`` of PyTorch.

    Args:
        built: the network.
        arrays: its parameters and states by path.
        names: a family or library of ``FAMILIES``, such as ``"resnet"``; by default our paths with PyTorch's
            names of the parameters of each layer.

    Raises:
        UsageError E101: an unknown family. FileError E462: a network that the family does not name.
    """
    forms = forms_of(built)
    if names is None:
        named: dict[str, Named] = {
            path: (names_in_torch(form), (form.change,)) for path, form in forms.items()
        }
    else:
        named = _of_family(built, names)
    pieces: dict[str, list[Piece]] = {}
    for path, (targets, changes) in named.items():
        values = [Piece(np.asarray(arrays[path]))]
        for change in reversed(changes):
            values = [piece for value in values for piece in change.pieces(value.array)]
        if forms[path].kind == "GRU" and path.endswith("bias"):
            values = _gru_pieces(path, values, arrays)
        if names is not None and forms[path].kind == "Dense" and path.endswith(".weight"):
            above = owner_of(forms[path].module, built.book.layers)[0]
            if type(built.book.layers.get(above)).__name__ == "SqueezeExcite":  # convolutions in torchvision
                values = [Piece(piece.array[..., None, None]) for piece in values]
        for piece in values:
            pieces.setdefault(targets[piece.source], []).append(piece)
    return {name: _concatenated(parts) for name, parts in pieces.items()}


def names_in_torch(form: Form) -> tuple[str, ...]:
    """Return the names of the arrays of PyTorch that one of ours corresponds to."""
    return tuple(f"{form.module}.{name}" if form.module else name for name in form.names)


def torch_state_of(model: ModelState, names: str | None, tensors: bool) -> dict[str, Any]:
    """Return the ``state_dict`` of a trained model; see ``chainrule.Model.to_torch_state_dict``."""
    trained_network(model, "to_torch_state_dict")
    assert model.network is not None
    state = torch_state(model.network.inference, model.arrays, names)
    if not tensors:
        return state
    if find_spec("torch") is None:
        raise missing("torch", "to_torch_state_dict")
    torch: Any = import_module("torch")
    return {name: torch.from_numpy(array.copy()) for name, array in state.items()}


def _gru_pieces(path: str, values: list[Piece], arrays: Mapping[str, np.ndarray]) -> list[Piece]:
    """Return the two biases of a GRU: that of the input has all sums, that of the state the candidate's."""
    if path.endswith("recurrent_bias"):
        return values
    (bias,) = (piece.array for piece in values)
    return [Piece(bias), Piece(np.zeros_like(bias[: 2 * len(bias) // 3]), 1, 0, -1)]


def _concatenated(parts: Sequence[Piece]) -> np.ndarray:
    """Return an array from its parts."""
    if parts[0].of == 1:
        return np.ascontiguousarray(parts[0].array)
    return np.concatenate([piece.array for piece in sorted(parts, key=lambda piece: piece.part)])


def _of_family(built: Built, names: str) -> dict[str, Named]:
    """Return the names and transforms of each array in a family of another library."""
    families = [family for family in FAMILIES if names in (family.name, family.library) and not family.is_own]
    if not families:
        known = [*dict.fromkeys(n for f in FAMILIES if not f.is_own for n in (f.library, f.name))]
        raise unknown("to_torch_state_dict, names", names, known, 'names="{}"', example="torchvision")
    layouts = Forms(built)
    paths = [*built.parameters, *built.states]
    tried = [{path: list(family.sources(path, layouts.of(path))) for path in paths} for family in families]
    best = max(tried, key=lambda sources: sum(map(bool, sources.values())))
    lacking = [path for path, sources in best.items() if not sources]
    if lacking:
        raise FileError(
            "E462",
            where="to_torch_state_dict",
            name=names,
            expected=fact("a network of these names"),
            received=fact(
                "{count} arrays without a name, such as {name}", count=len(lacking), name=lacking[0]
            ),
            fix="model.to_torch_state_dict()",
        )
    return _without_gaps(best)


def _without_gaps(options: Mapping[str, Sequence[Named]]) -> dict[str, Named]:
    """Choose among alternative names of the parts of a block: those that number the parts from 0."""
    numbers: dict[str, set[str]] = {}
    for sources in options.values():
        for before, number in _numbered(sources[0][0][0]):
            numbers.setdefault(before, set()).add(number)
    places = {before: sorted(parts, key=int) for before, parts in numbers.items()}
    chosen = {}
    for path, sources in options.items():
        fitting = (
            source
            for source in sources
            if all(
                places[before].index(first) == int(number) or len(sources) == 1
                for (before, first), (_, number) in zip(
                    _numbered(sources[0][0][0]), _numbered(source[0][0]), strict=True
                )
                if first != number or source is sources[0]
            )
        )
        chosen[path] = next(fitting, sources[0])
    return chosen


def _numbered(name: str) -> list[tuple[str, str]]:
    """Return each number in a name with what is before it."""
    return [(name[: match.start()], match[1]) for match in re.finditer(r"(?<=\.)(\d+)(?=\.)", name)]
