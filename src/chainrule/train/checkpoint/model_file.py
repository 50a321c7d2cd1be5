"""One file that is a whole model: weights, net, preparation, labels, facts, checksum. It names no code.

A net is written as a record of names and numbers; reading it looks the names up in tables of classes that
chainrule knows (and those the caller hands in). So there is nothing in a file that could be executed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from chainrule import data, nn
from chainrule.errors import ChainruleError, FileError, TrainingError
from chainrule.graph import Limits, building
from chainrule.nn.layer import Layer
from chainrule.spec import DTYPES, Size, Spec
from chainrule.store import container
from chainrule.train.checkpoint.computation_fingerprint import computation_of
from chainrule.train.state import history_of, history_record, refuse_other_arrays

if TYPE_CHECKING:
    from chainrule.train.learner import Learner

KIND = "model"
BROKEN = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError
)  # fmt: skip
"""What building may raise from a record that no network could have written."""
M = TypeVar("M", bound="Learner")


def save(model: Learner, path: str | os.PathLike[str], within: Path | None = None) -> None:
    """Write a model; see ``Learner.save``.

    Args:
        model: a trained one.
        path: of the file.
        within: the run folder that ``path`` lies in; below it no link is followed.
    """
    if model.network is None:
        raise TrainingError("E503", where="save", fix="model.fit(x, y)")
    tensors = {f"parameter/{k}": v for k, v in model.parameters().items()}
    tensors |= {f"state/{k}": v for k, v in model.states().items()}
    container.save(path, KIND, to_document(model), tensors, within)


def to_document(model: Learner) -> dict[str, Any]:
    """Everything of a model that is no array, as plain data."""
    recipe, network = model.recipe, model.network
    assert network is not None
    return {
        "net": nn.to_record(recipe.net),
        "loss": {name: nn.to_record(loss) for name, loss in network.losses.items()},
        "optimizer": nn.to_record(recipe.optimizer),
        "penalty": None if recipe.penalty is None else nn.to_record(recipe.penalty),
        "clip": None if recipe.clip is None else nn.to_record(recipe.clip),
        "dtype": recipe.dtype,
        "frozen": list(recipe.frozen),
        "metrics": None
        if model.metrics is None
        else [name for name in model.metrics if isinstance(name, str)],  # a function is no data
        "inputs": [
            {"name": name, "shape": list(spec.shape[1:]), "dtype": spec.dtype}
            for name, spec in network.inputs.items()
        ],
        "labels": {name: list(target.labels) for name, target in model.targets.items()},
        "preparation": None if model.preparation is None else model.preparation.to_record(),
        "tokenizers": {name: each.to_record() for name, each in model.tokenizers.items()},
        "computation": {"parts": computation_of(model), "start": model.start},
        "facts": model.facts,
        "history": history_record(model.history),
    }


def load(cls: type[M], path: str | os.PathLike[str], layers: Sequence[type[Layer]] = ()) -> M:
    """Read a model; see ``Learner.load``."""
    record, tensors = container.load(path, KIND)
    try:
        # A number that the dtype cannot hold becomes infinite, and the answers say so.
        with building(_limits(tensors)), np.errstate(over="ignore"):
            model = _from_document(cls, record, layers)
        _refuse_contradictions(model)
        _give(model, tensors)
    except ChainruleError as error:
        error.where = f"{path}, {error.where}" if error.where else str(path)
        raise
    except BROKEN as cause:
        raise FileError(
            "E424", where=str(path), expected="a model's record",
            received=f"{type(cause).__name__}: {cause}"[:120],
            fix="do not trust this file: its checksum is right, so it was written this way",
        ) from cause  # fmt: skip
    return model


def _limits(tensors: Mapping[str, np.ndarray]) -> Limits:
    """What building the network of a file may take."""
    shapes = {name.partition("/")[2]: array.shape for name, array in tensors.items()}
    return Limits.of_file(sum(array.nbytes for array in tensors.values()), shapes)


def _from_document(cls: type[M], record: Mapping[str, Any], layers: Sequence[type[Layer]]) -> M:
    losses = {name: nn.from_record(part, "loss", layers) for name, part in record["loss"].items()}
    model = cls(
        nn.from_record(record["net"], "layer", layers),
        next(iter(losses.values())) if len(losses) == 1 else losses,
        nn.from_record(record["optimizer"], "optimizer", layers),
        metrics=record["metrics"],
        penalty=None if record["penalty"] is None else nn.from_record(record["penalty"], "penalty", layers),
        clip=None if record["clip"] is None else nn.from_record(record["clip"], "clip", layers),
        dtype=record["dtype"],
        frozen=record["frozen"],
    )
    model.assemble({part["name"]: _spec(part) for part in record["inputs"]})
    model.targets = {
        name: replace(t, labels=tuple(record["labels"][name])) for name, t in model.targets.items()
    }
    if record["preparation"] is not None:
        model.preparation = data.Preparation.from_record(record["preparation"])
    tokenizers = record.get("tokenizers", {}).items()  # files of before there were any have none
    model.tokenizers = {name: data.Tokenizer.from_record(each) for name, each in tokenizers}
    model.facts, model.history = dict(record["facts"]), history_of(record["history"])
    computed = record["computation"]
    model.computation = {str(name): str(part) for name, part in computed["parts"].items()}
    model.start = str(computed["start"])
    return model


def _refuse_contradictions(model: Learner) -> None:
    """Refuse labels and a preparation that cannot belong to the net; only a file made by hand has such.

    Raises ``ValueError``, which ``load`` turns into FileError E424.
    """
    assert model.network is not None
    for name, target in model.targets.items():
        kinds = {type(label) for label in target.labels}
        if not kinds <= {str, int, float, bool} or len(set(target.labels)) != len(target.labels):
            raise ValueError(f'labels of output "{name}": {str(target.labels)[:60]}')
        if len(target.labels) > (target.room if target.is_classes else 0):
            raise ValueError(
                f'{len(target.labels)} labels of output "{name}", which has room for {target.room}'
            )
    if not set(model.tokenizers) <= {"", *model.network.inputs}:
        raise ValueError(f"tokenizers of no input: {', '.join(model.tokenizers)[:60]}")
    preparation = model.preparation
    if preparation is None:
        return
    shapes = [spec.shape[1:] for spec in model.network.inputs.values()]
    if shapes != [preparation.shape] or preparation.task != model.task:
        raise ValueError(f"a preparation of inputs {preparation.shape} for {preparation.task}")
    if not set(model.labels) <= set(preparation.labels):
        raise ValueError("labels that the preparation does not know")


def _spec(part: Mapping[str, Any]) -> Spec:
    shape, dtype = part["shape"], part["dtype"]
    if not isinstance(part["name"], str):
        raise ValueError(f"an input named {str(part['name'])[:60]}")
    if dtype not in DTYPES or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise ValueError(f"an input of {dtype}{shape}")
    return Spec((Size.symbol("B"), *shape), dtype)


def _give(model: Learner, tensors: Mapping[str, np.ndarray]) -> None:
    """Set the arrays of a model from a file's, which must be exactly those the net asks for.

    Only specs are compared, and no array of the net's size is made before: a record that speaks of a layer
    of a billion units costs nothing.
    """
    assert model.network is not None
    wanted = {f"parameter/{k}": p.spec for k, p in model.network.parameters.items()}
    wanted |= {f"state/{k}": p.spec for k, p in model.network.inference.states.items()}
    refuse_other_arrays(wanted, tensors, "the arrays of its net")
    model.adopt(
        {name.partition("/")[2]: a for name, a in tensors.items() if name.startswith("parameter/")},
        {name.partition("/")[2]: a for name, a in tensors.items() if name.startswith("state/")},
    )
