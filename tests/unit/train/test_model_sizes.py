"""Changed sizes in model files are refused, or loaded quickly in little memory; a part of the campaign."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns.hostile_cases import checkpoints, forked, model_sizes
from campaigns.hostile_cases.model_attacks import attacks
from campaigns.hostile_cases.model_files import ValidFile, valid_files, values_of

import chainrule as cr
from chainrule import nn
from chainrule.errors import ChainruleError, FileError, ShapeError, TrainingError, UsageError
from chainrule.nn.serialization import FAMILIES
from chainrule.ops import functional as F
from chainrule.store import container
from chainrule.train.evaluation import prediction
from chainrule.train.model_state import ModelState

ROOT = Path(__file__).parents[3]
SLOW = 5.0  # times the bound of the campaign, for a busy machine


@pytest.fixture(scope="module")
def files() -> list[ValidFile]:
    return list(valid_files())


def events(function: Callable[[Any], str], cases: Sequence[Any]) -> list[str]:
    section = model_sizes.Section("")
    model_sizes._note_all(section, function, cases, SLOW * model_sizes.SECONDS, model_sizes.MEGABYTES)
    assert section.cases == len(cases)
    return section.events


@pytest.mark.long
def test_the_files_contain_every_kind_of_the_registry(files: list[ValidFile]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for file in files:
        parts = [file.record["net"], file.record["optimizer"]]
        parts += [part for path, part in values_of(file.record) if isinstance(part, dict)]
        counts.update((f, p[f]) for p in parts for f in FAMILIES if isinstance(p.get(f), str))
    missing = [(f, kind) for f, (_, kinds) in FAMILIES.items() for kind in kinds if (f, kind) not in counts]
    assert missing == []


@pytest.mark.long
def test_changed_sizes_are_refused_or_take_little_time_and_memory(files: list[ValidFile]) -> None:
    cases = model_sizes.cases(0.0, 5, files)  # one per file
    assert len(cases) == len(files)
    assert events(model_sizes.loaded, cases) == []


@pytest.mark.long
def test_attacks_are_refused_or_take_little_time_and_memory() -> None:
    cases = model_sizes._unchanged(list(attacks()))
    assert len(cases) > 20
    assert events(model_sizes.loaded, cases) == []


@pytest.mark.long
def test_the_unchanged_files_load(files: list[ValidFile]) -> None:
    cases = model_sizes._unchanged(files[:: len(files) // 40])
    assert all(case.is_valid for case in cases)
    assert events(model_sizes.loaded, cases) == []


@pytest.mark.long
def test_changed_checkpoints_are_refused_or_resumed() -> None:
    assert events(checkpoints.resumed, checkpoints.cases(0.03, 3)) == []


@pytest.mark.long
def test_the_campaign_reports_hangs_deaths_and_memory() -> None:
    """The campaign can fail."""

    def misbehave(case: str) -> str:
        if case == "hang":
            while True:
                pass
        if case == "die":
            raise SystemExit
        if case == "eat" and old:
            old.clear()  # as memory that the kernel reclaims
        return f"loaded {len(bytearray(200 * 2**20)) if case == 'eat' else 0}"

    old = [bytearray(300 * 2**20)]
    garbage: list[object] = [bytearray(300 * 2**20)]  # must not be subtracted from what a case takes
    garbage.append(garbage)
    del garbage
    for _ in range(3):
        bytearray(31 * 2**20)  # from now on the allocator serves blocks of this size from its heap
    blocks = [bytearray(30 * 2**20) for _ in range(12)]
    last = bytearray(2 * 10**5)  # the end of the heap: the blocks stay in it when they are freed
    del blocks
    outcomes = {o.case: o for o in forked.run(misbehave, ["fine", "hang", "die", "eat"], 1.5)}
    assert [outcomes[i].result for i in (1, 2)] == ["hung", "died"]
    assert outcomes[3].megabytes > 190 > 50 > outcomes[0].megabytes
    assert last


def test_the_limits_of_a_file_hold_for_the_step_of_its_training(tmp_path: Path) -> None:
    model = cr.Model(cr.Dense(2), "mse", "lbfgs")
    model.fit(np.zeros((8, 2)), np.zeros((8, 2)), epochs=1, verbose=False)
    model.save(tmp_path / "m.safetensors")
    record, tensors = container.load(tmp_path / "m.safetensors", "model")
    record["optimizer"]["history_size"] = 10**6
    container.save(tmp_path / "m.safetensors", "model", record, tensors)
    with pytest.raises(ChainruleError) as refused:
        cr.Model.load(tmp_path / "m.safetensors").memory(8)
    assert refused.value.code in ("E102", "E427")


def test_a_memory_error_while_loading_is_a_file_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cr.Model(cr.Dense(2), "mse")
    model.fit(np.zeros((8, 2)), np.zeros((8, 2)), epochs=1, verbose=False)
    model.save(tmp_path / "m.safetensors")

    def starve(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ModelState, "built", starve)
    with pytest.raises(FileError, match="E424"):
        cr.Model.load(tmp_path / "m.safetensors")


@pytest.mark.long
def test_an_output_that_is_too_long_as_text_is_refused() -> None:
    """The command reads a file of rows, which a process forked from this one may not if polars runs in it."""
    program = (
        "from campaigns.hostile_cases import forked, model_sizes\n"
        "(outcome,) = forked.run(model_sizes.used, [model_sizes.long_output()], 60.0)\n"
        "print(outcome.result, outcome.megabytes < model_sizes.USING_MEGABYTES)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout.split() == ["0", "1", "True"], ended.stderr


def test_a_memory_error_in_a_prediction_is_a_training_error(monkeypatch: pytest.MonkeyPatch) -> None:
    model = cr.Model(cr.Dense(2), "mse")
    model.fit(np.zeros((8, 4)), np.zeros((8, 2)), epochs=1, verbose=False)

    def starve(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(prediction, "concatenated", starve)
    with pytest.raises(TrainingError, match="E508"):
        model.predict(np.zeros((2, 4)))


@pytest.mark.parametrize("stride", [2**64, 10**30])
def test_a_stride_longer_than_any_array_is_refused(stride: int) -> None:
    with pytest.raises(UsageError, match="E102"):
        nn.Conv(2, 2, stride=stride)
    with pytest.raises(ShapeError, match="E218"):
        F.max_pool(cr.input("x", (None, 4, 4, 1)), 2, stride)


def test_an_input_name_that_is_no_string_is_refused(tmp_path: Path) -> None:
    model = cr.Model(cr.Dense(2), "mse")
    model.fit(np.zeros((8, 4)), np.zeros((8, 2)), epochs=1, verbose=False)
    model.save(tmp_path / "m.safetensors")
    record, tensors = container.load(tmp_path / "m.safetensors", "model")
    record["inputs"][0]["name"] = True
    container.save(tmp_path / "m.safetensors", "model", record, tensors)
    with pytest.raises(FileError, match="E424"):
        cr.Model.load(tmp_path / "m.safetensors")


def test_a_number_beyond_float_range_is_refused_at_construction(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="E102"):
        cr.SGD(10**400)
    with pytest.raises(FileError, match="E425"):
        container.save(tmp_path / "m.safetensors", "model", {"rate": 2**1023}, {})
    container.save(tmp_path / "m.safetensors", "model", {"rate": 2**1023 - 1}, {})


@pytest.mark.parametrize("start", [True, 7, "", [], [1, 2], [[]]])
def test_a_checkpoint_with_an_invalid_start_is_refused(start: Any) -> None:
    saved = checkpoints.interrupted()
    assert checkpoints.resumed(checkpoints.Changed(saved, ("identity", "start"), start)) == "E505"


@pytest.mark.parametrize("epoch", [0, -1, 100, 2**64, 1.0, 1e308])
def test_a_checkpoint_whose_best_epoch_is_not_in_its_history_is_refused(epoch: float) -> None:
    saved = checkpoints.interrupted()
    path = ("watch", "early_stopping", "epoch")
    outcomes = [checkpoints.resumed(checkpoints.Changed(saved, path, value)) for value in (epoch, None)]
    assert outcomes == ["E424", "resumed"]
