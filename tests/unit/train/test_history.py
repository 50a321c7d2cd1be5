"""The history of a training as an interpreter and a notebook show it."""

from __future__ import annotations

import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import chainrule as cr
from chainrule.events import EpochDone, Notice, StepDone, TrainingStarted
from chainrule.train.history import History
from chainrule.train.monitor.progress import in_notebook, is_verbose
from chainrule.train.monitor.progress_bar import NotebookProgress

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")


def rows(count: int, best: int) -> list[dict[str, float]]:
    return [
        {"epoch": i, "loss": 1 / i, "val_loss": abs(i - best) + 0.5, "val_member0_loss": 1.0}
        for i in range(1, count + 1)
    ]


def test_a_history_is_a_list_of_rows() -> None:
    history = History(rows(3, 2), 2)
    assert history == rows(3, 2)
    assert history[-1]["loss"] == 1 / 3
    assert [row["epoch"] for row in history[:2]] == [1, 2]
    copy = pickle.loads(pickle.dumps(history))
    assert (copy, copy.best_epoch) == (rows(3, 2), 2)


@pytest.mark.parametrize("count", [0, 1, 2, 8, 9, 60, 5000])
def test_the_table_has_the_best_epoch_and_few_rows(count: int) -> None:
    best = max(1, count // 2)
    history = History(rows(count, best), best if count else None)
    lines = repr(history).splitlines()
    assert len(lines) <= 13
    if count == 0:
        assert lines == ["History without epochs"]
        return
    assert lines[0] == f"History of {count} epoch{'s' * (count > 1)}; best epoch: {best}"
    assert [line.split()[1] for line in lines if line.startswith("*")] == [str(best)]
    assert "val_member0_loss" not in lines[1]
    html = history._repr_html_()
    assert html.count("<tr") == len(lines) - 1
    assert html.count("font-weight:bold") == 1
    with cr.settings.using(lang="zh"):
        assert repr(history).startswith(f"{count} 轮训练的记录；最佳轮：{best}")


def test_the_best_epoch_is_that_of_the_weights() -> None:
    model = cr.Model(cr.Dense(1), "mse", cr.SGD(0.1))
    history = model.fit(
        X,
        X[:, 0],
        epochs=12,
        validation=0.25,
        seed=0,
        verbose=False,
        callbacks=[cr.EarlyStopping(patience=3)],
    )
    assert isinstance(history, History)
    assert history == model.history == model.state.history
    assert history.best_epoch == model.facts["best_epoch"]
    last = model.fit(X, X[:, 0], epochs=3, seed=0, verbose=False)
    losses = [row["loss"] for row in last]
    assert last.best_epoch == 1 + losses.index(min(losses))
    assert cr.Model(cr.Dense(1), "mse").history == []


def test_a_kernel_of_ipython_is_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()
    shell = SimpleNamespace(kernel=1)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert in_notebook()
    assert (is_verbose(None), is_verbose(False)) == (True, False)


def test_the_progress_is_one_line_that_is_updated() -> None:
    updates: list[str] = []
    progress = NotebookProgress()
    progress.handle = SimpleNamespace(update=lambda line: updates.append(repr(line)))
    progress(TrainingStarted(rows=8, epochs=500, steps_per_epoch=2, parameters=9))
    for epoch in range(500):
        progress(StepDone(step=2 * epoch + 2, epoch=epoch, batch=1, loss=0.5, learning_rate=0.01))
        progress(EpochDone(epoch=epoch + 1, step=2 * epoch + 2, values={"epoch": epoch + 1, "loss": 0.25}))
    progress(Notice("a <b>"))
    progress.finish()
    assert len(updates) < 50
    assert updates[-1] == "a <b>\nepoch 500 / 500  loss 0.25  rate 0.01"
    assert '<progress value="1000" max="1000">' in progress._repr_html_()
    assert "a &lt;b&gt;" in progress._repr_html_()
    with cr.settings.using(lang="zh"):
        assert progress.line == "第 500 / 500 轮  损失 0.25  学习率 0.01"
