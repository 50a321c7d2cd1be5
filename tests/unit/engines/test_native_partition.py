"""Undivided batches: the calls are divided among replicas, and results do not depend on their number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines.native.runtime.partition import Partition

CORES = (1, 2, 3, 8)


def images() -> cr.nn.Layer:
    """Every kind of convolution, with layers in which samples interact."""
    block = cr.Sequential(cr.Conv(24, 3, padding="same", bias=False), cr.BatchNorm(), cr.Activation("relu"))
    return cr.Sequential(
        cr.Conv(16, 3, padding="same"),
        cr.BatchNorm(),
        cr.Activation("relu"),
        block,
        cr.Conv(32, 3, stride=2, padding=1),
        cr.BatchNorm(),
        cr.Activation("tanh"),
        cr.MaxPool(2),
        cr.Conv(20, 1),
        cr.GroupNorm(4),
        cr.GlobalAveragePool(),
        cr.Dense(5),
    )


def table() -> cr.nn.Layer:
    return cr.Sequential(cr.Dense(96), cr.BatchNorm(), cr.Activation("gelu"), cr.Dropout(0.3), cr.Dense(5))


def sentences() -> cr.nn.Layer:
    return cr.Sequential(
        cr.Embedding(11, 32), cr.MultiHeadAttention(4), cr.BatchNorm(), cr.GlobalAveragePool(), cr.Dense(5)
    )


rng = np.random.default_rng(0)
NETS: dict[str, tuple[Callable[[], Any], np.ndarray]] = {
    "images": (images, rng.standard_normal((48, 10, 10, 3)).astype("f4")),
    "table": (table, rng.standard_normal((48, 30)).astype("f4")),
    "sentences": (sentences, rng.integers(0, 11, (48, 12))),
}
Y = rng.integers(0, 5, 48)


def trained(name: str, engine: str = "native", dtype: str = "float32") -> cr.Model:
    net, x = NETS[name]
    model = cr.Model(net(), "cross_entropy", cr.SGD(0.05, momentum=0.9), engine=engine, dtype=dtype)
    model.fit(x, Y, epochs=3, batch_size=24, seed=0, verbose=False)
    return model


@pytest.mark.parametrize("name", NETS)
def test_bits_do_not_depend_on_the_number_of_replicas(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.engines.native.runtime.replicas.MIN_STEP_FLOPS", 0)
    monkeypatch.setattr("chainrule.engines.native.runtime.replicas.MIN_ELEMENTS", 1)
    parameters = {}
    for cores in CORES:
        with cr.settings.using(threads=min(cores, 3), cores=cores):
            parameters[cores] = trained(name).parameters()
    assert parameters[1]
    for path, first in parameters[1].items():
        for cores in CORES[1:]:
            assert parameters[cores][path].tobytes() == first.tobytes(), f"{path} on {cores} cores"


@pytest.mark.parametrize("name", NETS)
def test_parameters_match_the_reference_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.engines.native.runtime.replicas.MIN_STEP_FLOPS", 0)
    monkeypatch.setattr("chainrule.engines.native.runtime.replicas.MIN_ELEMENTS", 1)
    monkeypatch.setattr(cr.settings, "cores", 2)
    expected = trained(name, "reference", "float64").parameters()
    assert expected
    for path, value in trained(name, dtype="float64").parameters().items():
        np.testing.assert_allclose(value, expected[path], rtol=1e-8, atol=1e-10, err_msg=path)


@pytest.mark.parametrize("slices", [1, 2, 3, 8])
@pytest.mark.parametrize(("length", "grain"), [(1, 1), (7, 3), (64, 16), (100, 32)])
def test_slices_cover_the_axis_once(length: int, grain: int, slices: int) -> None:
    cuts = Partition(length, 0, (), grain).cuts(slices)
    assert cuts[0] == 0
    assert cuts[-1] == length
    assert cuts == sorted(cuts)
    assert all(cut % grain == 0 for cut in cuts[:-1])
