"""Validation rows are selected by index: large inputs are not copied, and the bits are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.data.augmentation.geometry import Flip
from chainrule.data.batches import arrays
from chainrule.data.batches.arrays import RowView

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(90, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
WORDS = GENERATOR.integers(1, 9, (90, 7)) * (np.arange(7) < GENERATOR.integers(2, 8, (90, 1)))
IMAGES = GENERATOR.uniform(size=(90, 6, 6, 1)).astype(np.float32)


def dense() -> Any:
    return cr.Sequential(cr.Dense(5, activation="tanh"), cr.Dense(2))


def words() -> Any:
    return cr.Sequential(cr.Embedding(9, 4, padding_index=0), cr.Masking(cr.LSTM(5)), cr.Dense(2))


def images() -> Any:
    return cr.Sequential(cr.Conv(3, 3), cr.Flatten(), cr.Dense(2))


def branches() -> Any:
    return cr.Sequential(cr.Parallel(left=cr.Dense(3), right=cr.Dense(3)), cr.Dense(2))


WAYS: dict[str, tuple[Callable[[], Any], Any, dict[str, Any]]] = {
    "plain": (dense, X, {}),
    "last batch short": (dense, X, {"batch_size": 17}),
    "one batch": (dense, X, {"batch_size": None}),
    "sample weights": (dense, X, {"sample_weight": np.arange(1.0, 91.0)}),
    "class weights": (dense, X, {"class_weight": "balanced"}),
    "not shuffled": (dense, X, {"shuffle": False}),
    "step by step": (dense, X, {"callbacks": [lambda event: None]}),
    "two inputs": (branches, {"left": X, "right": X[:, :3]}, {}),
    "words": (words, WORDS, {}),
    "buckets": (words, WORDS, {"buckets": 2}),
    "images": (images, IMAGES, {}),
    "augmentation": (images, IMAGES, {"augmentation": cr.Augmentation(Flip())}),
}


@pytest.fixture
def splits(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    return lambda are_views: monkeypatch.setattr(arrays, "LARGE", 0 if are_views else 1 << 60)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("way", WAYS)
def test_a_view_of_the_rows_trains_to_the_same_bits_as_a_copy(
    way: str, engine: str, splits: Callable[[bool], None]
) -> None:
    net, x, options = WAYS[way]
    results = []
    for are_views in (False, True):
        splits(are_views)
        model = cr.Model(net(), loss="cross_entropy", engine=engine)
        history = model.fit(x, Y, epochs=3, validation=0.2, **{"batch_size": 16, **options})
        results.append((history, model.parameters()))
    (history, parameters), (other, others) = results
    assert history == other
    assert "val_loss" in history[-1]
    for path, value in parameters.items():
        np.testing.assert_array_equal(value, others[path], err_msg=path)


def test_a_run_saved_with_copies_is_resumed_with_views(
    tmp_path: Path, splits: Callable[[bool], None]
) -> None:
    def fit(epochs: int, run: Path | None, **options: Any) -> cr.Model:
        model = cr.Model(dense(), loss="cross_entropy")
        model.fit(X, Y, epochs=epochs, validation=0.2, run=run, **options)
        return model

    splits(False)
    fit(2, tmp_path / "run")
    uninterrupted = fit(4, None)
    splits(True)
    resumed = fit(4, tmp_path / "run", resume=True)
    assert resumed.history == uninterrupted.history


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(-3, 12), st.integers(1, 4))
def test_a_view_equals_a_copy(index: list[int], start: int, step: int) -> None:
    array = np.arange(60.0).reshape(10, 3, 2)
    view, copy = RowView(array, np.array(index)), array[index]
    assert (view.shape, view.dtype, view.ndim, view.size, len(view)) == (
        copy.shape,
        copy.dtype,
        copy.ndim,
        copy.size,
        len(copy),
    )
    np.testing.assert_array_equal(np.asarray(view), copy)
    np.testing.assert_array_equal(view[start::step], copy[start::step])
    some = np.arange(0, len(index), step)
    np.testing.assert_array_equal(view[some], copy[some])
    np.testing.assert_array_equal(view[0], copy[0])


PEAKS = """
import gc, json, tracemalloc
import numpy as np
import chainrule as cr

x, y = cr.map_array("x.npy"), np.arange(60_000) % 2
words = cr.map_array("words.npy")
def model(*layers):
    return cr.Model(cr.Sequential(*layers, cr.Dense(2)), loss="cross_entropy")
dense = model(cr.Dense(8, activation="relu"))
dense.fit(x[:100], y[:100], epochs=1)
reader = model(cr.Embedding(50, 2), cr.Flatten())
ways = {
    "fraction": lambda: dense.fit(x, y, epochs=1, batch_size=500, validation=0.1),
    "pair": lambda: dense.fit(x, y, epochs=1, batch_size=500, validation=(x, y)),
    "weights": lambda: dense.fit(
        x, y, epochs=1, batch_size=500, validation=0.1, sample_weight=np.ones(60_000), class_weight="balanced"
    ),
    "saved": lambda: dense.fit(x, y, epochs=1, batch_size=500, validation=0.1, run="run"),
    "words": lambda: reader.fit(words, y, epochs=1, batch_size=500, validation=0.1),
    "evaluate": lambda: dense.evaluate(x, y),
    "predict": lambda: dense.predict(x),
}
tracemalloc.start()
peaks = {}
for way, run in ways.items():
    gc.collect()
    tracemalloc.reset_peak()
    run()
    peaks[way] = tracemalloc.get_traced_memory()[1]
print(json.dumps(peaks))
"""
MEASURED = ["fraction", "pair", "weights", "saved", "words", "evaluate", "predict"]
MAPPED = 60_000 * 256 * 4  # bytes


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The peak of the memory of each way, in another process; what one keeps counts for the next ones."""
    folder = tmp_path_factory.mktemp("mapped")
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, (60_000, 256))
    x[:] = np.linspace(-1, 1, 256, dtype=np.float32)
    np.save(folder / "words.npy", np.ones((60_000, 256), np.float32))
    (folder / "peaks.py").write_text(PEAKS)
    call = [sys.executable, "-W", "ignore", "peaks.py"]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", MEASURED)
def test_memory_mapped_arrays_are_not_loaded(way: str, peaks: dict[str, int]) -> None:
    assert peaks.keys() == set(MEASURED)
    assert peaks[way] < 0.4 * MAPPED
