"""One file that is a whole model: weights, net, preprocessing, labels, training facts, checksum. It names no code.

A net is written as a record of names and numbers; reading it looks the names up in tables of classes that chainrule
knows (and those the caller hands in). So there is nothing in a file that could be executed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from chainrule.data import Preparation
from chainrule.errors import ChainruleError, FileError, TrainingError
from chainrule.nn.layer import Layer
from chainrule.nn.record import from_record, to_record
from chainrule.spec import DTYPES, Size, Spec
from chainrule.store import container
from chainrule.train.target import Target

if TYPE_CHECKING:
    from chainrule.train.learner import Learner

KIND = "model"
M = TypeVar("M", bound="Learner")


def save(model: Learner, path: str | os.PathLike[str]) -> None:
    """Write a model; see ``Learner.save``."""
    if model.network is None:
        raise TrainingError("E503", where="save", fix="model.fit(x, y)")
    tensors = {f"parameter/{k}": v for k, v in model.parameters().items()}
    tensors |= {f"state/{k}": v for k, v in model.states().items()}
    container.save(path, KIND, to_document(model), tensors)


def to_document(model: Learner) -> dict[str, Any]:
    """Everything of a model that is no array, as plain data."""
    recipe, network = model.recipe, model.network
    assert network is not None
    return {
        "net": to_record(recipe.net),
        "loss": {name: to_record(loss) for name, loss in network.losses.items()},
        "optimizer": to_record(recipe.optimizer),
        "penalty": None if recipe.penalty is None else to_record(recipe.penalty),
        "clip": None if recipe.clip is None else to_record(recipe.clip),
        "dtype": recipe.dtype,
        "frozen": list(recipe.frozen),
        "metrics": None if model.metrics is None else list(model.metrics),
        "inputs": [
            {"name": name, "shape": list(spec.shape[1:]), "dtype": spec.dtype} for name, spec in network.inputs.items()
        ],
        "labels": {name: list(target.labels) for name, target in model.targets.items()},
        "preparation": None if model.preparation is None else model.preparation.to_record(),
        "facts": model.facts,
        "history": model.history,
    }


def load(cls: type[M], path: str | os.PathLike[str], layers: Sequence[type[Layer]] = ()) -> M:
    """Read a model; see ``Learner.load``."""
    record, tensors = container.load(path, KIND)
    try:
        model = _from_document(cls, record, layers)
        _give(model, tensors)
    except ChainruleError as error:
        error.where = error.where or str(path)
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise FileError(
            "E424", where=str(path), expected="a model's record", received=f"{type(cause).__name__}: {cause}"[:120],
            fix="do not trust this file: its checksum is right, so it was made this way",
        ) from cause  # fmt: skip
    return model


def _from_document(cls: type[M], record: Mapping[str, Any], layers: Sequence[type[Layer]]) -> M:
    losses = {name: from_record(part, "loss", layers) for name, part in record["loss"].items()}
    model = cls(
        from_record(record["net"], "layer", layers),
        next(iter(losses.values())) if len(losses) == 1 else losses,
        from_record(record["optimizer"], "optimizer", layers),
        metrics=record["metrics"],
        penalty=None if record["penalty"] is None else from_record(record["penalty"], "penalty", layers),
        clip=None if record["clip"] is None else from_record(record["clip"], "clip", layers),
        dtype=record["dtype"],
        frozen=record["frozen"],
    )
    model.initialise({part["name"]: _spec(part) for part in record["inputs"]})
    model.targets = {
        name: Target(t.loss, t.spec, t.scores, tuple(record["labels"].get(name, ()))) for name, t in model.targets.items()
    }
    if record["preparation"] is not None:
        model.preparation = Preparation.from_record(record["preparation"])
    model.facts, model.history = dict(record["facts"]), list(record["history"])
    return model


def _spec(part: Mapping[str, Any]) -> Spec:
    shape, dtype = part["shape"], part["dtype"]
    if dtype not in DTYPES or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
        raise ValueError(f"an input of {dtype}{shape}")
    return Spec((Size.symbol("B"), *shape), dtype)


def _give(model: Learner, tensors: Mapping[str, np.ndarray]) -> None:
    """Set the arrays of a model from a file's, which must be exactly those the net asks for."""
    wanted = {f"parameter/{k}": v for k, v in model.parameters().items()}
    wanted |= {f"state/{k}": v for k, v in model.states().items()}
    wrong = [f"{name} is missing" for name in wanted.keys() - tensors.keys()]
    wrong += [f"{name} is unexpected" for name in tensors.keys() - wanted.keys()]
    wrong += [
        f"{name} is {tensors[name].dtype}{tensors[name].shape}, not {v.dtype}{v.shape}"
        for name, v in wanted.items()
        if name in tensors and (tensors[name].shape != v.shape or tensors[name].dtype != v.dtype)
    ]
    if wrong:
        raise FileError("E440", expected="the arrays of its net", received=sorted(wrong)[0], notes=sorted(wrong)[1:9])
    model.adopt(
        {name.partition("/")[2]: a for name, a in tensors.items() if name.startswith("parameter/")},
        {name.partition("/")[2]: a for name, a in tensors.items() if name.startswith("state/")},
    )
