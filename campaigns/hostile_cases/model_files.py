"""Valid model files, one for each kind of layer, loss, optimizer and so on, and changes of their values.

A model file is a record (plain data) and its arrays. The record is written in full, defaults included, so
that a mutation can reach every field. The layers come from ``tests/layer_cases``, which has every kind of the
registry.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from chainrule import nn
from chainrule.errors import ChainruleError
from chainrule.model import Model
from chainrule.nn.serialization import FAMILIES
from chainrule.store import container
from chainrule.symbolic_shape import Size, Spec
from chainrule.train.checkpoint import model_file
from layer_cases import CASES as LAYER_CASES
from loss_cases import CASES as LOSS_CASES

B = Size.symbol("B")
SMALL: tuple[Any, ...] = (-1, 0, 1, 2, 3, 7, 100, 0.5)
LARGE: tuple[Any, ...] = (
    10_000,
    2**16,
    2**20,
    2**24,
    2**31 - 1,
    2**31,
    2**40,
    2**63,
    2**64,
    10**30,
    10**300,
    1e6,
    1e308,
    -1e308,
    1e-320,
    -(2**31),
)
STRANGE: tuple[Any, ...] = (
    None,
    True,
    "7",
    "",
    [],
    {},
    [1],
    [3, 3],
    [2**20, 2**20],
    [2**24],
    [[2**20, 2**20]] * 2,
    [[0, 2**24]],
    [1] * 3,
    [1] * 70,
    [2] * 40,
    [[[[]]]],
    {"layer": "Dense"},
    {"layer": "Dense", "units": 2**31},
    [2**16, 2**16],
    [2**12, 2**12, 2**12],
)
VALUES = (*SMALL, *LARGE, *STRANGE)
EXAMPLES: dict[str, dict[str, Any]] = {
    "Accumulated": {"inner": {"optimizer": "SGD"}},
    "EMA": {"inner": {"optimizer": "SGD"}},
    "SWA": {"inner": {"optimizer": "SGD"}},
    "Grouped": {"inner": {"optimizer": "Adam"}, "groups": [{"group": "Group", "pattern": "*.bias"}]},
    "Constant": {"learning_rate": 0.1},
    "Step": {"initial_learning_rate": 0.1, "step_size": 3},
    "MultiStep": {"initial_learning_rate": 0.1, "milestones": [3, 5]},
    "PiecewiseConstant": {"values": [0.1, 0.2], "boundaries": [3]},
    "Noam": {"units": 8},
    "CosineRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 5},
    "Cyclic": {"max_learning_rate": 0.1, "base_learning_rate": 0.01},
    "Warmup": {"warmup_steps": 3, "then": 0.1},
    "RateSequence": {"schedules": [0.1, 0.2], "milestones": [4]},
    "RateProduct": {"schedules": [0.1, 0.2]},
    "Slowed": {"inner": 0.1},
    "RateFormula": {"text": "0.1 / (1 + t)"},
    "Blocks": {"parts": [{"initializer": "Fill"}, {"initializer": "Fill"}]},
}


@dataclass(frozen=True)
class ValidFile:
    """A valid model file.

    Args:
        name: its content, such as ``"layer max pool"``.
        record: its description in full.
        tensors: its arrays, all zeros.
        x: one row to predict, by input.
        table: the rows to predict as CSV, for a model that was trained on a table.
    """

    name: str
    record: dict[str, Any]
    tensors: dict[str, np.ndarray]
    x: dict[str, np.ndarray]
    table: str = ""

    def packed(self, record: Mapping[str, Any]) -> bytes:
        """The bytes of the file with another record."""
        return container.pack("model", record, self.tensors)


def valid_files() -> Iterator[ValidFile]:
    """One file for each sample of a layer, and one for each kind of every other family."""
    for name, case in LAYER_CASES.items():
        if (file := _file_of(f"layer {name}", case.net, case.specs("float32"))) is not None:
            yield file
    for name, (loss, output, _, _) in LOSS_CASES.items():
        spec = Spec((B, *output.shape[1:]), "float32")
        if (file := _file_of(f"loss {name}", nn.Rescaling(1.0), {"x": spec}, loss)) is not None:
            yield file
    base = _file_of("dense", nn.Sequential(nn.Dense(4, "tanh"), nn.Dense(2)), {"x": Spec((B, 3), "float32")})
    assert base is not None
    yield base
    for family, (_, kinds) in FAMILIES.items():
        if family not in ("layer", "loss", "group"):
            for kind in kinds:
                part = written_in_full({family: kind, **EXAMPLES.get(kind, _guessed(kinds[kind]))})
                yield ValidFile(f"{family} {kind}", _with(base.record, family, part), base.tensors, base.x)
    yield from _trained_files()


TRAIN = """
import sys, pathlib
import chainrule as cr
from chainrule.apps.cli.main import main
folder = pathlib.Path(sys.argv[1])
rows = ["age,color,member,y"]
rows += [f"{i * 7 % 13},{'rgb'[i % 3]},{'yn'[i % 2]},{'abc'[i % 3]}" for i in range(40)]
(folder / "rows.csv").write_text("\\n".join(rows))
main(["train", str(folder / "rows.csv"), "--target", "y", "--epochs", "2", "--net", "4 relu", "--out",
      str(folder / "run"), "--lang", "en"])
tokenizer = cr.Tokenizer.learn(["one two three", "two three four"], "word")
net = cr.models.gpt2(vocabulary_size=tokenizer.size, length=4, width=4, depth=1, heads=2, units=4)
text = cr.Model(net, "cross_entropy", tokenizer=tokenizer, dtype="float32")
text.initialize({"x": cr.input("x", ("B", 4), "float32").spec})
text.save(folder / "text.safetensors")
"""


def _trained_files() -> Iterator[ValidFile]:
    """A file with the preparation of a table, and one with a tokenizer.

    Another process writes them: the table reader must not be in use where children are forked.
    """
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", TRAIN, folder], check=True, stdout=subprocess.DEVNULL)
        record, tensors = container.load(Path(folder, "run", "model.safetensors"), "model")
        table = Path(folder, "rows.csv").read_text()
        yield ValidFile("trained on a table", written_in_full(record), tensors, {}, table)
        record, tensors = container.load(Path(folder, "text.safetensors"), "model")
        yield ValidFile(
            "with a tokenizer", written_in_full(record), tensors, {"x": np.ones((1, 4), np.float32)}
        )


def _guessed(kind: type) -> dict[str, Any]:
    """0.1 for each field without a default."""
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    return dict.fromkeys(needed, 0.1)


def _with(record: dict[str, Any], family: str, part: dict[str, Any]) -> dict[str, Any]:
    """A record with this part of a family."""
    changed = copy.deepcopy(record)
    first = changed["net"]["layers"][0]
    match family:
        case "optimizer" | "penalty" | "clip":
            changed[family] = part
        case "schedule":
            changed["optimizer"] = written_in_full({"optimizer": "SGD", "learning_rate": part})
        case "initializer":
            first["weight_initializer"] = part
        case "constraint":
            groups = [{"group": "Group", "constraint": part}]
            changed["optimizer"] = written_in_full(
                {"optimizer": "Grouped", "inner": {"optimizer": "Adam"}, "groups": groups}
            )
    return changed


def _file_of(name: str, net: nn.Layer, inputs: Mapping[str, Spec], loss: Any = None) -> ValidFile | None:
    """The file of a network without training; ``None`` if it has no output that a loss fits."""
    inputs = {k: s if s.dtype == "bool" else s.with_dtype("float32") for k, s in inputs.items()}  # as in fit
    nets = [net, nn.Sequential(net, nn.Flatten()), nn.Sequential(net, nn.Rescaling(1.0))]
    for attempt in nets[: 1 if loss is not None else None]:
        try:
            outputs = nn.build(attempt, inputs, "float32").outputs
            model = Model(attempt, loss or dict.fromkeys(outputs, "mse"), nn.SGD(0.1))
            model.adopt(model.state.built(inputs))
        except ChainruleError:
            continue
        assert model.network is not None
        every = {f"parameter/{path}": p.spec for path, p in model.network.parameters.items()}
        every |= {f"state/{path}": p.spec for path, p in model.network.inference.states.items()}
        tensors = {path: np.zeros(spec.at({}).shape, spec.dtype) for path, spec in every.items()}
        x = {k: np.ones(spec.at({"B": 1}).shape, spec.dtype) for k, spec in inputs.items()}
        return ValidFile(name, written_in_full(model_file.to_document(model.state)), tensors, x)  # pyright: ignore[reportArgumentType]
    return None


def written_in_full(record: Any) -> Any:
    """A record with every field, including defaults."""
    if isinstance(record, list):
        return [written_in_full(part) for part in record]
    if not isinstance(record, dict):
        return record
    full = {key: written_in_full(part) for key, part in record.items()}
    for family, (_, kinds) in FAMILIES.items():
        kind = kinds.get(full.get(family, "")) if isinstance(full.get(family), str) else None
        if kind is None:
            continue
        for f in fields(kind):
            default = f.default if f.default_factory is MISSING else f.default_factory()
            if f.name not in full and default is not MISSING:
                full[f.name] = _plain(default)
    return full


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return (
        value
        if value is None or isinstance(value, str | int | float)
        else written_in_full(nn.to_record(value))
    )


def cases_of(file: ValidFile, every_part: bool) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The path of every value of a record, with each of its replacements; names of kinds are not changed.

    Args:
        file: the file.
        every_part: whether every part of the record is changed; otherwise only its network, loss and inputs,
            since the other parts are the same in most files.
    """
    for path, value in values_of(file.record):
        if not every_part and path[0] not in ("net", "inputs", "loss"):
            continue
        is_word = isinstance(value, str | bool | dict)
        yield from ((path, new) for new in (STRANGE if is_word else VALUES))


def values_of(record: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The path of every value in a record, with the value; without names of kinds."""
    if isinstance(record, dict | list):
        for key, part in record.items() if isinstance(record, dict) else enumerate(record):
            if not (isinstance(part, str) and (key in FAMILIES or key in ("dtype", "kind"))):
                yield (*path, key), part
                yield from values_of(part, (*path, key))


def changed(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a record with another value at a path."""
    copied = copy.deepcopy(record)
    place = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = copy.deepcopy(value)
    return copied
