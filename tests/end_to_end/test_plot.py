"""``chainrule plot``: files, terminal plots, both languages, refused options."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_plots_of_a_run_are_printed_or_written(chainrule, trained, credit: Path) -> None:
    tree = chainrule("plot", "loans", "graph").out
    assert "├─ dense1  Dense(64) relu" in tree
    assert "The network: " in tree
    outcome = chainrule("plot", "loans", "confusion_matrix", credit, "--out", "c.svg", "--lang", "zh")
    assert outcome.code == 0, outcome.err
    assert "已写入 c.svg" in outcome.out
    assert Path("c.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "best epoch" in chainrule("plot", "loans", "learning_curves").out


@pytest.mark.parametrize(
    ("words", "code", "fix"),
    [
        (("confusion_matrx",), "E101", "confusion_matrix"),
        (("confusion_matrix",), "E564", "chainrule plot loans confusion_matrix DATA"),
        (("filters",), "E560", "chainrule plot loans weights"),
        (("graph", "--out", "graph.jpg"), "E562", "graph.svg"),
    ],
)
def test_an_impossible_plot_is_refused_with_a_fix(
    chainrule, trained, words: tuple[str, ...], code: str, fix: str
) -> None:
    outcome = chainrule("plot", "loans", *words)
    assert outcome.code == 2
    assert code in outcome.err
    assert fix in outcome.err
    assert "Traceback" not in outcome.err


def test_the_report_has_histograms(chainrule) -> None:
    lines = ["left,up,half"] + [f"{i % 7},{i * 3 % 11},{'in' if i % 7 > 3 else 'out'}" for i in range(60)]
    Path("plane.csv").write_text("\n".join(lines), encoding="utf-8")
    words = ("train", "plane.csv", "--target", "half", "--epochs", 3, "--histograms", 1, "--out", "run")
    assert chainrule(*words, "--net", "4 tanh").code == 0
    source = Path("run/report.html").read_text(encoding="utf-8")
    assert "分布随轮数的变化" in source
    assert "Decision boundary" in source
    assert 'id="layer-dense1"' in source
    # curves; calibration, abstention, threshold, boundary; network; histograms; partial dependence
    assert source.count("<svg") == 2 + 4 + 1 + 3 * 2 + 2
    assert "Weights over the epochs" in chainrule("plot", "run", "weights").out
    assert chainrule("plot", "run", "weights", "--out", "w.png").code == 0
