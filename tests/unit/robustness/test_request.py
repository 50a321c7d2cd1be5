"""``Model.attack``: units, bad input, masked gradients, tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import TrainingError, UsageError
from chainrule.robustness.attack_result import Share
from chainrule.robustness.attacks import checkpoints
from chainrule.robustness.gradient_masking import MaskingCheck


class Masked(cr.Layer):
    """Rounds its input and hides the gradient."""

    body: cr.Layer

    def __call__(self, x: Any, scope: Any) -> Any:
        rounded = cr.floor(x * 8 + 0.5) / 8
        return scope.run(self.body, cr.custom_gradient(rounded, [(x, 0.0)]), "body")


def images(rows: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright upper or lower half."""
    rng = np.random.default_rng(2)
    y = np.arange(rows) % 2
    x = rng.uniform(0, 0.7, (rows, 4, 4, 1)).astype("float32")
    x[y == 0, :2] += 0.3
    x[y == 1, 2:] += 0.3
    return x, y


def trained(net: cr.Layer, x: np.ndarray, y: np.ndarray) -> cr.Model:
    model = cr.Model(net, "cross_entropy", cr.Adam(0.02))
    model.fit(x, y, epochs=30, seed=0, verbose=False)
    return model


def plain_net() -> cr.Layer:
    return cr.Sequential(cr.Flatten(), cr.Dense(8, "relu"), cr.Dense(2))


def test_masked_gradients_are_reported_and_others_are_not() -> None:
    x, y = images()
    options: dict[str, Any] = {"radius": 0.2, "method": "ensemble", "steps": 10, "queries": 60}
    plain = trained(plain_net(), x, y).attack(x, y, **options)
    masked = trained(Masked(plain_net()), x, y).attack(x, y, **options)
    assert plain.suspicions == ()
    assert len(plain.checks) >= 4
    assert {"zero_gradient", "black_box"} <= {check.name for check in masked.suspicions}
    assert "cannot be believed" in str(masked)
    assert "cannot be believed" not in str(plain)


@pytest.mark.parametrize("radius", [-0.1, float("nan"), float("inf"), 8, "1", True])
def test_a_radius_that_is_none_is_refused(radius: Any) -> None:
    x, y = images()
    with pytest.raises(UsageError, match="radius") as raised:
        trained(plain_net(), x, y).attack(x, y, radius=radius)
    assert raised.value.code == "E102"
    assert "radius=" in raised.value.fix


def test_a_radius_in_steps_of_8_bits_is_recognized() -> None:
    x, y = images()
    with pytest.raises(UsageError) as raised:
        trained(plain_net(), x, y).attack(x, y, radius=8)
    assert raised.value.fix == "radius=8/255"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"norm": "1"}, "E101"),
        ({"method": "pdg"}, "E101"),
        ({"step": 3}, "E101"),
        ({"steps": 0}, "E102"),
        ({"restarts": 1.5}, "E102"),
        ({"bounds": (1, 0)}, "E102"),
        ({"seed": "a"}, "E102"),
        ({"method": "square", "share": 0}, "E102"),
        ({"step_size": -1}, "E102"),
    ],
)
def test_options_out_of_their_range_are_refused(options: dict[str, Any], code: str) -> None:
    x, y = images()
    with pytest.raises(UsageError) as raised:
        trained(plain_net(), x, y).attack(x, y, radius=0.1, **options)
    assert raised.value.code == code


def test_a_model_of_values_is_refused() -> None:
    x, _ = images()
    model = cr.Model(cr.Sequential(cr.Flatten(), cr.Dense(1)), "mse")
    with pytest.raises(TrainingError, match="E503"):
        model.attack(x, x[:, 0, 0, 0], radius=0.1)
    model.fit(x, x[:, 0, 0, 0], epochs=1, verbose=False)
    with pytest.raises(TrainingError, match="E570"):
        model.attack(x, x[:, 0, 0, 0], radius=0.1)


def test_samples_without_labels_are_refused() -> None:
    x, y = images()
    with pytest.raises(UsageError, match="E122"):
        trained(plain_net(), x, y).attack(x, radius=0.1)


def test_tokens_are_attacked_in_the_vectors_of_their_embedding() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(1, 7, (40, 4))
    y = np.where(x[:, 0] > 3, "high", "low")
    net = cr.Sequential(cr.Embedding(7, 3), cr.Flatten(), cr.Dense(2))
    model = trained(net, x, y)
    result = model.attack(x, y, radius=0.6)
    assert result.is_embedded
    assert result.adversarial.shape == (40, 4, 3)
    assert (np.abs(result.adversarial.astype(np.float64) - result.x) <= 0.6).all()
    assert result.robust_accuracy.value < result.clean_accuracy.value
    assert result.classes == ("high", "low")
    assert "no attack with real texts" in str(result)


def test_a_page_has_both_languages_and_images() -> None:
    x, y = images()
    result = trained(plain_net(), x, y).attack(x, y, radius=0.3, lang="zh")
    html = result.to_html()
    assert "攻击下的准确率" in html
    assert "Accuracy under the attack" in html
    assert html.count("<svg") == len(result.worst()) > 0


def test_a_share_has_the_standard_error_of_a_proportion() -> None:
    assert Share(1, 4).standard_error == pytest.approx(np.sqrt(0.25 * 0.75 / 4))
    assert str(Share(4, 4)) == "100.0 % ± 15.3 %"


def test_intervals_of_checkpoints_shrink_to_six_hundredths() -> None:
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(1000)[:3] == [220, 410, 570]


def test_a_check_tolerates_five_percent_and_chance() -> None:
    assert not MaskingCheck("one_step", 3, 58).is_suspicious
    assert MaskingCheck("one_step", 8, 58).is_suspicious
    assert MaskingCheck("unlimited", 2, 2).is_suspicious
    assert not MaskingCheck("unlimited", 0, 1).is_suspicious
    assert MaskingCheck("black_box", 30, 389).is_suspicious
