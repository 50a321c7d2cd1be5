"""The Fashion-MNIST examples: networks learn, results are written, invalid options are refused."""

from __future__ import annotations

import gzip
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaigns import fashion_mnist as campaign
from PIL import Image
from sklearn import datasets

import chainrule as cr
from chainrule.data.readers import builtin_datasets as bundled
from chainrule.events import Event, StepDone
from chainrule.models.model_card import count_parameters, image
from chainrule_examples import alexnet, fashion_mnist
from page_examples import DOCS, check_examples
from saved_scores import check_gate, check_own_input, check_saved_scores

NETS = ["dense", "lenet", "small"]  # planning ResNet-20 takes longer than all of these
PAGE = DOCS / "fashion-mnist.md"


def idx(array: np.ndarray) -> bytes:
    """Bytes in the format of the files."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(b"\0\0\x08" + bytes([array.ndim]) + sizes + array.astype(np.uint8).tobytes())


@pytest.fixture
def stripes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files like those of Fashion-MNIST: a class is the place of a bright stripe."""
    folder, draw = tmp_path / "sets", np.random.default_rng(0)
    folder.mkdir()
    for part, count in (("train", 240), ("t10k", 50)):
        classes = np.arange(count) % 10
        pictures = draw.integers(0, 60, (count, 28, 28))
        for picture, number in zip(pictures, classes, strict=True):
            picture[2 * number + 3 : 2 * number + 6] += 180
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(pictures))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(classes))
    monkeypatch.setattr(bundled, "FASHION_FOLDER", folder)
    return folder


@pytest.mark.long
@pytest.mark.parametrize("net", NETS)
def test_an_example_network_is_trained_evaluated_and_saved(
    chainrule: Any, stripes: Path, net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = chainrule("example", "fashion-mnist", "--net", net, "--epochs", 1, "--out", "made/here")
    assert outcome.code == 0, outcome.err
    run = Path("made/here")
    scores, trainings = (json.loads((run / f"{name}.json").read_text()) for name in ("scores", "trainings"))
    assert [(row["net"], row["epochs"]) for row in trainings] == [(net, 1), ("linear", 1)]
    constant, linear, own = (scores[name]["accuracy"] for name in fashion_mnist.METHODS)
    assert constant == [pytest.approx(0.1)]
    assert len(linear) == len(own) == 1
    model = cr.load(run / "model.safetensors")
    test = cr.read_images("fashion-mnist/test")
    assert own == [pytest.approx(model.evaluate(test)["accuracy"])]
    assert set(np.asarray(model.predict(test))) <= set(bundled.FASHION_NAMES)
    assert f"{own[0]:.4f}\n" in outcome.out
    check_saved_scores(run, Path("fashion-mnist/test"), "network", {"accuracy": "accuracy"}, capsys)
    report, errors = ((run / name).read_text(encoding="utf-8") for name in ("report.html", "errors.html"))
    assert "<svg" in report, "the losses"
    assert "errors.html" in report
    assert errors.count("<image") == 24
    Image.fromarray(test.images["image"][0, ..., 0]).resize((64, 48)).save("own.png")
    draw = np.random.default_rng(1)
    Image.fromarray(draw.integers(0, 256, (28, 28, 3)).astype("uint8")).save("foreign.png")
    check_gate(run)
    check_own_input(run, ["own.png"], ["foreign.png"], capsys, names=bundled.FASHION_NAMES)


@pytest.mark.long
def test_results_of_several_seeds_have_mean_and_deviation(chainrule: Any, stripes: Path) -> None:
    words = ("example", "fashion-mnist", "--lang", "zh", "--seeds", 2, "--epochs", 25, "--out", "made")
    outcome = chainrule(*words)
    assert outcome.code == 0, outcome.err
    first, second = json.loads(Path("made/scores.json").read_text())["network"]["accuracy"]
    assert min(first, second) > 0.5, "the stripes are learned"
    spread = f" ± {abs(first - second) / 2**0.5:.4f}"
    assert f"{(first + second) / 2:.4f}{spread * (first != second)}\n" in outcome.out
    assert "种子 1" in outcome.out
    assert [row["seed"] for row in json.loads(Path("made/trainings.json").read_text())] == [0, 1, 0]


def test_example_networks_have_their_documented_sizes() -> None:
    sizes = {
        name: count_parameters(recipe.net, image(28, 28, 1)) for name, recipe in fashion_mnist.NETS.items()
    }
    assert sizes["small"] < 100_000
    assert sizes["linear"] == 7850
    assert 269_000 < sizes["resnet20"] < 273_000


REFUSED = {
    "an unknown network": (("--net", "lent"), "E601", "lenet"),
    "no training": (("--seeds", 0), "E601", "--seeds"),
    "epochs below none": (("--epochs", -1), "E102", "epochs"),
    "an option of another example": (("--samples", 2), "E601", "--samples"),
    "a typo in an option": (("--epoch", 1), "E601", "fix       --epochs"),
    "an extra argument": (("lenet",), "E601", "lenet"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_invalid_options_of_the_example_are_refused(chainrule: Any, stripes: Path, fault: str) -> None:
    words, code, text = REFUSED[fault]
    outcome = chainrule("example", "fashion-mnist", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[0].startswith(f"UsageError {code}")
    assert text in outcome.err


@pytest.mark.parametrize("example", ["fashion-mnist", "alexnet"])
def test_a_missing_data_set_is_reported(
    chainrule: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(bundled, "FASHION_FOLDER", tmp_path / "nowhere")
    monkeypatch.setattr(datasets, "fetch_openml", offline)
    outcome = chainrule("example", example)
    assert outcome.code == 2
    assert "E315" in outcome.err
    assert "apt install dataset-fashion-mnist" in outcome.err


def test_an_interrupted_training_writes_no_result(
    chainrule: Any, stripes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == 2:
            signal.raise_signal(signal.SIGINT)

    fit = cr.Model.fit
    monkeypatch.setattr(cr.Model, "fit", lambda *args, **options: fit(*args, **options, callbacks=[press]))
    outcome = chainrule("example", "fashion-mnist", "--out", "made")
    assert (outcome.code, outcome.out) == (1, "")
    assert "Stopped." in outcome.err
    assert not Path("made").exists()


def test_the_examples_of_the_page_run(stripes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_examples(PAGE, capsys)


@pytest.mark.long
def test_the_campaign_replaces_the_table_between_its_marks(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(campaign, "PAGE", page)
    words = ["--out", str(tmp_path / "made"), "--only", "dense", "--seeds", "2"]
    assert campaign.main(words) == 0
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(campaign.BEGIN)
    within, _, after = rest.partition(campaign.END)
    rows = [line for line in within.splitlines() if line.startswith("|")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == [
        "dense",
        "logistic regression",
        "the most frequent class",
    ]
    assert len({row.count("|") for row in rows}) == 1
    assert before + campaign.BEGIN in PAGE.read_text(encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8").endswith(campaign.END + after)
    monkeypatch.setattr(campaign, "ASKED", {"dense": 1.01})
    assert campaign.main(words) == 1, "existing results are used, and the required accuracy is not reached"
    assert page.read_text(encoding="utf-8").count(campaign.BEGIN) == 1


def test_alexnet_is_enlarged_by_its_first_layer() -> None:
    assert count_parameters(alexnet.build(), image(28, 28, 1)) == 57_029_322


def test_the_alexnet_example_prints_its_loss(
    chainrule: Any, stripes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small network replaces AlexNet, whose 57 million parameters need too much memory for a test."""
    layers = (cr.UpSampling(size=(56, 56), mode="linear"), cr.AveragePool(8), cr.Flatten(), cr.Dense(10))
    monkeypatch.setattr(alexnet, "build", lambda: cr.Sequential(*layers))
    outcome = chainrule("example", "alexnet", "--steps", 60, "--batch-size", 8, "--test-rows", 40)
    assert outcome.code == 0, outcome.err
    lines = [line.split() for line in outcome.out.splitlines()]
    assert [line[1] for line in lines[:3]] == ["20:", "40:", "60:"]
    assert float(lines[2][3].rstrip(",")) < float(lines[0][3].rstrip(",")), "the loss falls"
    assert "AlexNet, 500 parameters: " in outcome.out
    assert chainrule("example", "alexnet", "--steps", 0).code == 2
