"""Match arrays of a file to arrays of a network: by the names of a family, or by order and shape.

Names come first: every known family is tried, with any prefix that the names in the file have (``module.``,
``bert.``), and the one that matches most arrays of the network is used. Only if none matches at least half of
them are order and shape used, and only if they are unambiguous: every module has to match exactly, array for
array, and nothing may be left over. Only numeric names (``0.weight``, ``2.bias``, as of
``torch.nn.Sequential``) define an order. In other files two modules of the same form are ambiguous and not
matched: a PyTorch file lists the modules as their class defines them, which need not be the order in which it
calls them. ``names="order"`` states that it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from chainrule.interop.lazy_tensor import Tensor
from chainrule.interop.torch.layer_layout import Form, Forms
from chainrule.interop.torch.name_map import Family
from chainrule.interop.torch.transforms import Transform
from chainrule.nn.build import Built
from chainrule.nn.scope import Parameter
from chainrule.records import frozen
from chainrule.spec import bound

ANCHORS = 4  # number of names from which the prefix of all names is determined
Source = tuple[tuple[str, ...], tuple[Transform, ...]]
Tensors = Mapping[str, Tensor]


@frozen(eq=False)
class Matches:
    """The candidate sources of the arrays of a network.

    Args:
        sources: for each path the names in the file, with the transforms to apply; likelier ones first.
        family: the family that defines the names, or ``None`` for a match by order and shape.
    """

    sources: Mapping[str, Sequence[Source]]
    family: Family | None = None

    @property
    def hits(self) -> int:
        """The number of arrays that have a source in the file."""
        return sum(bool(sources) for sources in self.sources.values())


def arrays_of(built: Built) -> dict[str, Parameter]:
    """All arrays of a network: its parameters, then its running statistics."""
    return {**built.parameters, **built.states}


def match(
    built: Built,
    tensors: Tensors,
    families: Iterable[Family],
    is_ordered: bool | None,
    skipped: set[str],
    is_strict: bool = True,
) -> Matches:
    """Find the sources of the arrays of a network.

    Args:
        built: the network.
        tensors: the tensors of the file.
        families: the families to try.
        is_ordered: whether the user states that the modules of the file are in the order of the network;
            ``None`` disables matching by order and shape.
        skipped: paths of arrays that need not match.
        is_strict: whether the file must not have other tensors.
    """
    layouts, arrays = Forms(built), arrays_of(built)
    forms = {path: layouts.of(path) for path in arrays}
    by_name = [_by_name(forms, tensors, family) for family in families]
    best = max(by_name, key=lambda matches: matches.hits, default=Matches({}))
    if is_ordered is None or 2 * best.hits >= max(len(forms), 1):
        return best
    shapes = {path: bound(p.spec.shape) for path, p in arrays.items() if path not in skipped}
    return by_order(forms, tensors, is_ordered, shapes, is_strict) or best


def _by_name(forms: Mapping[str, list[Form]], tensors: Tensors, family: Family) -> Matches:
    """The sources by the names of a family, with the prefix that all names in the file have."""
    sources = {path: list(family.sources(path, forms_of_path)) for path, forms_of_path in forms.items()}
    names_of_family = {names[0] for options in sources.values() for names, _ in options}
    before: Counter[str] = Counter()
    for name in sorted(names_of_family, key=len)[-ANCHORS:]:  # the longest names are the least ambiguous
        before.update(n[: -len(name)] for n in tensors if n.endswith(f".{name}"))
    prefixes = ["", *(prefix for prefix, _ in before.most_common(ANCHORS))]
    tried = [_present(sources, tensors, prefix, family) for prefix in prefixes]
    return max(tried, key=lambda matches: matches.hits)


def _present(sources: Mapping[str, list[Source]], tensors: Tensors, prefix: str, family: Family) -> Matches:
    """The sources that exist in a file whose names have the given prefix."""
    present: dict[str, list[Source]] = {}
    for path, options in sources.items():
        named = [(tuple(prefix + name for name in names), changes) for names, changes in options]
        present[path] = [source for source in named if all(name in tensors for name in source[0])]
    return Matches(present, family)


def by_order(
    forms: Mapping[str, list[Form]],
    tensors: Tensors,
    is_ordered: bool,
    shapes: Mapping[str, tuple[int, ...]],
    is_strict: bool = True,
) -> Matches | None:
    """Find the sources by order and shape; ``None`` if they are ambiguous or do not match.

    Args:
        forms: the possible forms of each array in PyTorch.
        tensors, is_ordered, is_strict: as in ``match``.
        shapes: shapes of the arrays that must match.
    """
    modules: dict[str, dict[str, Form]] = {}  # the arrays of each module, in PyTorch's form
    for path, options in forms.items():
        modules.setdefault(options[-1].module, {})[path] = options[-1]
    remaining = _in_order(tensors, is_ordered)
    is_sure = is_strict and (is_ordered or _are_numbered(remaining))
    sources: dict[str, list[Source]] = {}
    for arrays in modules.values():
        if not is_sure and shapes.keys().isdisjoint(arrays):
            continue  # a skipped module may be any of the file
        first = next(iter(remaining), "")
        places = _prefixes([first] if is_sure else remaining)
        candidates = [
            sources_at for place in places if (sources_at := _fits(arrays, place, remaining, shapes))
        ]
        if not candidates or (not is_sure and not is_ordered and len(candidates) > 1):
            return None
        sources |= candidates[0]
        used = {name for ((names, _),) in candidates[0].values() for name in names}
        if is_sure and first not in used:
            return None  # the next module of the file is a different one
        remaining = {name: tensor for name, tensor in remaining.items() if name not in used}
    is_whole = is_strict and len(shapes) == len(forms)
    return None if remaining and is_whole else Matches(sources)


def _are_numbered(names: Iterable[str]) -> bool:
    """Whether modules have numeric names, as in ``torch.nn.Sequential``, which define their order."""
    matches = [re.fullmatch(r"((?:[A-Za-z_]+\.)?)(?:\d+\.)+\w+", name) for name in names]
    return all(matches) and len({match[1] for match in matches if match}) == 1


def _in_order(tensors: Tensors, is_ordered: bool) -> dict[str, Tensor]:
    """The tensors in the order of their modules, as far as it is known."""
    names = [name for name in tensors if not name.endswith("num_batches_tracked")]
    if not is_ordered:
        names.sort(key=lambda name: [(part.isdigit(), part.zfill(12)) for part in name.split(".")])
    return {name: tensors[name] for name in names}


def _prefixes(names: Iterable[str]) -> dict[str, None]:
    """All possible module names, in order: every prefix that ends before a dot."""
    prefixes: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        prefixes |= dict.fromkeys(".".join(parts[:i]) for i in range(len(parts) - 1, -1, -1))
    return prefixes


def _fits(
    arrays: Mapping[str, Form], prefix: str, remaining: Tensors, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, list[Source]]:
    """The sources of one module's arrays at a prefix of the file; empty unless all exist and match."""
    sources: dict[str, list[Source]] = {}
    for path, form in arrays.items():
        names = tuple(f"{prefix}.{name}" if prefix else name for name in form.names)
        if any(name not in remaining for name in names):
            return {}
        if path in shapes and _shape(form.change, [remaining[name].shape for name in names]) != shapes[path]:
            return {}
        sources[path] = [(names, (form.change,))]
    return sources


def _shape(change: Transform, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape that results from a transform, computed without data."""
    result = transformed([np.broadcast_to(np.zeros((), np.float32), shape) for shape in shapes], (change,))
    return None if result is None else result.shape


def transformed(arrays: Sequence[np.ndarray], changes: Sequence[Transform]) -> np.ndarray | None:
    """Transform arrays of the file to one of ours; ``None`` if their shapes do not allow it."""
    try:
        for change in changes:
            arrays = [change.apply(arrays)]
    except (ValueError, IndexError, TypeError):
        return None
    return arrays[0]
