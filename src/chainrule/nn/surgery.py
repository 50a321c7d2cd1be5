"""A net with some of its parts changed: a new head on an old body, or blocks that save memory.

Nets are records that never change, so this gives a new one; all other parts are the very same records and
keep their paths, so weights that were saved under them still fit.

``recompute`` saves memory in training. What a deep net keeps for the way back grows with its depth; with
``cr.Remat`` around each of its blocks only what enters them is kept, and the rest is computed again, a block
at a time. Nothing else changes, neither the numbers nor their names.
"""

from __future__ import annotations

from dataclasses import fields
from fnmatch import fnmatchcase
from typing import TypeVar

from chainrule.errors import UsageError, nearest
from chainrule.extension import changed
from chainrule.nn.blocks.residual import Skip
from chainrule.nn.layer import Layer
from chainrule.nn.layers.containers import Parallel, Sequential, require_layer
from chainrule.nn.layers.recompute import Remat

L = TypeVar("L", bound=Layer)
CLEAR = (Remat, Skip)  # the parts of what they hold have paths as if these were not there


def replace(net: L, path: str, part: Layer) -> L:
    """The net with another layer at a path; everything else stays, under the names it had.

    Args:
        net: a net that holds layers.
        path: where, as in ``parameters()`` and ``summary()``: ``"head"``, ``"stage1.block1"``.
        part: what stands there now.

    Fails:
        UsageError E101: there is no such part. E104: ``part`` is no layer.

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
    held = _parts(net)
    if name not in held:
        close = nearest(name, held)
        raise UsageError(
            "E101", where="replace", name=path, expected=", ".join(held) or "a net that holds layers",
            received=name, fix=f'cr.replace(net, "{close}", ...)' if close else "",
        )  # fmt: skip
    return _with(net, name, replace(held[name], rest, part) if rest else part)


def recompute(net: L, *paths: str) -> L:
    """The net with blocks that are computed twice in training, so that what they compute need not be kept.

    A deep net then needs about half the memory and a third more time for a step; see ``cr.Remat``. Answers,
    gradients, names of parameters and files stay the same, so the net may be changed at any time.

    Args:
        net: a net that holds blocks, such as ``cr.models.resnet50()`` or ``cr.models.gpt2()``.
        paths: which parts, instead of all blocks: paths as ``replace`` takes them, or patterns:
            ``"stage1.*"``. Longer parts save more, up to the memory of what is computed within one of them.

    Fails:
        UsageError E101: there is no such part. E127: no paths, and the net has no blocks.

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
        found = _paths(net)
        if not any(fnmatchcase(each, path) for each in found):
            close = nearest(path, found)
            raise UsageError(
                "E101", where="recompute", name=path, expected=", ".join(_parts(net)), received=path,
                fix=f'cr.recompute(net, "{close}")' if close else "",
            )  # fmt: skip
    made = _recomputed(net, "", paths)
    if made is net and not any(isinstance(part, Remat) for part in _paths(net).values()):
        raise UsageError(
            "E127", where="recompute", expected="blocks, as in cr.models.resnet18()",
            received=", ".join(_parts(net)) or str(net),
            fix="cr.Remat(cr.Sequential(...)) around a few layers each",
        )  # fmt: skip
    return made


def _paths(net: Layer, path: str = "") -> dict[str, Layer]:
    """The parts of a net and the parts of these, by path."""
    found: dict[str, Layer] = {}
    for name, part in _own_parts(net).items():
        at = f"{path}.{name}" if path else name
        found |= {at: part, **_paths(part, at)}
    return found


def _recomputed(net: L, path: str, patterns: tuple[str, ...]) -> L:
    """The net whose outermost parts that are meant are computed twice; the same record where none is."""
    for name, part in _own_parts(net).items():
        at = f"{path}.{name}" if path else name
        if isinstance(part, Remat):
            continue
        is_meant = any(fnmatchcase(at, each) for each in patterns) if patterns else part.is_block
        made = Remat(part) if is_meant else _recomputed(part, at, patterns)
        if made is not part:
            net = _with(net, name, made)
    return net


def _own_parts(net: Layer) -> dict[str, Layer]:
    """The layers that a layer holds, each once."""
    parts: dict[str, Layer] = {}
    for name, part in _parts(net).items():
        if not any(part is other for other in parts.values()) or isinstance(net, Sequential | Parallel):
            parts[name] = part
    return parts


def _parts(net: Layer) -> dict[str, Layer]:
    """The layers that a layer holds, by the names they have in paths."""
    if isinstance(net, Sequential):
        return dict(net.named())
    if isinstance(net, Parallel):
        return dict(net.branches)
    if isinstance(net, CLEAR):
        return _parts(net.inner)
    held = {f.name: getattr(net, f.name) for f in fields(net)}
    found = {name: part for name, part in held.items() if isinstance(part, Layer)}
    return {**{part.kind: part for part in reversed(found.values())}, **found}  # a kind means the first


def _with(net: L, name: str, part: Layer) -> L:
    """The layer with another one in a place of its own."""
    parts = {**_parts(net), name: part}
    if isinstance(net, Sequential):
        plain = Sequential(*parts.values())
        made = plain if [known for known, _ in plain.named()] == list(parts) else Sequential(**parts)
        return changed(net, layers=made.layers, names=made.names)
    if isinstance(net, Parallel):
        return changed(net, branches=tuple(parts.items()))
    if isinstance(net, CLEAR):
        return changed(net, inner=_with(net.inner, name, part))
    names = [f.name for f in fields(net)]
    places = [field for field in names if field == name or getattr(getattr(net, field), "kind", "") == name]
    return changed(net, **{places[0]: part})
