"""Rows unlike those of the training are predicted as unknown, at the rate that was stated, by every face."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import chainrule as cr
from case_loops import loop_over
from chainrule.apps.cli.main import main
from chainrule.data.boxes import encode_centers
from chainrule.errors import TrainingError, UsageError
from chainrule.inputs import DetectionKind, SegmentationKind
from chainrule.robustness import has_unreadable_gate, is_unlike, stored_gate, with_novelty_gate
from chainrule.tabular.predicted_columns import Uncertainty, prediction_columns
from chainrule.train.model_state import NOVELTY_GATE
from chainrule.uncertainty import UNKNOWN

CENTERS = np.array([[0.0, 0, 0, 0], [4.0, 4, 0, 0], [0.0, 4, 4, 0]])


def rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of three classes around their centers."""
    draw = np.random.default_rng(seed)
    label = draw.integers(0, 3, count)
    x = CENTERS[label] + 0.5 * draw.normal(size=(count, 4))
    return x.astype("float32"), np.array(["ann", "bob", "cid"])[label]


@pytest.fixture(scope="module")
def model() -> cr.Model:
    net = cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(3))
    own = cr.Model(net, "cross_entropy", cr.Adam(0.02))
    own.fit(*rows(600, 0), epochs=15, seed=0, verbose=False)
    return cr.Model.of(with_novelty_gate(own.state, rows(600, 0)[0], rows(400, 1)[0], false_alarms=0.05))


def test_rows_like_the_training_are_refused_at_the_stated_rate(model: cr.Model) -> None:
    gate = stored_gate(model.state)
    assert gate is not None
    assert (gate.false_alarms, gate.rows) == (0.05, 400)
    assert 0.02 < is_unlike(model.state, gate, rows(2000, 2)[0]).mean() < 0.09


@pytest.mark.parametrize("place", [(-9, 9, -9, 9), (2, -6, 2, 6), (40, 40, 40, 40)])
def test_rows_far_from_all_classes_are_unknown(model: cr.Model, place: tuple[float, ...]) -> None:
    strange = (np.array(place) + 0.5 * np.random.default_rng(3).normal(size=(50, 4))).astype("float32")
    assert (prediction_columns(model, strange, False)["prediction"] == UNKNOWN).mean() > 0.9
    named = prediction_columns(model, strange, True, uncertainty=Uncertainty(refuses_unlike=False))[
        "prediction"
    ]
    assert set(named) <= {"ann", "bob", "cid"}


FOREIGN = {
    "inverted": lambda x: 1 - x,
    "striped": lambda x: x * np.arange(8, dtype="float32")[:, None, None] % 2,
    "noise": lambda x: np.random.default_rng(1).random(x.shape, dtype="float32"),
    "darker": lambda x: x / 2,
}


@pytest.mark.long
def test_images_of_something_else_are_unknown() -> None:
    flat, labels = load_digits(return_X_y=True)
    x = (flat / 16).astype("float32").reshape(-1, 8, 8, 1)
    hidden = [cr.Conv(8, 3, padding="same", activation="relu"), cr.Conv(16, 3, padding="same")]
    hidden += [cr.Activation("relu"), cr.MaxPool(2), cr.Conv(16, 3, padding="same", activation="relu")]
    net = cr.Sequential(*hidden, cr.Flatten(), cr.Dense(32, "relu"), cr.Dense(10))
    own = cr.Model(net, "cross_entropy", cr.Adam(0.005))
    own.fit(x[:800], labels[:800], epochs=8, seed=0, verbose=False, doctor=False)
    gated = with_novelty_gate(own.state, x[:800], x[800:1200], false_alarms=0.02)
    gate = stored_gate(gated)
    assert gate is not None
    assert is_unlike(gated, gate, x[1200:]).mean() < 0.1  # other writers
    shares = {name: is_unlike(gated, gate, change(x[1200:])).mean() for name, change in FOREIGN.items()}
    assert min(shares.values()) > 0.9, shares
    (entry,) = gate.record()["scores"]
    older = replace(gated, facts={**gated.facts, NOVELTY_GATE: {**entry, "false_alarms": 0.02, "rows": 400}})
    assert stored_gate(older) is None
    assert has_unreadable_gate(older)
    assert not has_unreadable_gate(gated)


def test_no_rows_have_no_predictions(model: cr.Model) -> None:
    columns = prediction_columns(model, rows(1, 0)[0][:0], True)
    assert {name: values.shape for name, values in columns.items()} == {
        "prediction": (0,),
        "probability of ann": (0,),
        "probability of bob": (0,),
        "probability of cid": (0,),
    }


def test_rows_whose_features_overflow_are_unknown() -> None:
    own = cr.Model(cr.Sequential(cr.Dense(16, "relu"), cr.Dense(3)), "cross_entropy", cr.Adam(0.02))
    own.fit(*rows(300, 0), epochs=2, seed=0, verbose=False)
    state = with_novelty_gate(own.state, rows(300, 0)[0], rows(100, 1)[0])
    gate = stored_gate(state)
    assert gate is not None
    assert is_unlike(state, gate, np.full((2, 4), 3e38, "float32")).all()


def test_the_gate_is_in_the_model_file_and_applies_to_the_command(
    model: cr.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, data = tmp_path / "model.safetensors", tmp_path / "rows.npz"
    model.save(file)
    np.savez(data, x=np.concatenate([rows(5, 4)[0], np.full((5, 4), -20, "float32")]))
    assert main(["predict", str(file), str(data), "--lang", "en"]) == 0
    output = capsys.readouterr()
    assert "all but 5.0% of 400 validation rows are predicted as unknown" in output.err
    predicted = [row["prediction"] for row in csv.DictReader(output.out.splitlines())]
    assert predicted[5:] == [UNKNOWN] * 5
    assert UNKNOWN not in predicted[:4]
    assert main(["predict", str(file), str(data), "--every-class"]) == 0
    output = capsys.readouterr()
    assert UNKNOWN not in output.out + output.err


def older(model: cr.Model, folder: Path) -> tuple[str, str]:
    """The file of a model whose gate has an older form, and a file of rows."""
    gate = stored_gate(model.state)
    assert gate is not None
    (entry,) = gate.record()["scores"]
    folder.mkdir(parents=True)
    file, data = folder / "model.safetensors", folder / "rows.npz"
    facts = {**model.state.facts, NOVELTY_GATE: {**entry, "rows": 400}}
    cr.Model.of(replace(model.state, facts=facts)).save(file)
    x, y = rows(5, 4)
    np.savez(data, x=x, y=y)
    return str(file), str(data)


OF_OLDER = {"en": "novelty gate was stored by another", "zh": "新颖性界限由 chainrule 的另一个版本保存"}
COMMANDS = {
    "predict": "DATA",
    "evaluate": "DATA",
    "attribute": "DATA --row 1",
    "explain": "DATA --row 1",
    "attack": "DATA --radius 0.1",
    "show": "",
}


@loop_over(("command", "words"), COMMANDS.items())
def test_every_command_states_a_gate_of_another_version_once(
    model: cr.Model, command: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for lang, sentence in OF_OLDER.items():
        file, data = older(model, tmp_path / command / lang)
        assert main([command, file, *words.replace("DATA", data).split(), "--lang", lang]) == 0
        printed = capsys.readouterr().err
        assert (printed.count(sentence), printed.count(file)) == (1, 1), printed


def test_a_gate_that_is_not_requested_is_not_stated(
    model: cr.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, data = older(model, tmp_path / "run")
    assert main(["predict", file, data, "--every-class", "--lang", "en"]) == 0
    assert OF_OLDER["en"] not in capsys.readouterr().err


def test_a_program_is_warned_of_a_gate_of_another_version(model: cr.Model, tmp_path: Path) -> None:
    file, _ = older(model, tmp_path / "run")
    with pytest.warns(UserWarning, match="novelty gate was stored by another version") as warned:
        cr.load(file)
    assert [w.filename for w in warned] == [__file__]


def test_another_training_drops_the_gate(model: cr.Model) -> None:
    other = cr.Model.of(model.state)
    other.fit(*rows(60, 5), epochs=1, verbose=False)
    assert stored_gate(other.state) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.pop("means"),
        lambda record: record.update(level="high"),
        lambda record: record.update(level=float("nan")),
        lambda record: record["variances"].update(data="AAAA"),
        lambda record: record["means"].update(shape=[10**9, 10**9]),
        lambda record: record["directions"].update(data="not base64"),
        lambda record: record["means"].update(shape=[-1, 2]),
    ],
)
def test_a_damaged_gate_is_none(model: cr.Model, change: Callable[[Any], object]) -> None:
    gate = stored_gate(model.state)
    assert gate is not None
    record = gate.record()
    change(record["scores"][0])
    damaged = cr.Model.of(model.state)
    damaged.state.facts["novelty gate"] = record  # type: ignore[index]  # facts of a file
    try:
        assert stored_gate(damaged.state) is None
    finally:
        damaged.state.facts["novelty gate"] = gate.record()  # type: ignore[index]


def videos(count: int, seed: int) -> np.ndarray:
    """Frames of videos: neighbors are alike, and every video has its own center."""
    draw = np.random.default_rng(seed)
    centers = np.repeat(draw.normal(size=(count, 4)), 20, axis=0)
    return (centers + 0.05 * draw.normal(size=centers.shape)).astype("float32")


def test_blocks_of_frames_let_new_videos_pass_and_no_others() -> None:
    """Validation frames of the training videos would refuse most frames of new ones."""
    frames, new = videos(30, 0), videos(30, 1)
    x, validation = frames[::2], frames[1::2]
    own = cr.Model(cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(1)), "mse", cr.Adam(0.01))
    own.fit(x, x[:, :1], epochs=3, seed=0, verbose=False, doctor=False)
    strange = new + np.float32(12)
    shares = {}
    for blocks in (0, 10):
        state = with_novelty_gate(own.state, x, validation, blocks=blocks)
        gate = stored_gate(state)
        assert gate is not None
        assert gate.rows == (len(x) if blocks else len(validation))
        shares[blocks] = [is_unlike(state, gate, part).mean() for part in (new, strange)]
    assert shares[0][0] > 2 * shares[10][0]
    assert shares[10][0] < 0.1
    assert shares[10][1] == 1


@pytest.mark.parametrize("blocks", [1, 601, -1, 2.5])
def test_blocks_that_are_none_are_refused(model: cr.Model, blocks: object) -> None:
    x, more = rows(600, 0)[0], rows(40, 1)[0]
    with pytest.raises(UsageError, match="blocks"):
        with_novelty_gate(model.state, x, more, blocks=blocks)  # pyright: ignore[reportArgumentType]


def test_several_outputs_and_few_rows_are_refused(model: cr.Model) -> None:
    with pytest.raises(UsageError, match="E102"):
        with_novelty_gate(model.state, rows(50, 0)[0], rows(9, 1)[0])
    net = cr.Sequential(cr.Parallel("none", first=cr.Dense(1), second=cr.Dense(1)))
    several = cr.Model(net, {"first": "mse", "second": "mse"})
    y = np.ones((40, 1), "float32")
    several.fit(rows(40, 0)[0], {"first": y, "second": y}, epochs=1, verbose=False)
    with pytest.raises(TrainingError, match="E570"):
        with_novelty_gate(several.state, rows(40, 0)[0], rows(40, 1)[0])


def test_with_few_validation_rows_the_rate_is_what_they_allow(model: cr.Model) -> None:
    gate = stored_gate(with_novelty_gate(model.state, rows(200, 0)[0], rows(24, 1)[0], false_alarms=0.001))
    assert gate is not None
    assert gate.false_alarms == pytest.approx(1 / 25)


def images(count: int, seed: int) -> np.ndarray:
    """Images with a bright square on a dark ground, (N, 24, 24, 3)."""
    draw = np.random.default_rng(seed)
    x = 0.1 + 0.02 * draw.random((count, 24, 24, 3))
    for image, (row, column) in zip(x, draw.integers(2, 12, (count, 2)), strict=True):
        image[row : row + 8, column : column + 8] += (0.6, 0.4, 0.2)
    return x.astype(np.float32)


def detector() -> cr.Model:
    """A network that finds the squares, with a gate."""
    x = images(120, 0)
    corners = [np.argwhere(image[..., 0] > 0.5) for image in x]
    boxes = [np.array([[*c.min(0)[::-1], *(c.max(0)[::-1] + 1)]]) for c in corners]
    y = np.stack([encode_centers(own, np.array([0]), 1, (6, 6), 4) for own in boxes])
    net = cr.Sequential(
        *[cr.Conv(8, 3, stride=2, padding="same", activation="relu") for _ in range(2)], cr.Conv(5, 1)
    )
    return gated(
        cr.Model(net, cr.CenterNet(), cr.Adam(0.01), metrics=[]), x, y, DetectionKind(("square",), 0.05)
    )


def segmenter() -> cr.Model:
    """A network that marks the pixels of the squares, with a gate."""
    x = images(120, 0)
    small = [cr.Conv(8, 3, stride=2, padding="same", activation="relu"), cr.Conv(8, 1), cr.UpSampling()]
    net = cr.Sequential(*small, cr.Conv(2, 1))
    y = (x[..., 0] > 0.5).astype(np.int64)
    return gated(
        cr.Model(net, "cross_entropy", cr.Adam(0.01), metrics=[]),
        x,
        y,
        SegmentationKind(("ground", "square")),
    )


def gated(model: cr.Model, x: np.ndarray, y: np.ndarray, kind: DetectionKind | SegmentationKind) -> cr.Model:
    """Train a model of a kind, with a gate."""
    model.fit(x, y, epochs=4, seed=0, verbose=False)
    kind.attach(model)
    return cr.Model.of(with_novelty_gate(model.state, x, images(60, 1)))


@pytest.mark.parametrize("trained", [detector, segmenter])
def test_images_of_other_content_are_unknown_to_detectors_and_segmenters(
    trained: Callable[[], cr.Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, folder = tmp_path / "model.safetensors", tmp_path / "images"
    trained().save(run)
    folder.mkdir()
    noise = np.random.default_rng(2).random((24, 24, 3))
    pictures = {"0like": images(1, 3)[0], "1noise": noise, "2bright": np.full((24, 24, 3), 0.95)}
    for name, pixels in pictures.items():
        Image.fromarray(np.round(255 * pixels).astype(np.uint8)).save(folder / f"{name}.png")
    out = ["--out", str(tmp_path / "out")] if trained is segmenter else []
    assert main(["predict", str(run), str(folder), "--lang", "en", *out]) == 0
    output = capsys.readouterr()
    assert "predicted as unknown" in output.err
    text = output.out if not out else (tmp_path / "out" / "areas.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["image"] for row in rows if row["class"] == UNKNOWN} == {"1noise.png", "2bright.png"}
    assert {row["class"] for row in rows if row["image"] == "0like.png"} <= {"square", "ground"}
    assert all(not row[name] for row in rows if row["class"] == UNKNOWN for name in list(row)[2:])
    if out:
        assert not list((tmp_path / "out").glob("1noise*"))
    assert main(["predict", str(run), str(folder), "--every-class"]) == 0
    assert UNKNOWN not in capsys.readouterr().out


def test_values_of_other_rows_are_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = rows(300, 0)[0]
    model = cr.Model(cr.Sequential(cr.Dense(16, "tanh"), cr.Dense(1)), "mse", cr.Adam(0.02))
    model.fit(x, x[:, :1] * 0.1, epochs=5, seed=0, verbose=False)
    model = cr.Model.of(with_novelty_gate(model.state, x, rows(200, 1)[0]))
    run, data = tmp_path / "model.safetensors", tmp_path / "rows.npz"
    model.save(run)
    own = np.concatenate([rows(5, 4)[0], np.full((5, 4), -20, "float32")])
    np.savez(data, x=own, y=own[:, :1])
    assert main(["predict", str(run), str(data), "--lang", "en"]) == 0
    output = capsys.readouterr()
    assert "have no predicted value" in output.err
    values = [row["prediction"] for row in csv.DictReader(output.out.splitlines())]
    assert values[5:] == [""] * 5
    assert np.array(values[:5], float) == pytest.approx(model.predict(own[:5]).ravel(), abs=1e-6)
    assert main(["evaluate", str(run), str(data), "--lang", "en"]) == 0
    assert "leaves 5 of these 10 rows without a value" in capsys.readouterr().out
    assert main(["predict", str(run), str(data), "--every-class"]) == 0
    output = capsys.readouterr()
    assert all(row["prediction"] for row in csv.DictReader(output.out.splitlines()))
