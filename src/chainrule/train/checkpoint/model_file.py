"""Model files: one file with layers, weights, preparation, labels, facts and a checksum, and without code.

Layers are stored as a record of names and numbers. Reading looks up the names in chainrule's tables of
classes and in the classes that the caller passes. A file therefore contains nothing that could be executed.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule import data, nn
from chainrule.errors import ChainruleError, FileError, fact
from chainrule.extension import Extensible
from chainrule.graph import Limits, building
from chainrule.nn.loss import Loss, known_loss
from chainrule.settings import settings
from chainrule.store import atomic_write, container
from chainrule.symbolic_shape import DTYPES, Size, Spec
from chainrule.train.checkpoint.computation_fingerprint import first_difference, inference_computation
from chainrule.train.int8_inference_graph import products
from chainrule.train.model_state import ModelState, untrained
from chainrule.train.parameter_loading import report_nonfinite
from chainrule.train.partial_fit_state import keep_loaded, online_of, online_specs
from chainrule.train.train_state import history_of, history_record, refuse_other_arrays
from chainrule.validation import trained_network

KIND = "model"
VERSION = 1  # of the fingerprints of custom code
BROKEN = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""Exceptions that building may raise from a malformed record."""


def save(model: ModelState, path: str | os.PathLike[str], within: Path | None = None) -> None:
    """Write a model; see ``chainrule.Model.save``.

    Args:
        model: a trained model.
        within: the run folder that contains ``path``; no link below it is followed.
    """
    trained_network(model, "save")
    atomic_write.write(path, to_bytes(model), within=within)


def to_bytes(model: ModelState) -> bytes:
    """Return the bytes of a model file."""
    tensors = {f"parameter/{k}": v for k, v in model.parameters.items()}
    tensors |= {f"state/{k}": v for k, v in model.states.items()}
    online, document = online_of(model), to_document(model)
    if online is not None:
        tensors |= online.tensors()
        document["online"] = {"steps": online.steps}
    if model.network is not None and (quantization := model.network.quantization) is not None:
        ranges = {key: list(pair) for key, pair in quantization.ranges.items()}
        document["quantization"] = {"bits": 8, "ranges": ranges, "rows": quantization.rows}
    if model.network is not None and custom_classes(model):
        document["code"] = {"version": VERSION, "parts": inference_computation(model.network)}
    return container.pack(KIND, document, tensors)


def to_document(model: ModelState) -> dict[str, Any]:
    """Return everything of a model except arrays, as plain data."""
    recipe, network = model.recipe, model.network
    inputs = {} if network is None else network.inputs
    return {
        "net": nn.to_record(recipe.net),
        "loss": {name: nn.to_record(loss) for name, loss in _losses(model).items()},
        "optimizer": nn.to_record(recipe.optimizer),
        "penalty": None if recipe.penalty is None else nn.to_record(recipe.penalty),
        "clip": None if recipe.clip is None else nn.to_record(recipe.clip),
        "dtype": recipe.dtype,
        **({} if recipe.precision is None else {"precision": recipe.precision}),
        "frozen": list(recipe.frozen),
        "loss_weights": {name: float(weight) for name, weight in recipe.loss_weights.items()},
        "metrics": None
        if model.metrics is None
        else [name for name in model.metrics if isinstance(name, str)],  # functions are not stored
        "inputs": [
            {
                "name": name,
                "shape": [n if isinstance(n, int) else str(n) for n in spec.shape[1:]],
                "dtype": spec.dtype,
            }
            for name, spec in inputs.items()
        ],
        "classes": {name: list(labels) for name, labels in model.classes.items()},
        "labels": {name: list(target.labels) for name, target in model.targets.items()},
        "preparation": None if model.preparation is None else model.preparation.to_record(),
        "columns": {name: list(columns) for name, columns in model.columns.items()},
        "tokenizers": {name: tokenizer.to_record() for name, tokenizer in model.tokenizers.items()},
        "computation": {"parts": dict(model.computation), "start": model.start},
        "facts": dict(model.facts),
        "history": history_record(model.history),
    }


def _losses(model: ModelState) -> Mapping[str, Loss]:
    """Return the loss of each output; without graphs those of the recipe, a single one as ``""``."""
    if model.network is not None:
        return model.network.losses
    losses = model.recipe.loss
    return (
        {name: known_loss(loss) for name, loss in losses.items()}
        if isinstance(losses, Mapping)
        else {"": known_loss(losses)}
    )


def custom_classes(model: ModelState) -> tuple[type, ...]:
    """Return the custom classes in a model, which ``from_bytes`` needs to read it."""
    recipe = model.recipe
    parts = (recipe.net, recipe.optimizer, recipe.penalty, recipe.clip, *_losses(model).values())
    return tuple(dict.fromkeys(kind for part in parts if part is not None for kind in nn.own_kinds(part)))


def load(path: str | os.PathLike[str], layers: Sequence[type[Extensible]] = ()) -> ModelState:
    """Read a model; see ``chainrule.Model.load``."""
    return from_bytes(atomic_write.read(path), layers, str(path))


def from_bytes(
    content: bytes, layers: Sequence[type[Extensible]], where: str, engine: str | None = None
) -> ModelState:
    """Return the model in the bytes of a file.

    Args:
        content: the bytes.
        layers: the custom classes, of losses and others too.
        where: what has the bytes, for errors.
        engine: the engine that runs the graphs; a file has none.
    """
    record, tensors = container.unpack(content, KIND, where)
    try:
        # A number beyond the range of the dtype becomes infinite; a prediction then emits a notice.
        with building(_limits(tensors)), np.errstate(over="ignore"):
            model = _from_document(record, layers, engine)
        if model.network is None and not tensors:
            return model
        if model.network is None:
            raise ValueError("arrays without inputs")
        _refuse_contradictions(model)
        loaded = _quantized(_with_arrays(model, tensors, _online_steps(record)), record.get("quantization"))
        _warn_of_changed_code(loaded, record.get("code"), where)
        return loaded
    except ChainruleError as error:
        error.where = f"{where}, {error.where}" if error.where else where
        raise
    except BROKEN as cause:
        received = f"{type(cause).__name__}: {cause}"[:120]
        fix = fact("do not trust this file: its checksum is right, so it was written this way")
        raise FileError(
            "E424", where=where, expected=fact("a model's record"), received=received, fix=fix
        ) from cause


def _limits(tensors: Mapping[str, np.ndarray]) -> Limits:
    """Return the limits for building the network of a file."""
    shapes = {name.partition("/")[2]: array.shape for name, array in tensors.items()}
    return Limits.of_file(sum(array.nbytes for array in tensors.values()), shapes)


def _from_document(
    record: Mapping[str, Any], layers: Sequence[type[Extensible]], engine: Any = None
) -> ModelState:
    losses = {name: nn.from_record(part, "loss", layers) for name, part in record["loss"].items()}
    model = untrained(
        nn.from_record(record["net"], "layer", layers),
        next(iter(losses.values())) if len(losses) == 1 else losses,
        nn.from_record(record["optimizer"], "optimizer", layers),
        metrics=record["metrics"],
        penalty=None if record["penalty"] is None else nn.from_record(record["penalty"], "penalty", layers),
        clip=None if record["clip"] is None else nn.from_record(record["clip"], "clip", layers),
        dtype=record["dtype"],
        precision=record.get("precision"),
        frozen=record["frozen"],
        loss_weights=record["loss_weights"],
        classes=record.get("classes") or None,  # older files have none
        engine=engine,
    )
    if record["inputs"]:
        model = model.built({part["name"]: _spec(part) for part in record["inputs"]})
    prepared, tokenizers = (
        record["preparation"],
        record.get("tokenizers", {}),
    )  # older files have no tokenizers
    computed = record["computation"]
    return replace(
        model,
        targets={name: replace(t, labels=tuple(record["labels"][name])) for name, t in model.targets.items()},
        preparation=None if prepared is None else data.Preparation.from_record(prepared),
        columns={str(name): tuple(map(str, part)) for name, part in record.get("columns", {}).items()},
        tokenizers={name: data.Tokenizer.from_record(part) for name, part in tokenizers.items()},
        facts=dict(record["facts"]),
        history=history_of(record["history"]),
        recorded={str(name): str(part) for name, part in computed["parts"].items()},
        start=str(computed["start"]),
    )


def _refuse_contradictions(model: ModelState) -> None:
    """Refuse labels and a preparation that contradict the network; only a manipulated file has such.

    Raises ``ValueError``, which ``from_bytes`` converts to FileError E424.
    """
    assert model.network is not None
    for name, target in model.targets.items():
        kinds = {type(label) for label in target.labels}
        if not kinds <= {str, int, float, bool} or len(set(target.labels)) != len(target.labels):
            raise ValueError(f'labels of output "{name}": {str(target.labels)[:60]}')
        if len(target.labels) > (target.max_classes if target.is_classes else 0):
            raise ValueError(
                f'{len(target.labels)} labels of output "{name}", which has at most {target.max_classes}'
            )
    if not set(model.tokenizers) <= {"", *model.network.inputs}:
        raise ValueError(f"tokenizers of no input: {', '.join(model.tokenizers)[:60]}")
    preparation = model.preparation
    if preparation is None:
        return
    shapes = [spec.shape[1:] for spec in model.network.inputs.values()]
    if shapes != [preparation.shape] or preparation.task != model.task:
        raise ValueError(f"a preparation of inputs {preparation.shape} for {preparation.task}")
    if not (set(model.labels) <= set(preparation.labels) or set(preparation.labels) <= set(model.labels)):
        raise ValueError("labels that are not in the preparation")


def _spec(part: Mapping[str, Any]) -> Spec:
    shape, dtype = part["shape"], part["dtype"]
    if not isinstance(part["name"], str):
        raise ValueError(f"an input named {str(part['name'])[:60]}")
    if dtype not in DTYPES or not all(map(_is_length, shape)):
        raise ValueError(f"an input of {dtype}{shape}"[:120])
    lengths = (Size.symbol(n) if isinstance(n, str) else n for n in shape)
    return Spec((Size.symbol("B"), *lengths), dtype)


def _is_length(length: object) -> bool:
    """Return whether this is the length of an axis: a number, or the name of a symbolic length."""
    if isinstance(length, str):
        return length.isidentifier() and len(length) < 64 and length != "B"
    return type(length) is int and 0 <= length < 2**31


def _warn_of_changed_code(model: ModelState, saved: Any, where: str) -> None:
    """Warn if a custom class computes something else than when the model was saved.

    Classes of this package compute the same within a version; those of users may change at any time.
    """
    if saved is None or saved["version"] != VERSION or model.network is None:
        return
    parts = {str(name): str(part) for name, part in saved["parts"].items()}
    changed = first_difference(parts, inference_computation(model.network), model.network)
    if changed is not None:
        text = fact(
            "{where}: {part} computes something else than when the model was saved", where=where, part=changed
        )
        warnings.warn(text.render(settings.lang), stacklevel=2)


def _online_steps(record: Mapping[str, Any]) -> int | None:
    """Return the number of updates of ``partial_fit`` that the model continues; ``None``: none."""
    online = record.get("online")
    if online is None:
        return None
    steps = online["steps"]
    if type(steps) is not int or not 0 <= steps < 2**62:
        raise ValueError(f"steps: {str(steps)[:60]}")
    return steps


def _quantized(model: ModelState, record: Any) -> ModelState:
    """Return a model with the quantization of its file; ``None``: it has none. Raises ``ValueError``."""
    if record is None:
        return model
    assert model.network is not None
    known, ranges = products(model.network.inference), {}
    for key, (low, high) in record["ranges"].items():
        if key not in known or not all(type(end) is float and math.isfinite(end) for end in (low, high)):
            raise ValueError(f"the range of {key}"[:60])
        ranges[key] = low, high
    if record["bits"] != 8 or type(record["rows"]) is not int:
        raise ValueError(f"{record['bits']} bits"[:60])
    return model.quantized(ranges, record["rows"])


def _with_arrays(model: ModelState, tensors: Mapping[str, np.ndarray], steps: int | None) -> ModelState:
    """Return a model with the arrays of a file, which must be exactly those of its network.

    Specs are compared before any array of the network's size is allocated: a malicious record of a layer with
    a billion units takes no memory.
    """
    assert model.network is not None
    parameters, states = model.network.parameters, model.network.inference.states
    expected = {f"parameter/{k}": p.spec for k, p in parameters.items()}
    expected |= {f"state/{k}": p.spec for k, p in states.items()}
    expected |= {} if steps is None else online_specs(model)
    refuse_other_arrays(expected, tensors, fact("the arrays of its network"))
    report_nonfinite({name.partition("/")[2]: array for name, array in tensors.items()})
    loaded = model.with_arrays(
        {path: tensors[f"parameter/{path}"] for path in parameters},
        {path: tensors[f"state/{path}"] for path in states},
    )
    if steps is not None:
        keep_loaded(loaded, {name: tensors[name] for name in online_specs(model)}, steps)
    return loaded
