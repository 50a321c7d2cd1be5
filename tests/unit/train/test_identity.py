"""A training is resumed only with equal settings, data, labels and code of custom classes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import FileError, TrainingError
from chainrule.events import StepDone
from chainrule.train.checkpoint.training_identity import FACTS, code_fingerprints
from custom_code import (
    CODE,
    Case,
    X,
    Y,
    clip,
    custom_classes,
    layer,
    loss,
    net,
    network,
    optimizer,
    penalty,
    schedule,
)


def stop(event: object) -> bool:
    return isinstance(event, StepDone) and event.step == 4


def resume_error(first: Case, second: Case, folder: Path) -> str:
    """The error of resuming the first training as the second; ``""`` if it is resumed."""
    first.fit(folder, callbacks=[*first.options.get("callbacks", []), stop])
    try:
        second.fit(folder, resume=True)
    except FileError as error:
        refused = error
    else:
        return ""
    assert refused.code == "E505"
    assert refused.render("zh") != refused.render("en")
    return str(refused)


# --- the code of custom classes


@pytest.mark.parametrize("make", CODE, ids=lambda make: make.__name__)
def test_changed_code_with_equal_settings_is_refused_by_name(make: Any, tmp_path: Path) -> None:
    assert resume_error(make(0.0), make(0.0), tmp_path / "same") == ""
    assert CODE[make] in resume_error(make(0.0), make(1.0), tmp_path / "other")


def test_a_resumed_training_has_the_same_bits(tmp_path: Path) -> None:
    uninterrupted = layer(0.0).fit(tmp_path / "whole")
    layer(0.0).fit(tmp_path / "part", callbacks=[stop])
    resumed = layer(0.0).fit(tmp_path / "part", resume=True)
    assert resumed.parameters()
    for path, value in uninterrupted.parameters().items():
        assert value.tobytes() == resumed.parameters()[path].tobytes()


# --- everything else that affects a result


BASE = Case({}, {"validation": (X[:4], Y[:4]), "augmentation": None})
WEIGHTS = np.linspace(1, 2, 12)
OTHER: dict[str, tuple[Case, Case, str]] = {
    "labels": (Case(), Case(y=np.where(Y == "no", "a", "b")), "labels"),
    "order of labels": (Case(), Case(y=np.where(Y == "no", "z", "yes")), "data"),
    "class weights": (Case(), Case({}, {"class_weight": {"no": 1, "yes": 2}}), "data"),
    "other class weights": (
        Case({}, {"class_weight": {"no": 1, "yes": 3}}),
        Case({}, {"class_weight": {"no": 1, "yes": 2}}),
        "data",
    ),
    "sample weights": (
        Case({}, {"sample_weight": WEIGHTS}),
        Case({}, {"sample_weight": WEIGHTS[::-1]}),
        "data",
    ),
    "weights of one": (Case(), Case({}, {"sample_weight": np.ones(12)}), "data"),
    "validation rows": (BASE, Case({}, {"validation": (X[4:8], Y[4:8])}), "validation"),
    "validation labels": (BASE, Case({}, {"validation": (X[:4], Y[1:5])}), "validation"),
    "validation weights": (BASE, Case({}, {"validation": (X[:4], Y[:4], np.arange(1, 5))}), "validation"),
    "no validation": (BASE, Case(), "validation"),
    "dtype": (Case(), Case({"dtype": "float64"}), "dtype"),
    "inputs": (Case(), Case(x=X + 1), "data"),
    "metrics": (
        Case({"metrics": ["f1"]}, BASE.options),
        Case({"metrics": ["accuracy"]}, BASE.options),
        "metrics",
    ),
    "patience": (
        Case({}, {**BASE.options, "callbacks": [cr.EarlyStopping(patience=2)]}),
        Case({}, {**BASE.options, "callbacks": [cr.EarlyStopping(patience=3)]}),
        "rules",
    ),
    "seed": (Case(), Case({}, {"seed": 1}), "seed"),
    "batch size": (Case(), Case({}, {"batch_size": 6}), "batch_size"),
    "shuffle": (Case(), Case({}, {"shuffle": False}), "shuffle"),
    "frozen": (Case(), Case({"frozen": ["dense1"]}), "frozen"),
    "one unit more": (
        Case(),
        Case({"net": nn.Sequential(nn.Dense(5, "tanh"), nn.Dense(2))}),
        "units: 4, now 5",
    ),
}


@pytest.mark.parametrize("name", OTHER)
def test_settings_that_affect_the_result_are_part_of_the_identity(name: str, tmp_path: Path) -> None:
    first, second, word = OTHER[name]
    assert word in resume_error(first, second, tmp_path)


@pytest.mark.parametrize("option", [{"verbose": None}, {"epochs": 4}, {"probes": False}, {"doctor": True}])
def test_settings_without_effect_on_the_result_may_change(option: dict[str, Any], tmp_path: Path) -> None:
    assert resume_error(Case(), Case({}, option), tmp_path) == ""


def test_a_changed_setting_of_a_custom_layer_is_named_by_its_path(tmp_path: Path) -> None:
    class Times(nn.Layer):
        factor: float = 1.0

        def __call__(self, x: Any, scope: Any) -> Any:
            return x * self.factor

    text = resume_error(Case({"net": net(Times(3.0))}), Case({"net": net(Times(5.0))}), tmp_path)
    assert "net.layers[1].factor: 3.0, now 5.0" in text


def test_loaded_initial_parameters_are_part_of_the_identity(tmp_path: Path) -> None:
    options = {"epochs": 3, "batch_size": 4, "verbose": False, "run": tmp_path}
    model = started(1.0)
    model.fit(X, Y, callbacks=[stop], **options)
    with pytest.raises(FileError, match="initial parameters"):
        started(2.0).fit(X, Y, resume=True, **options)
    model.fit(X, Y, resume=True, **options)  # the same call in the same process resumes
    assert model.state.start == "given"
    with pytest.raises(TrainingError, match="E531"):
        model.replay(1, X, Y, epochs=3, batch_size=4)


def started(value: float) -> cr.Model:
    """A model with these initial parameters."""
    model = cr.Model(nn.Sequential(nn.Dense(2)), "cross_entropy")
    model.fit(X, Y, epochs=0, verbose=False)
    return model.load_parameters({"dense1.bias": np.full(2, value)})


def test_every_fact_can_be_saved(tmp_path: Path) -> None:
    names = [fact.name for fact in FACTS]
    assert len(set(names)) == len(names)
    assert names[-1] == "computation", "compared last"


# --- replay


@pytest.mark.parametrize(
    "make", [layer, loss, optimizer, schedule, penalty, clip, network], ids=lambda m: m.__name__
)
def test_replay_refuses_another_training(make: Any, tmp_path: Path) -> None:
    case, options = make(0.0), {"epochs": 3, "batch_size": 4}
    case.fit(None).save(tmp_path / "model.safetensors")
    same, other = (
        cr.load(tmp_path / "model.safetensors", layers=custom_classes(make(k))) for k in (0.0, 1.0)
    )
    same.replay(2, case.x, case.y, **options)
    with pytest.raises(TrainingError, match="other code with equal settings") as refused:
        other.replay(2, case.x, case.y, **options)
    assert refused.value.code == "E532"
    with pytest.raises(TrainingError, match="E532"):
        saved_again(other, custom_classes(make(1.0)), tmp_path).replay(2, case.x, case.y, **options)


def saved_again(model: cr.Model, kinds: list[type], folder: Path) -> cr.Model:
    """A model that was loaded from a file, saved to another and loaded again."""
    model.save(folder / "again.safetensors")
    return cr.load(folder / "again.safetensors", layers=kinds)


def test_replay_with_renamed_labels_is_refused(tmp_path: Path) -> None:
    model = Case().fit(None)
    with pytest.raises(TrainingError, match="labels"):
        model.replay(2, X, np.where(Y == "no", "a", "b"), epochs=3, batch_size=4)


def test_replay_from_a_run_compares_the_code(tmp_path: Path) -> None:
    layer(0.0).fit(tmp_path)
    other = layer(1.0).fit(None)
    with pytest.raises(FileError, match='other code with equal settings: the layer Bent "bent1"'):
        other.replay(2, X, Y, epochs=3, batch_size=4, run=tmp_path)


# --- processes and edits without effect


SCRIPT = '''
import sys, numpy as np, chainrule as cr
{comment}
class Bent(cr.Layer):
    """{doc}"""
    scale: float = 2.0
    def __call__(self, x, scope):
        {name} = x * self.scale
        return cr.{function}({name})
x = np.random.default_rng(0).normal(size=(8, 3))
model = cr.Model(cr.Sequential(cr.Dense(3), Bent(), cr.Dense(2)), "cross_entropy")
stop = lambda event: type(event).__name__ == "StepDone" and event.step == 3
resume = sys.argv[2] == "resume"
model.fit(x, np.array(["a", "b"] * 4), epochs=2, batch_size=4, run=sys.argv[1], resume=resume, verbose=False,
          callbacks=[] if resume else [stop])
'''


def run_script(folder: Path, mode: str, seed: str, **parts: str) -> str:
    text = SCRIPT.format(**{"comment": "", "doc": "A.", "name": "z", "function": "tanh", **parts})
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", text, str(folder), mode]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stderr


@pytest.mark.long
def test_another_process_resumes_after_edits_without_effect(tmp_path: Path) -> None:
    assert run_script(tmp_path, "train", "1") == ""
    refused = run_script(tmp_path, "resume", "2", function="sin")
    assert 'other code with equal settings: the layer Bent "bent1"' in refused
    assert (
        run_script(tmp_path, "resume", "3", comment="# a comment\n" * 9, doc="Another text.", name="w") == ""
    )


def test_the_code_of_a_function_does_not_depend_on_names_and_comments() -> None:
    def first(y: Any, p: Any) -> float:
        """Documented."""
        value = 2.0
        return value * p

    def same(y: Any, p: Any) -> float:
        other = 2.0  # a comment

        return other * p

    def constant(y: Any, p: Any) -> float:
        value = 3.0
        return value * p

    def closed(factor: float) -> Any:
        return lambda y, p: p * factor

    codes = [
        code_fingerprints({"f": f})["f"]
        for f in (first, same, constant, closed(1.0), closed(1.0), closed(2.0))
    ]
    assert codes[0] == codes[1]
    assert codes[3] == codes[4]
    assert len(set(codes)) == 4
    assert code_fingerprints({"f": np.mean, "g": len, "h": cr.EarlyStopping()}) == {}
