"""Load weights of other libraries into a network: read, match by name, convert, validate all, then set."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.data.sample_types import Samples
from chainrule.errors import FileError, TrainingError, UsageError, fact
from chainrule.events import notices
from chainrule.interop.file_reader import read_tensors
from chainrule.interop.lazy_tensor import Tensor
from chainrule.interop.report import MATCHED, MISSING, OTHER, SKIPPED, Row, WeightsReport
from chainrule.interop.torch.layer_layout import Form, Forms
from chainrule.interop.torch.names import FAMILIES, Family, custom_family
from chainrule.interop.torch.transforms import Transform
from chainrule.messages import Text
from chainrule.nn.build import Built, build
from chainrule.nn.layer import Layer
from chainrule.nn.scope import Parameter, is_at, outline
from chainrule.records import frozen
from chainrule.symbolic_shape import Spec, bound
from chainrule.train.evaluation import evaluate
from chainrule.train.model_base import StateHolder
from chainrule.train.model_state import ModelState
from chainrule.train.parameter_loading import report_nonfinite
from chainrule.validation import unknown

# Match arrays of a file to arrays of a network: by the names of a family, or by order and shape.
#
# Names come first: every known family is tried, with any prefix that the names in the file have (``module.``,
# ``bert.``), and the one that matches most arrays of the network is used. Only if none matches at least half
# of them are order and shape used, and only if they are unambiguous: every module has to match exactly, array
# for array, and nothing may be left over. Only numeric names (``0.weight``, ``2.bias``, as of
# ``torch.nn.Sequential``) define an order. In other files two modules of the same form are ambiguous and not
# matched: a PyTorch file lists the modules as their class defines them, which need not be the order in which
# it calls them. ``names="order"`` states that it is.

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
    """Return all arrays of a network: its parameters, then its running statistics."""
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
    """Return the sources by the names of a family, with the prefix that all names in the file have."""
    sources = {path: list(family.sources(path, forms_of_path)) for path, forms_of_path in forms.items()}
    names_of_family = {names[0] for options in sources.values() for names, _ in options}
    before: Counter[str] = Counter()
    for name in sorted(names_of_family, key=len)[-ANCHORS:]:  # the longest names are the least ambiguous
        before.update(n[: -len(name)] for n in tensors if n.endswith(f".{name}"))
    prefixes = ["", *(prefix for prefix, _ in before.most_common(ANCHORS))]
    tried = [_present(sources, tensors, prefix, family) for prefix in prefixes]
    return max(tried, key=lambda matches: matches.hits)


def _present(sources: Mapping[str, list[Source]], tensors: Tensors, prefix: str, family: Family) -> Matches:
    """Return the sources that exist in a file whose names have the given prefix."""
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
    """Return whether modules have numeric names, as in ``torch.nn.Sequential``, which define their order."""
    matches = [re.fullmatch(r"((?:[A-Za-z_]+\.)?)(?:\d+\.)+\w+", name) for name in names]
    return all(matches) and len({match[1] for match in matches if match}) == 1


def _in_order(tensors: Tensors, is_ordered: bool) -> dict[str, Tensor]:
    """Return the tensors in the order of their modules, as far as it is known."""
    names = [name for name in tensors if not name.endswith("num_batches_tracked")]
    if not is_ordered:
        names.sort(key=lambda name: [(part.isdigit(), part.zfill(12)) for part in name.split(".")])
    return {name: tensors[name] for name in names}


def _prefixes(names: Iterable[str]) -> dict[str, None]:
    """Return all possible module names, in order: every prefix that ends before a dot."""
    prefixes: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        prefixes |= dict.fromkeys(".".join(parts[:i]) for i in range(len(parts) - 1, -1, -1))
    return prefixes


def _fits(
    arrays: Mapping[str, Form], prefix: str, remaining: Tensors, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, list[Source]]:
    """Return the sources of one module's arrays at a prefix of the file; empty unless all exist and match."""
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
    """Return the shape that results from a transform, computed without data."""
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


Names = str | Mapping[str, str] | None
ORDER = "order"
SEED = 0  # for parameters that are not in the file, in a model without values
_COUNTER: Text = "counters of steps"
_LEFT: Text = "not needed, as a part is skipped"


def load_weights(
    target: Layer | StateHolder,
    file: str | os.PathLike[str],
    x: Samples | Mapping[str, Spec] | None = None,
    *,
    names: Names = None,
    skip: str | Sequence[str] = (),
    strict: bool = True,
    part: str | None = None,
) -> WeightsReport:
    """Load a weights file of another library into a model, or convert it for a network.

    The file is a safetensors or PyTorch file, or the index of one in several files. Nothing in it is
    executed. Loading is atomic: if anything does not match, the model stays unchanged and one error lists all
    mismatches.

    Args:
        target: a ``cr.Model``, which is changed, or a network (a layer), for which the report has the
            ``values``.
        file: the weights file.
        x: for a network, and for a model that has not seen data yet: inputs as for ``predict``, of which only
            the shapes count, or the specs of the inputs by name.
        names: the naming scheme of the file: a family (``"resnet"``), a library (``"torchvision"``),
            ``"order"`` (the modules of the file are in the order of the network), or a table from our paths
            to theirs, ``{"conv{i}": "features.{i-1}"}``; detected by default.
        skip: paths, prefixes or patterns of parameters that keep their initial values, such as a new head.
        strict: whether to refuse missing and unexpected arrays and other shapes; otherwise they are
            reported, and it is refused that nothing matches.
        part: the entry of a checkpoint that contains the weights, if there are several candidates.

    Returns:
        the report: print it.

    Raises:
        FileError: as ``read_weights``; E455 the weights belong to another network; all mismatches are listed.
        UsageError E144: weights are NaN or infinite.
        TrainingError E503: the shapes of the inputs are not known.
        UsageError E101: an unknown family, or nothing to skip at that path.

    Example:
        >>> import tempfile
        >>> from chainrule.nn import Dense, Sequential
        >>> header = b'{"0.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' \\
        ...     b'"0.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]}}'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "torch.safetensors")
        ...     data = len(header).to_bytes(8, "little") + header + np.array([3, 1, 2], "<f4").tobytes()
        ...     with open(path, "wb") as stream:
        ...         _ = stream.write(data)
        ...     report = load_weights(Sequential(Dense(1)), path, np.zeros((1, 2)))
        >>> {path: value.tolist() for path, value in report.values.items()}
        {'dense1.weight': [[1.0, 2.0]], 'dense1.bias': [3.0]}
    """
    tensors = read_tensors(file, part)
    built, dtype = _build_target(target, x)
    arrays = arrays_of(built)
    skipped = _skipped(skip, arrays)
    is_ordered = not str(file).lower().endswith((".safetensors", ".json")) and names == ORDER
    matches = match(
        built, tensors, _families(names), is_ordered if names in (None, ORDER) else None, skipped, strict
    )
    report = _report(arrays, skipped, matches, tensors, dtype)
    if strict or not report.of(MATCHED):
        _require_complete(report, str(file))
    report_partial(report)
    report_nonfinite(report.values)
    if isinstance(target, StateHolder):
        target.adopt(with_values(target.state, built, report.values))
    return report


def matched(built: Built, tensors: Tensors, family: Family, where: str, dtype: str) -> WeightsReport:
    """Match every array of a network by the names of a family, and every tensor of the files.

    Raises:
        FileError E455: arrays that are missing, unexpected or of other shapes, all of them.
        UsageError E144: weights are NaN or infinite.
    """
    return loaded(built, tensors, match(built, tensors, (family,), None, set()), where, dtype)


def loaded(built: Built, tensors: Tensors, matches: Matches, where: str, dtype: str) -> WeightsReport:
    """Load every array of a network from its sources in the files; errors as ``matched``."""
    report = _report(arrays_of(built), set(), matches, tensors, dtype)
    _require_complete(report, where)
    return report


def _require_complete(report: WeightsReport, where: str) -> None:
    if not report.is_complete:
        raise _mismatch_error(report, where)
    _refuse_nonfinite(report, where)


def _build_target(target: Layer | StateHolder, x: Any) -> tuple[Built, str]:
    """Build the network; returns its nodes and the dtype of its parameters."""
    if isinstance(target, StateHolder):
        dtype = target.recipe.dtype
        if target.network is not None:
            return target.network.inference, dtype
        built = target.state.built(specs_of_inputs(x, dtype), are_fixed=False).network
        assert built is not None
        return built.inference, dtype
    if not isinstance(target, Layer):
        expected = fact("a cr.Model or a layer")
        fix = 'cr.load_weights(model, "weights.safetensors")'
        raise UsageError(
            "E104", where="load_weights", expected=expected, received=type(target).__name__, fix=fix
        )
    return build(target, specs_of_inputs(x, "float32"), "float32"), "float32"


def specs_of_inputs(x: Any, dtype: str) -> Mapping[str, Spec]:
    """Return the specs of the inputs."""
    if x is None:
        fix = fact("cr.load_weights(target, file, x): a row of inputs defines their shape")
        raise TrainingError("E503", where="load_weights", fix=fix)
    if isinstance(x, Mapping) and all(isinstance(spec, Spec) for spec in x.values()):
        return x
    return evaluate.specs_of(Arrays.raw(x), dtype)


def _skipped(skip: str | Sequence[str], array_paths: Iterable[str]) -> set[str]:
    """Return the paths that match ``skip``.

    Raises:
        UsageError E101: a pattern without a match.
    """
    patterns, paths = [skip] if isinstance(skip, str) else list(skip), list(array_paths)
    skipped: set[str] = set()
    for pattern in patterns:
        matching = {path for path in paths if is_at(path, pattern)}
        if not matching:
            known, where = [*paths, *(p.rpartition(".")[0] for p in paths)], "load_weights, skip"
            raise unknown(where, pattern, known, 'skip="{}"', expected=outline(paths))
        skipped |= matching
    return skipped


def _families(names: Names) -> tuple[Family, ...]:
    """Return the families selected by ``names``.

    Raises:
        UsageError E101: an unknown name.
    """
    if names in (None, ORDER):
        return FAMILIES if names is None else ()
    if isinstance(names, Mapping):
        return (custom_family(names),)
    selected = tuple(family for family in FAMILIES if names in (family.name, family.library))
    if not selected:
        known = [*dict.fromkeys(name for f in FAMILIES for name in (f.library, f.name)), ORDER]
        raise unknown("load_weights, names", names, known, 'names="{}"', example=ORDER)
    return selected


def _report(
    arrays: Mapping[str, Parameter], skipped: set[str], matches: Matches, tensors: Tensors, dtype: str
) -> WeightsReport:
    """Match every array of the network; the report includes the values of those that match."""
    rows: list[Row] = []
    values: dict[str, np.ndarray] = {}
    used: set[str] = set()
    for path, parameter in arrays.items():
        shape, sources = bound(parameter.spec.shape), matches.sources.get(path, ())
        used.update(name for names, _ in sources[:1] for name in names)
        if path in skipped:
            rows.append(Row(path, shape, SKIPPED))
            continue
        row, value = _row(path, shape, sources, tensors)
        rows.append(row)
        used.update(row.names)
        if value is not None:
            values[path] = np.array(value, dtype, order="C")
    unused = [name for name in tensors if name not in used]
    ignored = {name: why for name in unused if (why := _why_ignored(name, matches.family, bool(skipped)))}
    unexpected = tuple(name for name in unused if name not in ignored)
    family = matches.family.name if matches.family is not None else ""
    return WeightsReport(tuple(rows), unexpected, tuple(ignored.items()), family, values)


def _row(
    path: str, shape: tuple[int, ...], sources: Sequence[Source], tensors: Tensors
) -> tuple[Row, np.ndarray | None]:
    """Load one array from the first of its sources that has its shape."""
    received: tuple[int, ...] | None = None
    for names, changes in sources:
        inputs = [tensors[name] for name in names]
        value = transformed([tensor.array() for tensor in inputs], changes)
        if value is not None and value.shape == shape:
            return Row(path, shape, MATCHED, names, _conversions(changes, inputs)), value
        if received is None:
            received = inputs[0].shape if value is None else value.shape
    if not sources:
        return Row(path, shape, MISSING), None
    return Row(path, shape, OTHER, sources[0][0], received=received), None


def _conversions(changes: Sequence[Transform], inputs: Sequence[Tensor]) -> tuple[str, ...]:
    """Return the conversions of arrays: rearranged, and cast from another dtype."""
    kinds = dict.fromkeys(tensor.kind for tensor in inputs if tensor.kind != "float32")
    casts = [fact("from {dtype}", dtype=kind) for kind in kinds]
    return (*(change.name for change in changes if change.name), *casts)


def _why_ignored(name: str, family: Family | None, is_partial: bool) -> str | None:
    """Return why an unused name of the file is not a mismatch, or None if it is one."""
    if name.endswith("num_batches_tracked"):
        return _COUNTER
    for pattern, why in family.ignored if family is not None else ():
        if fnmatchcase(name, pattern):
            return why
    return _LEFT if is_partial else None


def _mismatch_error(report: WeightsReport, where: str) -> FileError:
    """Return the error that lists everything that does not match."""
    faults = report.faults()
    matched = len(report.of(MATCHED))
    expected = fact("all {count} arrays of the network, and no others", count=len(report.rows))
    received = fact("{matched} that fit; {faults} faults", matched=matched, faults=len(faults))
    fix = (
        fact('skip="head" for parts that keep their initial values, or strict=False')
        if matched
        else fact('names={{"dense1": "NAME IN THE FILE", ...}}, or names="order" if it is the same')
    )
    return FileError("E455", where=where, expected=expected, received=received, notes=faults, fix=(fix))


def _refuse_nonfinite(report: WeightsReport, where: str) -> None:
    """Refuse weights with NaN or infinite values, of which no prediction would be finite.

    Raises:
        UsageError E144: names the first array and its position.
    """
    for row in report.of(MATCHED):
        is_wrong = ~np.isfinite(report.values[row.path])
        if is_wrong.any():
            position = tuple(map(int, np.argwhere(is_wrong)[0]))
            expected = fact("finite numbers")
            received = fact(
                "{count} of {total} are not finite, the first at {position}",
                count=int(is_wrong.sum()),
                total=is_wrong.size,
                position=position,
            )
            fix = fact("another checkpoint; or strict=False")
            raise UsageError(
                "E144", where=where, name=row.path, expected=expected, received=received, fix=fix
            )


def report_partial(report: WeightsReport) -> None:
    """Emit a notice about arrays that keep their initial values because ``strict`` is off."""
    left = [row.path for row in report.rows if row.status in (MISSING, OTHER)]
    if left:
        count, total, first = len(left), len(report.rows), left[0]
        notices.emit(
            fact(
                "{count} of {total} arrays were not in the file and keep their initial values, first {first}",
                count=count,
                total=total,
                first=first,
            )
        )


def with_values(model: ModelState, built: Built, values: Mapping[str, np.ndarray]) -> ModelState:
    """Return the model with these values; its next training starts with them."""
    if model.network is None:
        model = model.built({name: node.spec for name, node in built.inputs.items()})
    return model.initialized(SEED, {**model.arrays, **values}).changed("load_weights")
