"""The workbench: projects, steps and trainings, compared with what the commands compute."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data.readers.read_options import ReadOptions
from chainrule.errors import ChainruleError, DataError, UsageError
from chainrule.notation import number
from chainrule.page.page import Lines
from chainrule.studio.exports import export
from chainrule.studio.frames import decoded, encoded
from chainrule.studio.points import SETS, sample, write_points
from chainrule.studio.training_process import NICENESS
from chainrule.studio.trainings import Curve, start_process
from chainrule.studio.workbench import Workbench

SECONDS = 60


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    monkeypatch.chdir(tmp_path)
    opened = Workbench("circle")
    opened.change({"net": "3 tanh", "epochs": 3})
    yield opened
    opened.close()


def wait_for(bench: Workbench, *status: str) -> None:
    end = time.monotonic() + SECONDS
    while bench.training is None or bench.training.status not in status:
        assert time.monotonic() < end, bench.training and (bench.training.status, bench.training.error)
        time.sleep(0.02)


def test_a_misspelled_set_has_the_closest_one_of_the_studio() -> None:
    for name, close in (("cirle", "circle"), ("digit-image", "digit-images"), ("irsi", "iris")):
        with pytest.raises(DataError) as caught:
            Workbench(name)
        assert (caught.value.code, caught.value.fix) == ("E302", close)
        assert "spiral" in str(caught.value.expected)
    with pytest.raises(DataError, match="E301"):
        Workbench("cirle.csv")


def test_a_file_is_read_with_the_options_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"Größe;{i}.500;{'ja' if i % 2 else 'nein'}\n" for i in range(1, 41))
    Path("maße.csv").write_bytes(f"maß;wert;kauf\n{rows}".encode("cp1252"))
    reading = ReadOptions(encoding="windows-1252", decimal=",")
    bench = Workbench("maße.csv", reading)
    assert bench.project.options.reading == reading
    frame = bench.project.table.frame
    assert (frame["maß"][0], frame["wert"][0]) == ("Größe", 1500)
    bench.change({"epochs": 1})
    assert bench.project.options.reading == reading
    assert "--encoding windows-1252" in bench.project.options.command()
    bench.close()


@pytest.mark.parametrize("source", ["iris", "circle"])
def test_options_of_reading_do_not_apply_to_a_data_set(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="E128"):
        Workbench(source, ReadOptions(encoding="utf-8"))


@pytest.mark.parametrize("name", ["iris", "circle", "digit-images"])
def test_a_path_with_the_name_of_a_set_comes_first_as_in_the_commands(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Workbench().project_record("en")["paths"] == {}
    Path(name).write_text("a,b\n" + "1,2\n3,5\n4,4\n" * 9)
    bench = Workbench(name)
    assert bench.project_record("en")["paths"] == {name: "file"}
    assert bench.project.options.data == name
    assert bench.project.table.rows == cr.read_table(name).rows == 27
    Path(name).unlink()
    Path(name).mkdir()
    assert bench.project_record("en")["paths"] == {name: "folder"}
    with pytest.raises(DataError, match="E351"):  # a folder without images
        bench.open(name)


def test_a_process_whose_studio_ended_prints_nothing() -> None:
    process = start_process()
    out, _ = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (0, "")


@pytest.mark.long
def test_a_training_runs_on_the_engine_of_the_settings(bench: Workbench) -> None:
    with cr.settings.using(engine="reference"):
        bench.command({"until": 3})
        wait_for(bench, "paused")
    assert bench.training is not None
    run = Path(bench.training.run)
    bench.command({"until": None})  # the setting is another one now
    wait_for(bench, "ended")
    assert 'engine = "reference"' in Path(run, "config.toml").read_text()


@pytest.mark.long
def test_a_training_leaves_the_page_its_part_of_the_processor(bench: Workbench) -> None:
    bench.command({"until": 1})
    wait_for(bench, "paused")
    assert bench.training is not None
    assert bench.training.process is not None
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, bench.training.process.pid) == min(own + NICENESS, 19)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_a_curve_that_is_cut_continues_as_one_of_its_first_points(
    before: int, first: int, after: int
) -> None:
    curve, limit = Curve(limit=8), 8
    for step in range(before):
        curve.add(step)
    points = curve.points
    number = min(first, len(points))
    curve.cut(number)
    assert curve.points == points[:number]
    last = curve.points[-1] if curve.points else -1
    for step in range(last + 1, last + 1 + after):
        curve.add(step)
    assert curve.points == sorted(set(curve.points))
    assert curve.points[-1:] == ([last + after] if last + after >= 0 else [])
    assert curve.points[:1] == ([0] if last + after >= 0 else [])
    assert len(curve.points) <= limit + 1
    assert {b - a for a, b in pairwise(curve.points[:-1])} <= {curve.every}


def test_a_pause_at_any_instant_is_reported(bench: Workbench) -> None:
    bench.change({"net": "3 tanh", "epochs": 100_000})
    bench.command({"until": 1})
    wait_for(bench, "paused")
    training, instants = bench.training, np.random.default_rng(0).uniform(0, 0.02, 60)
    assert training is not None
    for instant in instants:
        bench.command({"until": None})
        time.sleep(instant)
        bench.command({"until": 0, "until_epoch": 0})
        wait_for(bench, "paused")
    steps = [step for step, _ in training.losses.points]
    assert steps == sorted(set(steps))
    bench.command({"until": training.facts["step"], "until_epoch": 0})  # a step that is done
    assert training.status == "paused"


def test_each_step_has_one_loss(bench: Workbench) -> None:
    """Between two frames the end of an epoch reports the step that was reported before."""
    bench.change({"net": "3 tanh", "epochs": 40})
    bench.command({"until": None})
    wait_for(bench, "ended")
    assert bench.training is not None
    steps = [step for step, _ in bench.training.losses.points]
    assert len(steps) >= 40
    assert steps == sorted(set(steps))
    missing = min(set(steps) - set(bench.training.frames))  # steps follow each other faster than frames
    assert bench.frame(missing)["step"] in bench.training.frames
    frame = bench.frame(missing, is_exact=True)
    assert (frame["step"], frame["loss"]) == (missing, dict(bench.training.losses.points)[missing])


@pytest.mark.long
def test_frames_for_the_page_have_no_weights(bench: Workbench) -> None:
    bench.command({"until": 1})
    wait_for(bench, "paused")
    assert bench.training is not None
    assert "weights" in bench.training.frames[1]
    frames = (bench.training_record("en", {})["frame"], bench.frame(1))
    assert [frame["step"] for frame in frames] == [1, 1]
    assert all(frame["surface"] and "weights" not in frame for frame in frames)


def test_a_run_to_compare_with_is_one_of_the_list(bench: Workbench) -> None:
    assert bench.runs_record() == {"runs": []}
    for run in ("../secret", "runs/none-1", ""):
        with pytest.raises(UsageError, match="E102"):
            bench.run_record(run)


def test_a_derivation_has_the_numbers_of_explain(bench: Workbench) -> None:
    project = bench.project
    assert project is not None
    record = bench.view(0, 3).derivation("w:dense1.weight:0,1", "en", 3)
    model = cr.Model.of(project.initial)
    row = project.table.take(np.array([2]))
    page = model.explain(row, weight="dense1.weight[0,1]", depth=3, lang="en")
    expected = [
        number(equation.value, fixed=True)
        for section in page.sections
        for part in section.parts
        if isinstance(part, Lines)
        for equation in part.equations
        if equation.value is not None
    ]
    values = [
        equation["value"]
        for section in record["sections"]
        for part in section["parts"]
        for equation in part.get("equations", ())
        if equation["value"] is not None
    ]
    assert len(expected) > 5
    assert values == expected


def test_every_unit_and_weight_of_the_drawing_has_a_derivation(bench: Workbench) -> None:
    view = bench.view(0, 1)
    drawing = view.drawing()
    keys = [unit["key"] for column in drawing["columns"] for unit in column["units"]]
    keys += [wire["key"] for wire in drawing["wires"]]
    assert len(keys) > 12
    for key in keys:
        assert view.derivation(key, "zh")["sections"], key


def every_value(bench: Workbench, step: int, row: int) -> int:
    """Derive every unit of a drawing, and return the number of its update."""
    view = bench.view(step, row)
    drawing = view.drawing()
    keys = [unit["key"] for column in drawing["columns"] for unit in column["units"] if unit["key"]]
    assert keys
    for key in keys:
        assert view.derivation(key, "en")["sections"], key
    return int(drawing["update"])


NETS = {
    "circle": ("3 sigmoid", ""),
    "iris": ("4 tanh", "reshape 4 1, 8, position 4, encoder 2, mean"),
    "waves": ("2 relu, 2 relu",),
    "digit-images": ("conv 2 3 tanh, pool 2, flatten, 4 tanh",),
}


@pytest.mark.long
@pytest.mark.parametrize(("source", "net"), [(name, net) for name, nets in NETS.items() for net in nets])
def test_rows_and_batches_are_derived_from_the_first_step_to_the_last(
    source: str, net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bench = Workbench(source)
    bench.change({"net": net, "epochs": 1})
    assert [every_value(bench, 0, row) for row in (0, 1)] == [1, 0]
    bench.command({"until": None})
    wait_for(bench, "ended")
    assert bench.training is not None
    run, last = bench.training.run, bench.training.facts["step"]
    for opened in (bench, Workbench(run)):
        for step, update in ((0, 1), (last - 1, last), (last, last), (-1, last)):
            assert [every_value(opened, step, row) for row in (0, 1)] == [update, 0]
    bench.close()


@pytest.mark.parametrize("key", ["", "n:1", "n:99999:0", "w:dense9.weight:0,0", "w:dense1.weight:9,9", "x"])
def test_unknown_keys_are_refused(bench: Workbench, key: str) -> None:
    with pytest.raises(UsageError):
        bench.view(0, 1).derivation(key, "en")


@pytest.mark.long
def test_a_training_is_the_run_of_the_command(bench: Workbench, tmp_path: Path) -> None:
    bench.command({"until": 2})
    wait_for(bench, "paused")
    training = bench.training
    assert training is not None
    assert training.facts["step"] == 2
    bench.command({"until": None})
    wait_for(bench, "ended")
    project = bench.project
    assert project is not None
    options = {k: v for k, v in project.options_record().items() if k in ("net", "optimizer", "penalty")}
    chosen = {**options, "epochs": 3, "learning_rate": 0.1, "patience": 0}
    cr.train_table(project.options.data, "label", out=tmp_path / "other", verbose=False, **chosen)
    own, other = (Path(run) / "model.safetensors" for run in (training.run, tmp_path / "other"))
    assert own.read_bytes() == other.read_bytes()


@pytest.mark.long
def test_frames_have_the_bits_of_the_replayed_step(bench: Workbench) -> None:
    bench.command({"until": 5})
    wait_for(bench, "paused")
    project = bench.project
    assert project is not None
    of_frame = bench.state_at(5).parameters
    plan, rows = project.plan, project.plan.prepared.training
    replayed = cr.Model.of(project.initial).replay(
        5, rows.x, plan.prepared.labels(rows), **plan.fit_options()
    )
    assert all((of_frame[path] == value).all() for path, value in replayed.update.after.items())
    assert bench.view(4, 0).trace.loss == replayed.trace.loss


@pytest.mark.long
def test_a_complete_run_that_is_opened_goes_back_to_any_step(bench: Workbench) -> None:
    bench.command({"until": 5})
    wait_for(bench, "paused")
    of_step = {step: bench.state_at(step).parameters for step in (0, 5)}
    bench.command({"until": None})
    wait_for(bench, "ended")
    live, last = bench.training_record("en", {}), bench.training
    assert last is not None
    of_step[int(last.facts["step"])] = bench.state_at(-1).parameters
    bench.open(last.run)
    record = bench.training_record("en", {})
    assert record["epochs"]["points"] == live["epochs"]["points"]
    assert {name: record[name] for name in ("status", "step", "epoch", "scores", "notices")} == {
        name: live[name] for name in ("status", "step", "epoch", "scores", "notices")
    }
    assert record["frame"]["surface"] == live["frame"]["surface"]
    for step, before in of_step.items():
        parameters = bench.state_at(step).parameters
        assert all((parameters[path] == value).all() for path, value in before.items()), step
        assert bench.frame(step)["step"] == step
    assert bench.frame(5)["loss"] == dict(last.losses.points)[5]
    bench.command({"new": True, "until": 5})
    wait_for(bench, "paused")
    assert bench.training is not None
    assert bench.training.run != last.run
    parameters = bench.state_at(5).parameters
    assert all((parameters[path] == value).all() for path, value in of_step[5].items())


@pytest.mark.long
def test_the_end_of_a_training_has_the_weights_of_its_model(bench: Workbench) -> None:
    bench.change({"net": "16 relu", "learning_rate": 2.0, "patience": 2, "epochs": 200})
    bench.command({"until": None})
    wait_for(bench, "ended")
    training = bench.training
    assert training is not None
    model = cr.load(Path(training.run) / "model.safetensors").state
    assert model.facts["best_epoch"] < len(model.history)  # not the last one
    record = bench.training_record("en", {})
    again = bench.training_record("en", {"step": record["step"], "final": 1})
    assert (record["frame"]["step"], "frame" in again) == (record["step"], False)
    for parameters in (bench.state_at(-1).parameters, bench.model().state.parameters):
        assert all((parameters[path] == value).all() for path, value in model.parameters.items())
    bench.open(training.run)
    assert bench.training_record("en", {})["frame"]["surface"] == record["frame"]["surface"]


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")
def test_the_c_source_is_taken_with_its_header_and_computes_the_outputs(
    bench: Workbench, tmp_path: Path
) -> None:
    name, content = export(bench, "c", "en")
    (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / name) as archive:
        archive.extractall(tmp_path)
    words = ["cc", "-std=c99", "-O1", "-DMODEL_TEST", "-o", "test", "model.c", "-lm"]
    subprocess.run(words, cwd=tmp_path, check=True, timeout=SECONDS)
    subprocess.run([tmp_path / "test"], check=True, timeout=SECONDS)


@pytest.mark.parametrize("last", ["yes", "", "4.5"])
def test_the_last_column_with_different_values_is_the_target(bench: Workbench, last: str) -> None:
    Path("rows.csv").write_text("a,b,c\n" + "".join(f"{i % 7},{'xy'[i % 2]},{last}\n" for i in range(40)))
    bench.open("rows.csv")
    assert bench.project_record("en")["data"]["target"] == "b"
    Path("rows.csv").write_text(f"a,c\n1,{last}\n")
    with pytest.raises(ChainruleError, match=r"E32[0-3]"):
        bench.open("rows.csv")


def test_an_invalid_option_changes_nothing(bench: Workbench) -> None:
    before = bench.project
    with pytest.raises(UsageError, match="tanhh"):
        bench.change({"net": "3 tanhh"})
    with pytest.raises(UsageError):
        bench.change({"learning_rate": "much"})
    with pytest.raises(UsageError):
        bench.change({"data": "/etc/passwd"})
    assert bench.project is before


@pytest.mark.parametrize("name", list(SETS))
def test_sets_are_finite_and_have_their_rows(name: str) -> None:
    x, y = sample(name, 60)
    assert x.shape == (60, 2)
    assert len(y) == 60
    assert np.isfinite(x).all()
    assert np.isfinite(np.asarray(y, float)).all()


@pytest.mark.parametrize(
    "points", [None, [], [[0, 0, "blue"]] * 9, [[0, 0, "<b>"]] * 20, [[0, None, "red"]] * 20]
)
def test_invalid_points_are_refused(points: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        write_points(points)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_of_frames_keep_their_bits(dtype: type) -> None:
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(dtype)
    assert (decoded(encoded(values), values) == values).all()


@pytest.mark.long
def test_another_learning_rate_is_part_of_the_run(bench: Workbench, tmp_path: Path) -> None:
    bench.command({"until": 4})
    wait_for(bench, "paused")
    training = bench.training
    assert training is not None
    bench.command({"rate": 0.5})
    bench.command({"until": None})
    wait_for(bench, "ended")
    project = bench.project
    assert project is not None
    assert project.options_record()["learning_rate_at"] == []
    assert training.options.learning_rate_at == ("4:0.5",)
    options = {"net": "3 tanh", "optimizer": "sgd", "penalty": 0.0, "epochs": 3, "patience": 0}
    rates = {"learning_rate": 0.1, "learning_rate_at": ["4:0.5"]}
    cr.train_table(project.options.data, "label", out=tmp_path / "other", verbose=False, **options, **rates)
    own, other = (Path(run) / "model.safetensors" for run in (training.run, tmp_path / "other"))
    assert own.read_bytes() == other.read_bytes()
    assert bench.view(6, 0).trace.loss > 0
    assert project is not bench.project


@pytest.mark.long
def test_one_epoch_ends_with_its_last_step(bench: Workbench) -> None:
    for epoch in (1, 2):
        bench.command({"until": 0, "until_epoch": epoch})
        wait_for(bench, "paused")
        training = bench.training
        assert training is not None
        while training.epochs.seen < epoch or training.status != "paused":
            time.sleep(0.02)
        assert training.facts["step"] == epoch * 4  # 128 rows in batches of 32
    assert [point["step"] for point in training.epochs.points] == [4, 8]


@pytest.mark.long
def test_a_table_of_texts_is_trained_and_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = {
        "pos": ("a good film", "a warm and lovely story"),
        "neg": ("a bad film", "a dull and long story"),
    }
    lines = [
        f"{words[label][i % 4 // 2]} of the row {i} of the night,{label}"
        for i in range(60)
        for label in words
    ]
    (tmp_path / "reviews.csv").write_text("\n".join(["review,opinion", *lines]))
    bench = Workbench("reviews.csv")
    try:
        (column, _) = bench.project_record("en")["data"]["columns"]
        assert column["kind"] == "text"
        bench.change({"net": "4 tanh", "epochs": 4, "optimizer": "adam"})
        bench.command({"until": None})
        wait_for(bench, "ended")
        (field,) = bench.form_record(1)["fields"]
        assert field["value"].startswith("a good film")
        record = bench.predict({"review": "a bad film of the night"}, "zh")
        assert record["predictions"][0]["probabilities"].keys() == words.keys()
        assert record["sections"]
        assert bench.training is not None
        run = cr.load(Path(bench.training.run) / "model.safetensors")
        assert (
            record["predictions"][0]["prediction"] == run.predict([{"review": "a bad film of the night"}])[0]
        )
    finally:
        bench.close()
