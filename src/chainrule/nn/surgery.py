"""Change parts of a network: a new head on a pretrained body, or blocks that are rematerialized.

Networks are immutable records, so these functions return a new one; all other parts are the same records and
keep their paths, so saved weights still match.

``recompute`` reduces the memory of training. The activations that a deep network stores for the backward pass
grow with its depth; with ``cr.Remat`` around each of its blocks only the inputs of the blocks are stored, and
the rest is rematerialized, a block at a time. Values and names do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import TypeVar

from chainrule.errors import UsageError, fact
from chainrule.extension import changed
from chainrule.nn.blocks.residual import Skip
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Parallel, Remat, Sequential, require_layer
from chainrule.validation import unknown

L = TypeVar("L", bound=Layer)
CLEAR = (Remat, Skip)  # wrappers that do not appear in the paths of their parts


def replace(net: L, path: str, part: Layer) -> L:
    """Replace the layer at a path; all other parts keep their names.

    Args:
        net: a network that contains layers.
        path: the path, as in ``parameters()`` and ``summary()``: ``"head"``, ``"stage1.block1"``.
        part: the new layer.

    Raises:
        UsageError E101: there is no such part.
        UsageError E104: ``part`` is not a layer.

    Example:
        >>> from chainrule.nn.layers.linear import Dense
        >>> print(replace(Sequential(Dense(64, "relu"), head=Dense(1000)), "head", Dense(5)))
        Sequential(
          dense1: Dense(64, activation='relu')
          head: Dense(5)
        )
    """
    require_layer("replace", part)
    name, _, rest = path.partition(".")
    parts = _parts(net)
    if name not in parts:
        expected = "" if parts else fact("a network that contains layers")
        raise unknown("replace", name, parts, 'cr.replace(net, "{}", ...)', expected=expected)
    return _with(net, name, replace(parts[name], rest, part) if rest else part)


def recompute(net: L, *paths: str) -> L:
    """Rematerialize blocks of a network in training, so that their activations need not be stored.

    A deep network then needs about half the memory and a third more time per step; see ``cr.Remat``. Outputs,
    gradients, names of parameters and files stay the same, so this can be applied at any time.

    Args:
        net: a network that contains blocks, such as ``cr.models.resnet50()`` or ``cr.models.gpt2()``.
        paths: the parts to rematerialize instead of all blocks: paths as for ``replace``, or patterns:
            ``"stage1.*"``. Longer parts save more memory, up to that of the computation within one of them.

    Raises:
        UsageError E101: there is no such part.
        UsageError E127: no paths, and the network has no blocks.

    Example:
        >>> from chainrule.nn.blocks.residual import BasicBlock
        >>> from chainrule.nn.layers.containers import Flatten
        >>> print(recompute(Sequential(BasicBlock(16), BasicBlock(32, stride=2), Flatten())))
        Sequential(
          basic_block1: Remat(BasicBlock(16))
          basic_block2: Remat(BasicBlock(32, stride=2))
          flatten1: Flatten()
        )
    """
    require_layer("recompute", net)
    for path in paths:
        known_paths = _paths(net)
        if not any(fnmatchcase(known_path, path) for known_path in known_paths):
            expected = ", ".join(_parts(net))
            raise unknown("recompute", path, known_paths, 'cr.recompute(net, "{}")', expected=expected)
    result = _recomputed(net, "", paths)
    if result is net and not any(isinstance(part, Remat) for part in _paths(net).values()):
        expected = fact("blocks, as in cr.models.resnet18()")
        received = ", ".join(_parts(net)) or str(net)
        fix = fact("cr.Remat(cr.Sequential(...)) around a few layers each")
        raise UsageError("E127", where="recompute", expected=expected, received=received, fix=fix)
    return result


def _paths(net: Layer, path: str = "") -> dict[str, Layer]:
    """Return the parts of a network and their parts, by path."""
    parts: dict[str, Layer] = {}
    for name, part in _own_parts(net).items():
        at = f"{path}.{name}" if path else name
        parts |= {at: part, **_paths(part, at)}
    return parts


def _recomputed(net: L, path: str, patterns: tuple[str, ...]) -> L:
    """Return the network with its outermost selected parts rematerialized; itself if there are none."""
    for name, part in _own_parts(net).items():
        at = f"{path}.{name}" if path else name
        if isinstance(part, Remat):
            continue
        is_selected = any(fnmatchcase(at, pattern) for pattern in patterns) if patterns else part.is_block
        new_part = Remat(part) if is_selected else _recomputed(part, at, patterns)
        if new_part is not part:
            net = _with(net, name, new_part)
    return net


def _own_parts(net: Layer) -> dict[str, Layer]:
    """Return the layers that a layer contains, each once."""
    parts: dict[str, Layer] = {}
    for name, part in _parts(net).items():
        if not any(part is other for other in parts.values()) or isinstance(net, Sequential | Parallel):
            parts[name] = part
    return parts


def transformed(net: Layer, change: Callable[[str, Layer], Layer | None], path: str = "") -> Layer:
    """Return a network with its innermost layers changed.

    Args:
        change: called with the path of each layer, the innermost first; returns the new layer, or ``None`` to
            leave it.
        path: the path of the network itself.
    """
    for name, part in _own_parts(net).items():
        new_part = transformed(part, change, f"{path}.{name}" if path else name)
        if new_part is not part:
            net = _with(net, name, new_part)
    return change(path, net) or net


def _parts(net: Layer) -> dict[str, Layer]:
    """Return the layers that a layer contains, by their names in paths."""
    if isinstance(net, Sequential):
        return dict(net.named())
    if isinstance(net, Parallel):
        return dict(net.branches)
    if isinstance(net, CLEAR):
        return _parts(net.inner)
    values = {f.name: getattr(net, f.name) for f in fields(net)}
    named = {name: part for name, part in values.items() if isinstance(part, Layer)}
    return {**{part.kind: part for part in reversed(named.values())}, **named}  # a kind denotes the first one


def _with(net: L, name: str, part: Layer) -> L:
    parts = {**_parts(net), name: part}
    if isinstance(net, Sequential):
        plain = Sequential(*parts.values())
        rebuilt = plain if [known for known, _ in plain.named()] == list(parts) else Sequential(**parts)
        return changed(net, layers=rebuilt.layers, names=rebuilt.names)
    if isinstance(net, Parallel):
        return changed(net, branches=tuple(parts.items()))
    if isinstance(net, CLEAR):
        return changed(net, inner=_with(net.inner, name, part))
    names = [f.name for f in fields(net)]
    places = [field for field in names if field == name or getattr(getattr(net, field), "kind", "") == name]
    return changed(net, **{places[0]: part})
