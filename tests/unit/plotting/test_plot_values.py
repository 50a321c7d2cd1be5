"""The data of plots: values computed by hand, refused arguments, files, recorded histograms."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, FileError
from chainrule.plotting import PLOTS, font
from chainrule.plotting.plots.histogram import rebin
from chainrule.plotting.plots.loss_landscape import direction
from chainrule.plotting.plots.roc import positive_counts
from chainrule.plotting.plots.trajectory import principal_plane
from chainrule.store import container
from chainrule.train.callback import RecordedHistograms, read_histograms
from chainrule.train.callback.histograms import EDGES, FILE, count

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def trained(**options: Any) -> cr.Model:
    net = cr.Sequential(cr.Dense(4, "relu"), cr.BatchNorm(), cr.Dropout(0.2), cr.Dense(1))
    model = cr.Model(net, "binary_cross_entropy", engine="reference")
    model.fit(X, Y, **{"epochs": 2, "verbose": False, **options})
    return model


@pytest.fixture(scope="module")
def model() -> cr.Model:
    return trained()


CASES: dict[str, tuple[Any, str, str]] = {
    "unknown plot": (lambda m: m.plot.confusion_matrx(X, Y), "E101", "confusion_matrix"),
    "no such option": (lambda m: m.plot.confusion_matrix(X, Y, lag="zh"), "E101", "lang"),
    "no such language": (lambda m: m.plot.confusion_matrix(X, Y, lang="fr"), "E101", "en"),
    "no rows": (lambda m: m.plot.confusion_matrix(), "E564", "x, y"),
    "no targets": (lambda m: m.plot.confusion_matrix(X), "E564", "x, y"),
    "too many rows": (lambda m: m.plot.learning_curves(X, Y), "E564", "learning_curves()"),
    "three features": (lambda m: m.plot.decision_boundary(X), "E560", 'features=("x1", "x2")'),
    "no such feature": (lambda m: m.plot.decision_boundary(X, features=("x1", "x9")), "E101", "x"),
    "one feature": (lambda m: m.plot.decision_boundary(X, features=("x1", "x1")), "E102", "features"),
    "no histograms": (lambda m: m.plot.weights(run="nowhere"), "E561", "cr.Histograms()"),
    "no span": (lambda m: m.plot.loss_landscape(X, Y, span=0.0), "E102", "span"),
    "rows of one class": (lambda m: m.plot.roc(X[:3], [1, 1, 1]), "E560", ""),
    "one stop": (lambda m: m.plot.trajectory(X, Y, [m.parameters()]), "E102", "checkpoints="),
    "stops of another network": (
        lambda m: m.plot.trajectory(X, Y, [{"w": X}, {"w": X}]),
        "E102",
        "checkpoints=",
    ),
    "no stops": (lambda m: m.plot.trajectory(X, Y), "E564", "checkpoints"),
    "another width": (lambda m: m.plot.feature_maps(X[:, :2]), "E209", ""),
    "no such form": (lambda m: m.plot.learning_curves().save("a.jpg"), "E562", "a.svg"),
    "no place": (lambda m: trained(callbacks=[cr.Histograms()]), "E102", "cr.Histograms("),
}


@pytest.mark.parametrize("case", CASES)
def test_refusals_suggest_a_fix(case: str, model: cr.Model) -> None:
    call, code, fix = CASES[case]
    with pytest.raises(ChainruleError) as caught:
        call(model)
    assert caught.value.code == code
    assert fix in caught.value.fix


def test_an_untrained_model_is_refused() -> None:
    fresh = cr.Model(cr.Dense(1), "mse")
    for kind in ("graph", "learning_curves", "weights"):
        with pytest.raises(ChainruleError, match="E503"):
            getattr(fresh.plot, kind)()
    assert not hasattr(fresh.plot, "_ipython_display_")


def test_a_plot_is_saved_in_every_format(model: cr.Model, tmp_path: Path) -> None:
    plot = model.plot.residuals if model.task == "regression" else model.plot.roc
    roc = plot(X, Y, lang="en")
    starts = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    for ending, start in starts.items():
        assert roc.save(tmp_path / f"roc{ending}").read_bytes().startswith(start)
    assert roc._repr_png_().startswith(b"\x89PNG")
    assert repr(roc) == "<Plot roc: ROC curve>"


def test_equal_scores_are_one_threshold() -> None:
    false, true = positive_counts(np.array([1, 0, 1, 0], bool), np.array([0.9, 0.5, 0.5, 0.1]))
    assert false.tolist() == [0, 0, 1, 2]
    assert true.tolist() == [0, 1, 2, 2]


def test_directions_have_the_norm_of_the_weights() -> None:
    weights = {
        "w": np.random.default_rng(1).normal(size=(5, 3, 2)),
        "b": np.ones(5),
        "zero": np.zeros((2, 2)),
    }
    random_direction = direction(weights, np.random.default_rng(0))
    lengths = [np.linalg.norm(part["w"].reshape(5, -1), axis=1) for part in (weights, random_direction)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-12)
    assert not random_direction["b"].any()
    assert not random_direction["zero"].any()


def test_the_principal_plane_contains_most_of_the_trajectory() -> None:
    generator = np.random.default_rng(2)
    base = generator.normal(size=(2, 50))
    steps = generator.normal(size=(6, 2)) @ base + 1e-3 * generator.normal(size=(6, 50))
    along, places, shares = principal_plane(steps)
    assert along @ along.T == pytest.approx(np.eye(2), abs=1e-9)
    assert shares.sum() == pytest.approx(1.0, abs=1e-5)
    assert places @ along == pytest.approx(steps, abs=0.02)


def test_every_value_is_counted_once() -> None:
    values = np.array([-np.inf, -5e3, -1.0, -1e-7, 0.0, 0.0, 0.3, 1e9, np.nan])
    counts = count(values)
    assert len(counts) == len(EDGES) - 1
    assert counts.sum() == 7
    assert counts[0] == 1
    assert counts[-1] == 1
    assert counts[np.searchsorted(EDGES, 0.0) - 1] == 3


def test_rebinned_shares_keep_the_distribution() -> None:
    samples = np.random.default_rng(0).normal(0.5, 0.1, 20_000)
    edges, roots = rebin(count(samples)[None])
    assert roots.max() == 1
    shares = roots[0] ** 2 / (roots[0] ** 2).sum()
    middles = (edges[:-1] + edges[1:]) / 2
    assert (shares * middles).sum() == pytest.approx(0.5, abs=0.02)
    low, high = rebin(count(np.full(3, 0.25))[None])[0][[0, -1]]
    assert low < 0.25 < high


def histograms(run: Path) -> RecordedHistograms:
    return read_histograms(run / FILE)


def test_histograms_are_recorded_and_resumed(tmp_path: Path) -> None:
    def train(run: Path, epochs: int, resume: bool = False) -> cr.Model:
        return trained(epochs=epochs, run=run, resume=resume, callbacks=[cr.Histograms(every=2)])

    model = train(tmp_path / "whole", 6)
    train(tmp_path / "parts", 3)
    train(tmp_path / "parts", 6, resume=True)
    assert (tmp_path / "whole" / FILE).read_bytes() == (tmp_path / "parts" / FILE).read_bytes()
    recorded = histograms(tmp_path / "whole")
    assert recorded.epochs.tolist() == [2, 4, 6]
    assert list(recorded.counts["weights"]) == list(model.parameters())
    assert recorded.counts["weights"]["dense1.weight"].sum(axis=1).tolist() == [12, 12, 12]
    assert list(recorded.counts["activations"]) == ["dense1", "batch_norm1", "dense2"]
    last = count(model.parameters()["dense1.weight"])
    assert (recorded.counts["weights"]["dense1.weight"][-1] == last).all()
    plot = model.plot.weights(run=tmp_path / "whole", lang="en")
    assert plot.title == "Weights over the epochs"
    assert "dense1.weight" in plot.text
    train(tmp_path / "parts", 2)  # a new training replaces them
    assert histograms(tmp_path / "parts").epochs.tolist() == [2]


def test_recording_histograms_does_not_change_the_training(tmp_path: Path) -> None:
    plain, watched = trained(), trained(callbacks=[cr.Histograms(tmp_path / "h.safetensors")])
    assert plain.parameters()
    for path, value in plain.parameters().items():
        assert value.tobytes() == watched.parameters()[path].tobytes()


ROW = np.ones((1, len(EDGES) - 1), np.uint32)
BROKEN: dict[str, tuple[dict[str, Any], dict[str, np.ndarray]]] = {
    "another number of bins": ({"epochs": [1], "order": ["weights/w"]}, {"weights/w": ROW[:, 1:]}),
    "another number of epochs": ({"epochs": [1, 2], "order": ["weights/w"]}, {"weights/w": ROW}),
    "no epochs": ({"order": []}, {}),
    "no order": ({"epochs": []}, {}),
    "another kind": ({"epochs": [1], "order": ["biases/w"]}, {"biases/w": ROW}),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_invalid_histogram_files_are_refused(fault: str, tmp_path: Path) -> None:
    container.save(tmp_path / "h.safetensors", "histograms", *BROKEN[fault])
    with pytest.raises(FileError, match="E563"):
        read_histograms(tmp_path / "h.safetensors")


def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "model.safetensors"
    trained().save(place)
    before = place.read_bytes()
    with pytest.raises(FileError, match="E423"):
        trained(callbacks=[cr.Histograms(place)])
    assert place.read_bytes() == before


def test_texts_are_english_without_a_chinese_font(model: cr.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font, "chinese", lambda: "")
    font._has.cache_clear()
    try:
        plot = model.plot.learning_curves(lang="zh")
        assert (plot.lang, plot.title) == ("en", "Learning curves")
        assert font.printable_label("春a") == "\\u6625a"
    finally:
        font._has.cache_clear()


def test_control_characters_are_escaped() -> None:
    assert font.printable_label("a\x1b[31m\n$x$") == "a\\x1b[31m\\n$x$"
    assert font.printable_label("x" * 60) == "x" * 39 + "…"


def test_the_guide_names_every_plot() -> None:
    page = (Path(__file__).parents[3] / "docs" / "plotting.md").read_text(encoding="utf-8")
    for name, kind in PLOTS.items():
        assert f"`{name}({kind.needs})`" in page
        assert kind.title
        assert kind.summary
        assert inspect.signature(kind.draw).parameters
        assert kind.draw.__doc__


def test_rows_of_a_token_embedding_are_named_by_tokens() -> None:
    tokenizer = cr.Tokenizer.learn(["春眠不觉晓"], "character", 12)
    size = len(tokenizer.tokens)
    net = cr.Sequential(cr.Embedding(size, 3), cr.Flatten(), cr.Dense(2))
    model = cr.Model(net, "cross_entropy", tokenizer=tokenizer)
    model.fit(np.array([tokenizer.encode("春眠")] * 4), [0, 1, 0, 1], epochs=1, verbose=False)
    words = [text.get_text() for text in model.plot.embedding().figure.axes[0].texts]
    assert len(words) == size
    assert tokenizer.decode([size - 1])[0] in "".join(words) or "\\u" in "".join(words)
