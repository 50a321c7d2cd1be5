"""The verdict below the scores of an example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.metrics import mean_score
from chainrule.robustness.novelty_gate import stored_gate
from chainrule_examples.score_table import Score, save_run, score_page, verdict


def scores(**means: float) -> list[Score]:
    rows = np.linspace(-0.1, 0.1, 50)  # what the methods have in common
    return [Score.on_test_set(name, [{"accuracy": mean_score(rows + mean)}]) for name, mean in means.items()]


@pytest.mark.parametrize(
    ("means", "own", "named"),
    [
        ({"constant": 0.3, "linear": 0.7, "net": 0.9}, 1, ("net", "linear")),
        ({"constant": 0.3, "linear": 0.9, "net": 0.5}, 1, ("linear", "net")),
        ({"constant": 0.3, "linear": 0.7, "net": 0.8, "search": 0.9}, 2, ("search", "linear")),
        ({"constant": 0.3, "linear": 0.9, "net": 0.8, "search": 0.5}, 2, ("linear", "net")),
        ({"linear": 0.95, "constant": 0.9, "net": 0.8}, 1, ("linear", "net")),
    ],
)
def test_the_best_network_is_compared_with_the_best_baseline(
    means: dict[str, float], own: int, named: tuple[str, str]
) -> None:
    text = verdict(scores(**means), "en", "accuracy", own)
    assert text.index(named[0]) < text.index(named[1])
    assert not [name for name in means if name not in named and name in text]


def test_methods_without_the_metric_do_not_count() -> None:
    methods = [*scores(constant=0.3, linear=0.7), Score("net", {"cost": [1.0]})]
    assert "net" not in verdict(methods, "en", "accuracy")


def test_a_single_training_is_called_one() -> None:
    assert verdict(scores(linear=0.5, net=0.8), "en", "accuracy").endswith(
        "another one may score differently."
    )


def test_a_run_has_a_page_with_scores_losses_and_links(tmp_path: Path) -> None:
    model = cr.Model(cr.Dense(1), "mse")
    x = np.ones((8, 2), np.float32)
    model.fit(x, x[:, :1], validation=(x, x[:, :1]), epochs=3, verbose=False)
    methods = scores(constant=0.3, net=0.9)
    save_run(str(tmp_path / "run"), model, methods, {"chart.html": "", "test.npz": b""})
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page.count("<polyline") >= 2  # training and validation rows
    assert "<td>constant</td>" in page
    assert "0.9000" in page
    assert '<a href="chart.html">chart.html</a>' in page
    assert "test.npz" not in page
    untrained = cr.Model(cr.Dense(1), "mse")
    chinese = score_page("run", untrained, methods, [], "zh")
    assert "<svg" not in chinese
    assert "准确率" in chinese


def test_the_legend_of_the_losses_names_the_curves_that_are_drawn() -> None:
    x = np.ones((8, 2), np.float32)
    for validation, names_it in ((None, False), ((x, x[:, :1]), True)):
        model = cr.Model(cr.Dense(1), "mse")
        model.fit(x, x[:, :1], validation=validation, epochs=2, verbose=False)
        page = score_page("run", model, scores(net=0.9), [], "en")
        assert "Blue: training rows" in page
        assert ("Orange: validation rows" in page) is names_it


@pytest.mark.parametrize("count", [9, 10])
@pytest.mark.parametrize(("rows", "blocks"), [(40, 0), (8, 10), (1, 10)])
def test_a_run_has_a_gate_or_the_reason_why_it_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, rows: int, blocks: int
) -> None:
    """Also of fewer training rows than blocks, which the error of a gate refused."""
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    model = cr.Model(cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(1)), "mse")
    model.fit(x, x[:, :1], epochs=1, verbose=False, doctor=False)
    save_run(str(tmp_path), model, scores(net=0.9), known=(x[:rows], x[:count]), blocks=blocks)
    gate = stored_gate(cr.load(tmp_path / "model.safetensors").state)
    assert (gate is not None) == (count == 10)
    assert ("No novelty gate: of 9 validation rows" in capsys.readouterr().out) == (count == 9)
