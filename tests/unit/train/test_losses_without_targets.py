"""Losses without targets are trained without y, and refuse a y that could mean the opposite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn as peer

import chainrule as cr
from chainrule.errors import UsageError
from chainrule.nn.loss import LOSSES
from chainrule.symbolic_shape import Size, Spec

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 3, 5)).astype("float32")
SPECS = {"x": Spec((Size.symbol("B"), 3, 5), "float64")}
WITHOUT = [name for name, loss in LOSSES.items() if not loss.needs_target]


def model(loss: Any = "triplet_margin") -> cr.Model:
    net = cr.Sequential(cr.Dense(6, "tanh"), cr.Dense(4))
    return cr.Model(net, loss, cr.SGD(0.1), penalty=cr.L2(0.0), dtype="float64")


def twin(start: dict[str, np.ndarray]) -> Any:
    net = peer.Sequential(peer.Linear(5, 6), peer.Tanh(), peer.Linear(6, 4)).double()
    with torch.no_grad():
        for p, value in zip(net.parameters(), start.values(), strict=True):
            p.copy_(torch.from_numpy(value))
    return net


def test_a_training_without_y_matches_pytorch() -> None:
    ours = model().initialize(SPECS)
    names = ("dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias")
    start = ours.parameters()
    net = twin({name: start[name] for name in names})
    descent, x = torch.optim.SGD(net.parameters(), 0.1), torch.from_numpy(X.astype("float64"))
    for _ in range(10):
        descent.zero_grad()
        loss = peer.TripletMarginLoss()(*net(x).unbind(1))
        loss.backward()
        descent.step()
    ours.fit(X, epochs=10, batch_size=None, verbose=False)
    for name, value in zip(names, net.parameters(), strict=True):
        np.testing.assert_allclose(ours.parameters()[name], value.detach().numpy(), rtol=1e-8, atol=1e-10)
    expected = peer.TripletMarginLoss()(*net(x).unbind(1)).item()
    assert ours.evaluate(X)["loss"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("y", [np.zeros(48), np.ones(48), -np.ones(48), np.arange(48) % 2], ids=str)
def test_any_y_is_refused(y: np.ndarray) -> None:
    for call in (
        lambda: model().fit(X, y, verbose=False),
        lambda: fitted().evaluate(X, y),
        lambda: model().fit(X, validation=(X, y), verbose=False),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.code == "E132"
    with pytest.raises(UsageError) as caught:
        cr.triplet_margin(cr.constant(X), y)
    assert caught.value.fix == "cr.triplet_margin(prediction)"


def fitted() -> cr.Model:
    ours = model()
    ours.fit(X, epochs=1, verbose=False)
    return ours


def test_validation_weights_and_files_need_no_y(tmp_path: Any) -> None:
    ours = model()
    history = ours.fit(X, None, epochs=2, validation=0.25, sample_weight=np.ones(48), verbose=False)
    assert "val_loss" in history[-1]
    assert "val_loss" in ours.fit(X, epochs=1, validation=(X, None), verbose=False)[-1]
    ours.save(tmp_path / "model.safetensors")
    assert cr.load(tmp_path / "model.safetensors").evaluate(X) == ours.evaluate(X)
    assert ours.predict(X).shape == (48,)


def test_one_of_two_outputs_needs_no_y() -> None:
    net = cr.Parallel(merge_mode="none", apart=cr.Dense(4), score=cr.Sequential(cr.Flatten(), cr.Dense(1)))
    ours = cr.Model(net, {"apart": "triplet_margin", "score": "mse"})
    history = ours.fit(X, {"score": X[:, 0, 0]}, epochs=2, verbose=False)
    assert np.isfinite(history[-1]["loss"] or np.nan)
    with pytest.raises(UsageError, match="takes no targets"):
        ours.fit(X, {"score": X[:, 0, 0], "apart": np.ones(48)}, epochs=1, verbose=False)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_declares_whether_it_needs_a_target(name: str) -> None:
    assert (name in WITHOUT) == (name == "triplet_margin")
    with pytest.raises(UsageError) as caught:
        getattr(cr, name)(cr.constant(X), None if LOSSES[name].needs_target else X)
    assert caught.value.code == ("E133" if LOSSES[name].needs_target else "E132")
