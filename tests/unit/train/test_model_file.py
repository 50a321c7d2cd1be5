"""A model file restores the model bit for bit; damaged or hostile files are refused and never executed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from chainrule.errors import ChainruleError, FileError
from chainrule.model import Model
from chainrule.nn import (
    L1,
    L2,
    SGD,
    ClipNorm,
    Cosine,
    Dense,
    Dropout,
    Fill,
    Flatten,
    Huber,
    Layer,
    Orthogonal,
    Parallel,
    Reshape,
    Residual,
    Sequential,
    Warmup,
    layer,
)
from chainrule.store import container

RNG = np.random.default_rng(5)
X = RNG.normal(size=(20, 4)).astype(np.float32)
WORDS = np.array(["low", "mid", "high", "mid"] * 5)


@layer
class Gain(Layer):
    """A custom layer."""

    start: float = 1.0

    def __call__(self, x, scope):
        return x * scope.parameter("gain", (x.shape[-1],), Fill(self.start))


NETS: dict[str, tuple[Callable[[], Model], Any, Any]] = {
    "words": (lambda: Model(Sequential(Dense(5, "relu"), Dense(3)), "cross_entropy"), X, WORDS),
    "yes or no": (lambda: Model(Sequential(Dense(1)), "binary_cross_entropy"), X, X[:, 0] > 0),
    "several at once": (lambda: Model(Sequential(Dense(2)), "binary_cross_entropy"), X, X[:, :2] > 0),
    "values": (
        lambda: Model(Sequential(Dropout(0.2), Dense(1)), Huber(0.7), SGD(0.01, momentum=0.9)),
        X,
        X[:, 0],
    ),
    "rows of values, float64": (lambda: Model(Dense(2), "mae", dtype="float64"), X, X[:, :2]),
    "every setting": (
        lambda: Model(
            Sequential(
                Residual(Dense(4, "tanh", weight_initializer=Orthogonal())), Dense(3, penalty=L1(0.1))
            ),
            "cross_entropy",
            SGD(Warmup(3, Cosine(0.1))),
            metrics=["f1"],
            penalty=L2(0.01),
            clip=ClipNorm(0.5),
            frozen=["dense1.bias", "residual1"],
        ),
        X,
        np.arange(20) % 3,
    ),
    "shapes": (lambda: Model(Sequential(Reshape((2, 2)), Flatten(), Dense(1)), "mse"), X, X[:, 0]),
    "two and two": (
        lambda: Model(
            Sequential(Parallel(b=Dense(2), a=Dense(2)), Parallel(merge_mode="none", z=Dense(3), c=Dense(1))),
            {"z": "cross_entropy", "c": "mse"},
        ),
        {"b": X, "a": X[:, :1]},
        {"z": WORDS, "c": X[:, 0]},
    ),
}


def trained(name: str) -> tuple[Model, Any, Any]:
    make, x, y = NETS[name]
    model = make()
    model.fit(x, y, epochs=3, batch_size=8, validation=0.3, verbose=False)
    return model, x, y


def bits(value: Any) -> Any:
    return (
        {k: bits(v) for k, v in value.items()} if isinstance(value, dict) else (value.dtype, value.tolist())
    )


@pytest.mark.parametrize("name", NETS)
def test_a_saved_model_is_restored_completely(name: str, tmp_path: Path) -> None:
    model, x, y = trained(name)
    model.save(tmp_path / "a.safetensors")
    back = Model.load(tmp_path / "a.safetensors")
    for ask in (lambda m: m(x), lambda m: m.predict(x), lambda m: m.parameters()):
        assert bits(ask(back)) == bits(ask(model))
    assert back.evaluate(x, y) == model.evaluate(x, y)
    assert (back.labels, back.task, back.history, back.facts) == (
        model.labels,
        model.task,
        model.history,
        model.facts,
    )
    assert [list(row) for row in back.history] == [list(row) for row in model.history]
    assert (back.recipe.net, back.recipe.optimizer) == (model.recipe.net, model.recipe.optimizer)
    assert (back.recipe.penalty, back.recipe.clip, back.recipe.frozen) == (
        model.recipe.penalty,
        model.recipe.clip,
        model.recipe.frozen,
    )
    back.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    foreign = load_file(tmp_path / "a.safetensors")
    assert {f"parameter/{path}" for path in model.parameters()} == set(foreign)
    for m in (model, back):
        m.fit(x, y, epochs=2, batch_size=8, seed=1, warm_start=True, verbose=False)
    assert bits(back.parameters()) == bits(model.parameters())


def test_the_preparation_of_a_table_is_saved(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": X[:, 0], "kind": list("xyzx") * 5, "y": WORDS})
    model = Model(Sequential(Dense(3)), "cross_entropy")
    model.fit(frame, "y", epochs=3, verbose=False)
    model.save(tmp_path / "m.safetensors")
    back = Model.load(tmp_path / "m.safetensors")
    rows = frame.drop(columns="y")
    assert back.predict(rows).tolist() == model.predict(rows).tolist()
    assert back.evaluate(frame) == model.evaluate(frame)


def test_a_custom_layer_is_loaded_if_its_class_is_passed(tmp_path: Path) -> None:
    model = Model(Sequential(Gain(2.0), Dense(1)), "mse")
    model.fit(X, X[:, 0], epochs=1, verbose=False)
    model.save(tmp_path / "m.safetensors")
    with pytest.raises(ChainruleError, match="Gain"):
        Model.load(tmp_path / "m.safetensors")
    back = Model.load(tmp_path / "m.safetensors", layers=[Gain])
    assert bits(back(X)) == bits(model(X))


def test_every_flipped_bit_is_detected(tmp_path: Path) -> None:
    model = Model(Dense(1), "mse")
    model.fit(X[:, :1], X[:, 0], epochs=1, verbose=False)
    model.save(tmp_path / "m.safetensors")
    content = bytearray((tmp_path / "m.safetensors").read_bytes())
    assert len(content) > 100
    for bit in range(0, len(content) * 8, 13):
        damaged = content.copy()
        damaged[bit // 8] ^= 1 << bit % 8
        (tmp_path / "hurt").write_bytes(damaged)
        with pytest.raises(FileError):
            Model.load(tmp_path / "hurt")


HUGE = {"net": {"layer": "Dense", "units": 2**31}}
HOSTILE: dict[str, dict[str, Any]] = {
    "a layer that does not exist": {"net": {"layer": "Lambda", "code": "import os"}},
    "a layer with a path as its name": {"net": {"layer": "os.system"}},
    "no network": {"net": None},
    "a layer of two billion units": HUGE,
    "an input of two billion numbers": {"inputs": [{"name": "x", "shape": [2**31 - 1], "dtype": "float32"}]},
    "an input of negative length": {"inputs": [{"name": "x", "shape": [-4], "dtype": "float32"}]},
    "an input of objects": {"inputs": [{"name": "x", "shape": [4], "dtype": "object"}]},
    "no inputs": {"inputs": []},
    "inputs that are a number": {"inputs": 7},
    "too many labels": {"labels": {"y": ["a", "b", "c", "d"]}},
    "labels twice": {"labels": {"y": ["a", "a"]}},
    "labels that are lists": {"labels": {"y": [["a"], ["b"]]}},
    "labels of another output": {"labels": {"z": ["a"]}},
    "labels that are a text": {"labels": "abc"},
    "another dtype": {"dtype": "float16"},
    "a dtype that is a number": {"dtype": 32},
    "a loss that does not exist": {"loss": {"y": {"loss": "Evil"}}},
    "a loss for another output": {"loss": {"z": {"loss": "MSE"}}},
    "an optimizer that is a layer": {"optimizer": {"layer": "Dense", "units": 1}},
    "a negative rate": {"optimizer": {"optimizer": "SGD", "learning_rate": -1.0}},
    "a frozen path that is none": {"frozen": ["nothing"]},
    "frozen is a number": {"frozen": 3},
    "metrics is a number": {"metrics": 3},
    "facts is a list": {"facts": [1]},
    "history is a list": {"history": [1]},
    "history of words": {"history": {"columns": ["loss"], "rows": [["low"]]}},
    "a preparation that is none": {"preparation": {"version": 1}},
    "a preparation of other columns": {
        "preparation": {
            "version": 1,
            "target": "y",
            "task": "classification",
            "labels": ["high", "low", "mid"],
            "target_mean": 0.0,
            "target_std": 1.0,
            "encodings": [{"kind": "number", "column": "a", "mean": 0.0, "std": 1.0, "indicator": False}],
        }
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_raises_one_error(name: str, tmp_path: Path) -> None:
    model, *_ = trained("words")
    model.save(tmp_path / "m.safetensors")
    record, tensors = container.load(tmp_path / "m.safetensors", "model")
    assert HOSTILE[name].keys() <= record.keys()
    container.save(tmp_path / "m.safetensors", "model", {**record, **HOSTILE[name]}, tensors)
    with pytest.raises(ChainruleError) as refused:
        Model.load(tmp_path / "m.safetensors")
    assert str(refused.value).count("\n") < 14


@pytest.mark.parametrize(
    "key", ["net", "loss", "inputs", "labels", "preparation", "facts", "history", "dtype"]
)
def test_a_record_without_a_required_part_is_refused(key: str, tmp_path: Path) -> None:
    model, *_ = trained("words")
    model.save(tmp_path / "m.safetensors")
    record, tensors = container.load(tmp_path / "m.safetensors", "model")
    container.save(
        tmp_path / "m.safetensors", "model", {k: v for k, v in record.items() if k != key}, tensors
    )
    with pytest.raises(FileError, match="E424"):
        Model.load(tmp_path / "m.safetensors")


def test_arrays_of_another_network_are_listed(tmp_path: Path) -> None:
    model, *_ = trained("words")
    model.save(tmp_path / "m.safetensors")
    record, tensors = container.load(tmp_path / "m.safetensors", "model")
    tensors["parameter/dense1.bias"] = np.zeros(6, np.float32)
    tensors["stray"] = tensors.pop("parameter/dense2.bias")
    container.save(tmp_path / "m.safetensors", "model", record, tensors)
    with pytest.raises(FileError, match="E440") as refused:
        Model.load(tmp_path / "m.safetensors")
    text = str(refused.value)
    assert all(
        word in text
        for word in ("dense1.bias is float32(6,)", "dense2.bias is missing", "stray is unexpected")
    )


def test_loading_opens_one_file_and_executes_nothing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": X[:, 0], "kind": list("xyzx") * 5, "y": WORDS})
    model = Model(Sequential(Dense(3, "relu"), Dropout(0.1), Dense(3)), "cross_entropy", metrics=["f1"])
    model.fit(frame, "y", epochs=2, verbose=False)
    path = tmp_path / "m.safetensors"
    model.save(path)
    code = """
import json, sys
from chainrule.model import Model
seen, active = [], True
def hook(event, arguments):
    if active and event in ("open", "import", "exec", "compile", "os.system", "subprocess.Popen", "os.exec",
                            "socket.connect", "ctypes.dlopen", "marshal.loads", "pickle.find_class"):
        seen.append([event, str(arguments[0])])
Model.load(sys.argv[1])  # the first load of a process compiles the type hints of the layers' own classes
sys.addaudithook(hook)
Model.load(sys.argv[1])
active = False
print(json.dumps(seen))
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    # A number is an open file descriptor.
    opened = {tuple(entry) for entry in seen if not entry[1].isdecimal()}
    assert opened == {("open", str(tmp_path)), ("open", path.name)}
