"""Which foreign arrays become which of ours: by the names of a family, or by order and shape.

Names come first: every family that is known is tried, with whatever stands before its names in the file
(``module.``, ``bert.``), and the one that explains most of our arrays is taken. Only if none explains even
half of them do order and shape decide, and only if they leave no choice: every module of the file in turn has
to fit ours exactly, array for array, and nothing may be left over. Names of numbers (``0.weight``,
``2.bias``, as ``torch.nn.Sequential`` gives them) and the order of a PyTorch file say what that order is; a
safetensors file is sorted by name, which says nothing, so there two modules of one form are a choice and no
match is made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from chainrule.interop.lazy_tensor import Tensor
from chainrule.interop.torch.layer_layout import Form, Forms
from chainrule.interop.torch.name_map import Family
from chainrule.interop.torch.transforms import Change
from chainrule.nn.build import Built
from chainrule.nn.scope import Parameter
from chainrule.records import frozen
from chainrule.spec import bound

ANCHORS = 4  # arrays whose names tell what stands before all names
Source = tuple[tuple[str, ...], tuple[Change, ...]]
Tensors = Mapping[str, Tensor]


@frozen(eq=False)
class Found:
    """Where our arrays may come from.

    Args:
        sources: for each path the foreign names, with what is done to them; likelier ones first.
        family: whose names they are, or ``None``: order and shape decided.
    """

    sources: Mapping[str, Sequence[Source]]
    family: Family | None = None

    @property
    def hits(self) -> int:
        """How many of our arrays the file has something for."""
        return sum(bool(sources) for sources in self.sources.values())


def asked_for(built: Built) -> dict[str, Parameter]:
    """Every array that a net has: its parameters, then its running values."""
    return {**built.parameters, **built.states}


def match(
    built: Built, tensors: Tensors, families: Iterable[Family], is_ordered: bool | None, skipped: set[str]
) -> Found:
    """Where the arrays of a net come from.

    Args:
        built: the net.
        tensors: the file.
        families: whose names are tried.
        is_ordered: whether the file has its tensors in the order in which its net asks for them; ``None``:
            order and shape must not decide.
        skipped: the arrays that need not fit.
    """
    told, wanted = Forms(built), asked_for(built)
    forms = {path: told.of(path) for path in wanted}
    by_name = [_by_name(forms, tensors, family) for family in families]
    best = max(by_name, key=lambda found: found.hits, default=Found({}))
    if is_ordered is None or 2 * best.hits >= max(len(forms), 1):
        return best
    shapes = {path: bound(p.spec.shape) for path, p in wanted.items() if path not in skipped}
    return by_order(forms, tensors, is_ordered, shapes) or best


def _by_name(forms: Mapping[str, list[Form]], tensors: Tensors, family: Family) -> Found:
    """The sources that a family's names lead to, behind whatever stands before them all."""
    sources = {path: list(family.sources(path, told)) for path, told in forms.items()}
    told = {names[0] for options in sources.values() for names, _ in options}
    before: Counter[str] = Counter()
    for name in sorted(told, key=len)[-ANCHORS:]:  # the longest names leave the least doubt
        before.update(n[: -len(name)] for n in tensors if n.endswith(f".{name}"))
    prefixes = ["", *(prefix for prefix, _ in before.most_common(ANCHORS))]
    tried = [_present(sources, tensors, prefix, family) for prefix in prefixes]
    return max(tried, key=lambda found: found.hits)


def _present(sources: Mapping[str, list[Source]], tensors: Tensors, prefix: str, family: Family) -> Found:
    """The sources that a file has, its names all beginning in one way."""
    present: dict[str, list[Source]] = {}
    for path, options in sources.items():
        named = [(tuple(prefix + name for name in names), changes) for names, changes in options]
        present[path] = [source for source in named if all(name in tensors for name in source[0])]
    return Found(present, family)


def by_order(
    forms: Mapping[str, list[Form]],
    tensors: Tensors,
    is_ordered: bool,
    shapes: Mapping[str, tuple[int, ...]],
) -> Found | None:
    """The sources by order and shape, or ``None`` where these leave a choice, or nothing that fits.

    Args:
        forms: how PyTorch may keep each of our arrays.
        tensors, is_ordered: as in ``match``.
        shapes: of those of our arrays that must fit.
    """
    modules: dict[str, dict[str, Form]] = {}  # each of our modules: its arrays, as PyTorch keeps them
    for path, told in forms.items():
        modules.setdefault(told[-1].module, {})[path] = told[-1]
    left = _in_order(tensors, is_ordered)
    is_sure = is_ordered or _are_numbered(left)
    sources: dict[str, list[Source]] = {}
    for arrays in modules.values():
        first = next(iter(left), "")
        places = _places([first] if is_sure else left)
        found = [fitting for place in places if (fitting := _fits(arrays, place, left, shapes))]
        if not found or (not is_sure and len(found) > 1):
            return None
        sources |= found[0]
        taken = {name for ((names, _),) in found[0].values() for name in names}
        if is_sure and first not in taken:
            return None  # the next module of the file is another one
        left = {name: tensor for name, tensor in left.items() if name not in taken}
    return None if left else Found(sources)


def _are_numbered(names: Iterable[str]) -> bool:
    """Whether modules are called by numbers, as ``torch.nn.Sequential`` does: their order is then known."""
    found = [re.fullmatch(r"((?:[A-Za-z_]+\.)?)(?:\d+\.)+\w+", name) for name in names]
    return all(found) and len({each[1] for each in found if each}) == 1


def _in_order(tensors: Tensors, is_ordered: bool) -> dict[str, Tensor]:
    """The tensors in the order of their modules, so far as it can be known."""
    names = [name for name in tensors if not name.endswith("num_batches_tracked")]
    if not is_ordered:
        names.sort(key=lambda name: [(part.isdigit(), part.zfill(12)) for part in name.split(".")])
    return {name: tensors[name] for name in names}


def _places(names: Iterable[str]) -> dict[str, None]:
    """Everything that may be the name of a module, in order: what stands before each dot."""
    found: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        found |= dict.fromkeys(".".join(parts[:i]) for i in range(len(parts) - 1, -1, -1))
    return found


def _fits(
    arrays: Mapping[str, Form], place: str, left: Tensors, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, list[Source]]:
    """The sources of one module's arrays at a place of the file; nothing unless all are there and fit."""
    sources: dict[str, list[Source]] = {}
    for path, form in arrays.items():
        names = tuple(f"{place}.{name}" if place else name for name in form.names)
        if any(name not in left for name in names):
            return {}
        if path in shapes and _shape(form.change, [left[name].shape for name in names]) != shapes[path]:
            return {}
        sources[path] = [(names, (form.change,))]
    return sources


def _shape(change: Change, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape that a change gives; no numbers are moved."""
    made = changed([np.broadcast_to(np.zeros((), np.float32), shape) for shape in shapes], (change,))
    return None if made is None else made.shape


def changed(arrays: Sequence[np.ndarray], changes: Sequence[Change]) -> np.ndarray | None:
    """Foreign arrays as one of ours; ``None`` where they have not the form that the change needs."""
    try:
        for change in changes:
            arrays = [change.make(arrays)]
    except (ValueError, IndexError, TypeError):
        return None
    return arrays[0]
