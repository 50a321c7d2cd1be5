"""A training resumed from any step has the same final bytes as an uninterrupted one."""

from __future__ import annotations

import hashlib
import math
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import FileError, TrainingError
from chainrule.events import CheckpointSaved, Notice, StepDone
from chainrule.model import Model
from chainrule.nn import (
    L2,
    SGD,
    Adam,
    AdamW,
    ClipGlobalNorm,
    Cosine,
    Dense,
    Dropout,
    Fill,
    Layer,
    Parallel,
    RMSprop,
    Sequential,
    Step,
    Warmup,
    layer,
)
from chainrule.settings import settings
from chainrule.store import RunFolder
from chainrule.train.callback.early_stopping import Converged, EarlyStopping

RNG = np.random.default_rng(7)
X = RNG.normal(size=(14, 3)).astype(np.float32)
Y = np.where(X[:, 0] * X[:, 1] > 0, "yes", "no")
VALUES = (X @ [1.0, -2.0, 0.5]).astype(np.float32)
VALID = (RNG.normal(size=(6, 3)).astype(np.float32), np.array(["yes", "no"] * 3))


@layer
class Count(Layer):
    """Carries a number from step to step, and adds it to its input."""

    def __call__(self, x, scope):
        mean = scope.state("mean", (x.shape[-1],), Fill(0.0))
        if scope.training:
            scope.update("mean", mean * 0.5 + x.sum(0) * 0.1)
        return x + mean


def net(*inside: Layer, outputs: int = 2) -> Layer:
    return Sequential(Dense(4, "tanh"), *inside, Dense(outputs))


def two_heads() -> Layer:
    return Sequential(Dense(4, "tanh"), Parallel(merge_mode="none", kind=Dense(2), size=Dense(1)))


@dataclass
class Case:
    """A small training: how its model is created, and the arguments of ``fit``."""

    learner: Callable[[], Model]
    options: dict[str, Any] = field(default_factory=dict)
    y: Any = field(default_factory=lambda: Y)

    def fit(self, folder: Path, **more: Any) -> Model:
        model = self.learner()
        options = {"epochs": 3, "batch_size": 4, "seed": 3, "verbose": False, **self.options, "run": folder}
        callbacks = [*options.pop("callbacks", []), *more.pop("listen", [])]
        model.fit(X, self.y, callbacks=callbacks, **{**options, **more})
        return model


def classifier(optimizer: Any = "adam", *inside: Layer, **more: Any) -> Callable[[], Model]:
    return lambda: Model(net(*inside), "cross_entropy", optimizer, **more)


CASES = {
    "shuffle and a last partial batch": Case(classifier()),
    "no shuffle": Case(classifier(), {"shuffle": False}),
    "dropout": Case(classifier("adam", Dropout(0.4))),
    "warm-up and cosine": Case(classifier(SGD(Warmup(3, Cosine(0.5))))),
    "steps of the rate": Case(classifier(SGD(Step(0.5, step_size=2)))),
    "early stopping, best kept": Case(
        classifier(SGD(1.5)),
        {"validation": VALID, "epochs": 6, "callbacks": [EarlyStopping(patience=2), Converged(patience=9)]},
    ),
    "early stopping on a metric": Case(
        classifier(SGD(0.5), Dropout(0.3)),
        {"validation": 0.3, "epochs": 5, "callbacks": [EarlyStopping("val_f1", patience=2)]},
    ),
    "class and sample weights": Case(
        classifier(), {"class_weight": "balanced", "sample_weight": np.linspace(0, 2, 14)}
    ),
    "adamw": Case(classifier(AdamW(0.05))),
    "rmsprop, centered, momentum": Case(classifier(RMSprop(0.01, momentum=0.5, centered=True))),
    "nesterov": Case(classifier(SGD(0.1, momentum=0.9, nesterov=True))),
    "clip and penalty": Case(classifier(Adam(0.05), clip=ClipGlobalNorm(0.1), penalty=L2(0.01))),
    "batch size 1": Case(classifier(SGD(0.1)), {"batch_size": 1, "epochs": 1}),
    "whole batch": Case(classifier(SGD(0.1)), {"batch_size": None, "epochs": 8}),
    "two outputs": Case(
        lambda: Model(two_heads(), {"kind": "cross_entropy", "size": "mse"}), y={"kind": Y, "size": VALUES}
    ),
    "float64": Case(classifier("adam", Dropout(0.2), dtype="float64")),
    "running values": Case(classifier("adam", Count(), Dropout(0.2)), {"validation": VALID}),
    "frozen": Case(classifier("adam", frozen=["dense1"])),
}


def digest(folder: Path) -> str:
    """SHA-256 of the newest checkpoint: weights, optimizer state, best weights, counters, history."""
    newest = max((folder / "checkpoints").iterdir())
    return hashlib.sha256(newest.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_a_training_resumed_from_every_step_has_the_same_bytes(name: str, tmp_path: Path) -> None:
    with settings.using(engine="reference"):  # which runs single steps, with a checkpoint after each
        resume_from_each(name, tmp_path)


def resume_from_each(name: str, tmp_path: Path) -> None:
    case, checkpoints = CASES[name], tmp_path / "kept"
    checkpoints.mkdir()

    def keep(event: object) -> None:
        if isinstance(event, CheckpointSaved):
            shutil.copy(event.path, checkpoints)

    uninterrupted = case.fit(tmp_path / "whole", save_every=0.0, listen=[keep])
    expected = digest(tmp_path / "whole")
    shutil.copy(min((tmp_path / "whole" / "checkpoints").iterdir()), checkpoints)
    assert len(list(checkpoints.iterdir())) >= 7, "there must be a checkpoint of nearly every step"
    for i, checkpoint in enumerate(sorted(checkpoints.iterdir())):
        folder = tmp_path / f"resumed{i}"
        (folder / "checkpoints").mkdir(parents=True)
        shutil.copy(checkpoint, folder / "checkpoints")
        resumed = case.fit(folder, resume=True, save_every=math.inf)
        assert digest(folder) == expected, checkpoint.name
        assert resumed.history == uninterrupted.history
        assert [list(row) for row in resumed.history] == [list(row) for row in uninterrupted.history]
        for path, value in uninterrupted.parameters().items():
            assert value.tobytes() == resumed.parameters()[path].tobytes()


@pytest.mark.parametrize(
    "name",
    ["dropout", "early stopping, best kept", "class and sample weights", "batch size 1", "running values"],
)
def test_a_training_stopped_after_any_step_is_resumed_to_the_same_bytes(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    steps = case.fit(tmp_path / "whole", save_every=math.inf).facts["steps"]
    assert steps > 2
    for last in range(1, steps + 1, 2):
        folder = tmp_path / f"stopped{last}"

        def stop(event: object, last: int = last) -> bool:
            return isinstance(event, StepDone) and event.step == last

        part = case.fit(folder, listen=[stop], save_every=math.inf)
        assert part.facts["steps"] == last
        case.fit(folder, resume=True, save_every=math.inf)
        assert digest(folder) == digest(tmp_path / "whole"), last


def test_the_training_is_a_function_of_its_seed(tmp_path: Path) -> None:
    case = CASES["dropout"]
    case.fit(tmp_path / "a", save_every=math.inf)
    case.fit(tmp_path / "b", save_every=math.inf)
    case.fit(tmp_path / "c", save_every=math.inf, seed=4)
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


def test_epochs_may_be_added_unless_the_schedule_depends_on_them(tmp_path: Path) -> None:
    case = CASES["dropout"]
    case.fit(tmp_path / "long", epochs=5)
    case.fit(tmp_path / "short", epochs=2)
    case.fit(tmp_path / "short", epochs=5, resume=True)
    assert digest(tmp_path / "short") == digest(tmp_path / "long")
    resumed, uninterrupted = (case.fit(tmp_path / name, epochs=5, resume=True) for name in ("short", "long"))
    assert list(resumed.parameters()) == list(uninterrupted.parameters())
    assert list(resumed.states()) == list(uninterrupted.states())
    ahead = CASES["warm-up and cosine"]
    ahead.fit(tmp_path / "ahead", epochs=2)
    with pytest.raises(FileError, match="E505") as refused:
        ahead.fit(tmp_path / "ahead", epochs=5, resume=True)
    assert "epochs: 2, now 5: the learning rate schedule depends on it" in str(refused.value)
    assert refused.value.fix == "epochs=2, or model.fit(..., warm_start=True), which starts a new schedule"
    assert "学习率调度" in refused.value.render("zh")


def test_another_training_is_not_resumed(tmp_path: Path) -> None:
    CASES["no shuffle"].fit(tmp_path)
    other = Case(classifier(SGD(0.1), Dropout(0.1)), {"seed": 4, "validation": 0.3}, Y[::-1])
    with pytest.raises(FileError, match="E505") as refused:
        other.fit(tmp_path, resume=True)
    text = str(refused.value)
    for word in ("net", "optimizer", "shuffle", "seed", "data", "validation", "metrics"):
        assert re.search(rf"\b{word}[^ ]*: ", text), word
    before = CASES["no shuffle"].fit(tmp_path, resume=True)
    model = other.learner()
    model.fit(X, Y, epochs=1, verbose=False)
    parameters = model.parameters()
    with pytest.raises(FileError):
        model.fit(X, Y, epochs=1, run=tmp_path, resume=True, verbose=False)
    assert all((parameters[path] == value).all() for path, value in model.parameters().items())
    assert before.facts["ended"] == "epochs"


def test_a_damaged_checkpoint_is_skipped_with_a_notice(tmp_path: Path) -> None:
    case, events = CASES["dropout"], []
    case.fit(tmp_path / "whole")
    case.fit(tmp_path / "hurt", save_every=0.0)
    newest = max((tmp_path / "hurt" / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    case.fit(tmp_path / "hurt", resume=True, listen=[events.append])
    assert digest(tmp_path / "hurt") == digest(tmp_path / "whole")
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert newest.name in notice.en
    assert newest.name in notice.zh


def test_a_training_is_resumed_after_a_callback_raises(tmp_path: Path) -> None:
    case = CASES["dropout"]
    case.fit(tmp_path / "whole")

    def fail(event: object) -> None:
        if isinstance(event, StepDone) and event.step == 6:
            raise LookupError("mine")

    with pytest.raises(TrainingError, match="LookupError: mine"):
        case.fit(tmp_path / "cut", listen=[fail], save_every=math.inf)
    checkpoint = RunFolder.open(tmp_path / "cut").latest()
    assert checkpoint is not None
    assert 1 <= checkpoint.step <= 6, "the step, or the end of the last multi-step run"
    case.fit(tmp_path / "cut", resume=True)
    assert digest(tmp_path / "cut") == digest(tmp_path / "whole")


def test_a_new_training_deletes_old_checkpoints(tmp_path: Path) -> None:
    CASES["dropout"].fit(tmp_path)
    CASES["dropout"].fit(tmp_path, epochs=1)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2  # the initial and the final state


def test_a_resumed_training_keeps_its_number_of_cores(tmp_path: Path) -> None:
    """On a machine with another number of processors the bits are those of the first machine."""

    def trained(folder: Path, epochs: int, cores: int, resume: bool = False) -> bytes:
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(128, 60)), rng.integers(0, 3, 128)
        net = cr.Sequential(cr.Dense(120, "relu"), cr.Dense(120, "relu"), cr.Dense(3))
        model = cr.Model(net, "cross_entropy", cr.SGD(0.05))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys.modules["chainrule.settings"], "processors", lambda: cores)
            model.fit(x, y, epochs=epochs, batch_size=128, verbose=False, run=folder, resume=resume, seed=1)
        return b"".join(value.tobytes() for _, value in sorted(model.parameters().items()))

    with cr.settings.using(cores=0):
        uninterrupted, other = trained(tmp_path / "a", 4, 4), trained(tmp_path / "b", 4, 1)
        assert uninterrupted != other, "the order of sums must depend on the number of cores in this test"
        trained(tmp_path / "c", 2, 4)
        assert trained(tmp_path / "c", 4, 1, resume=True) == uninterrupted
        trained(tmp_path / "d", 2, 4)
    with cr.settings.using(cores=3), pytest.raises(FileError, match="cores: 4, now 3"):
        trained(tmp_path / "d", 4, 1, resume=True)
