"""The rule on the initial loss separates sound networks from faulty ones where the loss alone does not."""

from __future__ import annotations

import pytest
from campaigns.doctor_cases.initial_losses import FAULTY, SOUND, initial_loss, reported
from campaigns.doctor_cases.training import trained

import chainrule as cr


@pytest.mark.parametrize("name", SOUND)
def test_sound_networks_are_not_reported(name: str) -> None:
    assert not any(reported(SOUND[name](seed), seed) for seed in range(3))


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_networks_are_reported(name: str) -> None:
    assert all(reported(FAULTY[name](seed), seed) for seed in range(3))


def test_the_initial_loss_alone_does_not_separate_them() -> None:
    sound = {"ten layers, 2 classes": 1021, "five relu layers": 1065, "gelu": 1034}
    faulty = {"biases up to 60": 224}
    assert min(initial_loss(SOUND[name](seed), seed) for name, seed in sound.items()) > 5
    assert max(initial_loss(FAULTY[name](seed), seed) for name, seed in faulty.items()) < 4
    assert not any(reported(SOUND[name](seed), seed) for name, seed in sound.items())
    assert all(reported(FAULTY[name](seed), seed) for name, seed in faulty.items())


@pytest.mark.parametrize(("name", "seed"), [("biases up to 60", 224), ("inputs in hundreds", 0)])
def test_faults_are_reported_in_a_training(name: str, seed: int) -> None:
    x, y, net = FAULTY[name](seed)
    assert "first-loss" in trained(cr.Model(net, "cross_entropy"), x, y, epochs=1, seed=seed)


@pytest.mark.parametrize(("name", "seed"), [("ten layers, 2 classes", 1021), ("five relu layers", 1065)])
def test_sound_trainings_are_not_reported(name: str, seed: int) -> None:
    x, y, net = SOUND[name](seed)
    assert "first-loss" not in trained(cr.Model(net, "cross_entropy"), x, y, epochs=1, seed=seed)


def test_the_layer_that_makes_the_scores_large_is_named() -> None:
    x, y, net = FAULTY["scores 23 times too large"](0)
    findings = cr.Model(net, "cross_entropy").check(x, y, lang="en").findings
    assert next(f for f in findings if f.rule.id == "first-loss").evidence.layer == "dense2"
