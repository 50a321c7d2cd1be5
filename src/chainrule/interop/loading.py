"""Load weights of other libraries into a network: read, match by name, convert, validate all, then set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from chainrule.data import Arrays
from chainrule.data.sample_types import Samples
from chainrule.errors import FileError, TrainingError, UsageError, fact, nearest
from chainrule.events import notices
from chainrule.interop.file_reader import read_tensors
from chainrule.interop.lazy_tensor import Tensor
from chainrule.interop.matching import Matches, Source, Tensors, arrays_of, match, transformed
from chainrule.interop.report import MATCHED, MISSING, OTHER, SKIPPED, Row, WeightsReport
from chainrule.interop.torch.name_map import Family
from chainrule.interop.torch.name_maps import FAMILIES, custom_family
from chainrule.interop.torch.transforms import Transform
from chainrule.messages import Text
from chainrule.nn.build import Built, build
from chainrule.nn.layer import Layer
from chainrule.nn.scope import Parameter, is_at, outline
from chainrule.spec import Spec, bound
from chainrule.train.evaluation import evaluate
from chainrule.train.loading import report_nonfinite
from chainrule.train.model_state import ModelState
from chainrule.train.state_holder import StateHolder
from chainrule.validation import unknown

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
    if not report.is_complete and (strict or not report.of(MATCHED)):
        raise _mismatch_error(report, str(file))
    if strict:
        _refuse_nonfinite(report, str(file))
    report_partial(report)
    report_nonfinite(report.values)
    if isinstance(target, StateHolder):
        target.adopt(with_values(target.state, built, report.values))
    return report


def _build_target(target: Layer | StateHolder, x: Any) -> tuple[Built, str]:
    """Build the network; returns its nodes and the dtype of its parameters."""
    if isinstance(target, StateHolder):
        dtype = target.recipe.dtype
        if target.network is not None:
            return target.network.inference, dtype
        built = target.state.built(_specs(x, dtype), are_fixed=False).network
        assert built is not None
        return built.inference, dtype
    if not isinstance(target, Layer):
        expected = fact("a cr.Model or a layer")
        fix = 'cr.load_weights(model, "weights.safetensors")'
        raise UsageError(
            "E104", where="load_weights", expected=expected, received=type(target).__name__, fix=fix
        )
    return build(target, _specs(x, "float32"), "float32"), "float32"


def _specs(x: Any, dtype: str) -> Mapping[str, Spec]:
    """The specs of the inputs."""
    if x is None:
        fix = fact("cr.load_weights(target, file, x): a row of inputs defines their shape")
        raise TrainingError("E503", where="load_weights", fix=fix)
    if isinstance(x, Mapping) and all(isinstance(spec, Spec) for spec in x.values()):
        return x
    return evaluate.specs_of(Arrays.raw(x), dtype)


def _skipped(skip: str | Sequence[str], array_paths: Iterable[str]) -> set[str]:
    """The paths that match ``skip``.

    Raises:
        UsageError E101: a pattern without a match.
    """
    patterns, paths = [skip] if isinstance(skip, str) else list(skip), list(array_paths)
    skipped: set[str] = set()
    for pattern in patterns:
        matching = {path for path in paths if is_at(path, pattern)}
        if not matching:
            close = nearest(pattern, [*paths, *(p.rpartition(".")[0] for p in paths)])
            raise UsageError(
                "E101", where="load_weights, skip", name=pattern, expected=outline(paths), received=pattern,
                fix=f'skip="{close}"' if close else "",
            )  # fmt: skip
        skipped |= matching
    return skipped


def _families(names: Names) -> tuple[Family, ...]:
    """The families selected by ``names``.

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
    """The conversions of arrays: rearranged, and cast from another dtype."""
    kinds = dict.fromkeys(tensor.kind for tensor in inputs if tensor.kind != "float32")
    casts = [fact("from {dtype}", dtype=kind) for kind in kinds]
    return (*(change.name for change in changes if change.name), *casts)


def _why_ignored(name: str, family: Family | None, is_partial: bool) -> str | None:
    """Why an unused name of the file is not a mismatch, or None if it is one."""
    if name.endswith("num_batches_tracked"):
        return _COUNTER
    for pattern, why in family.ignored if family is not None else ():
        if fnmatchcase(name, pattern):
            return why
    return _LEFT if is_partial else None


def _mismatch_error(report: WeightsReport, where: str) -> FileError:
    """The error that lists everything that does not match."""
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
    """The model with these values; its next training starts with them."""
    if model.network is None:
        model = model.built({name: node.spec for name, node in built.inputs.items()})
    return model.initialized(SEED, {**model.arrays, **values}).changed("load_weights")
