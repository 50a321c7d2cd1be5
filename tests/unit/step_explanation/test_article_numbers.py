"""The article's example: every number, in the trace and in the texts of both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from article import article, article_trace
from chainrule.errors import UsageError
from chainrule.notation import number
from chainrule.page.explanation import Explanation
from chainrule.trace import Trace

LANGUAGES = ("en", "zh")

FORWARD = {
    "z1": [0.4, -0.3, 0.5],
    "a1": [0.598688, 0.425557, 0.622459],
    "z2": [0.443040],
    "answer": [0.608983],
    "loss": [0.076447],
}
BACKWARD = {
    "answer": [-0.391017],
    "slope2": [0.238123],
    "z2": [-0.093110],
    "a1": [-0.065177, 0.046555, -0.027933],
    "slope1": [0.240261, 0.244458, 0.235004],
    "z1": [-0.015659, 0.011381, -0.006564],
}
GRADIENTS = {
    "dense1.weight": [[-0.015659, -0.007830], [0.011381, 0.005690], [-0.006564, -0.003282]],
    "dense1.bias": [-0.015659, 0.011381, -0.006564],
    "dense2.weight": [[-0.055744, -0.039624, -0.057957]],
    "dense2.bias": [-0.093110],
}
NEW = {
    "dense1.weight": [[0.107830, 0.403915], [-0.305690, 0.197155], [0.503282, -0.598359]],
    "dense1.bias": [0.107830, -0.105690, 0.303282],
    "dense2.weight": [[0.727872, -0.480188, 0.328979]],
    "dense2.bias": [0.096555],
}
EFFECT = [0.631323, 0.067961, -0.008486, -0.008823]
SPLIT = ["0.093110", "0.084827", "0.911", "0.020441", "0.241"]
MEANS = {
    "dense1.weight": [[-0.012995, 0.016746], [0.009872, -0.013882], [-0.005210, 0.006069]],
    "dense1.bias": [0.002501, -0.002673, 0.000573],
    "dense2.weight": [[0.021415, 0.023148, -0.012060]],
    "dense2.bias": [0.023798],
}
SECOND = {
    "z1": [0.85, 0.45, -1.15],
    "a1": [0.700567, 0.610639, 0.240489],
    "z2": [0.307224],
    "answer": [0.576208],
    "loss": [0.166008],
}
SECOND_BACK = {"z2": [0.140706], "z1": [0.020661, -0.016727, 0.007710]}
SIX = {"rtol": 0, "atol": 5.1e-7}  # the page shows six digits


@cache
def traced(samples: int = 1, end: str = "half_mse") -> Trace:
    return article_trace(samples, end)


@cache
def trace_of(lang: str, depth: int = 2, samples: int = 1) -> Explanation:
    return article(lang, depth, samples)


def value_of(t: Trace, what: str, sample: int = 0, back: bool = False) -> np.ndarray:
    """Values of z1, a1, z2, the prediction or the loss of one sample, or their cotangents."""
    first, second = t.layers
    nodes = {
        "z1": first.z,
        "a1": first.a,
        "z2": second.z,
        "answer": second.a,
        "loss": t.derivation.sample_losses,
    }
    if what.startswith("slope"):
        layer = first if what == "slope1" else second
        node = t.derivation.local_derivatives()[layer.a]  # type: ignore[index]
    else:
        node = t.derivation.cotangents[nodes[what]] if back else nodes[what]  # type: ignore[index]
    return t.values[node][sample]  # type: ignore[index]


def test_forward_values() -> None:
    for what, expected in FORWARD.items():
        np.testing.assert_allclose(value_of(traced(), what).reshape(-1), expected, **SIX)


def test_error_signals() -> None:
    for what, expected in BACKWARD.items():
        np.testing.assert_allclose(value_of(traced(), what, back=True).reshape(-1), expected, **SIX)


def test_derivatives_and_update() -> None:
    assert sum(g.size for g in traced().gradients.values()) == 13
    for path in GRADIENTS:
        np.testing.assert_allclose(traced().gradients[path], GRADIENTS[path], **SIX)
        np.testing.assert_allclose(traced().new_parameters[path], NEW[path], **SIX)


def test_predicted_and_actual_change_and_gradient_check() -> None:
    t = traced()
    values = [float(t.new_predictions["y"][0, 0]), t.new_loss, t.new_loss - t.loss, t.predicted_change]
    np.testing.assert_allclose(values, EFFECT, **SIX)
    assert t.gradient_check.error < 1e-8
    assert len(t.gradient_check.places) == t.gradient_check.total == 13


def test_two_samples() -> None:
    t = traced(2)
    for what, expected in SECOND.items():
        np.testing.assert_allclose(value_of(t, what, 1).reshape(-1), expected, **SIX)
    for what, expected in SECOND_BACK.items():
        np.testing.assert_allclose(value_of(t, what, 1, back=True).reshape(-1), expected, **SIX)
    for path, expected in MEANS.items():
        np.testing.assert_allclose(t.gradients[path], expected, **SIX)
    np.testing.assert_allclose([t.loss, t.new_loss], [0.121227, 0.119981], **SIX)


@pytest.mark.parametrize(
    ("end", "delta", "prediction"),
    [
        ("half_mse", -0.093110, 0.608983),
        ("half_mse_linear", -0.556960, 0.443040),
        ("binary_cross_entropy", -0.391017, 0.608983),
    ],
)
def test_the_end_of_the_network_can_be_chosen(end: str, delta: float, prediction: float) -> None:
    t = traced(1, end)
    np.testing.assert_allclose(value_of(t, "z2", back=True), [delta], **SIX)
    np.testing.assert_allclose(t.predictions["y"], [[prediction]], **SIX)
    assert f"δ₁⁽²⁾ = {'(ŷ − y)·ŷ·(1 − ŷ)' if end == 'half_mse' else 'ŷ − y'}" in str(article("en", end=end))


def flat(numbers: dict[str, list]) -> list[float]:
    return [float(v) for part in numbers.values() for v in np.asarray(part).reshape(-1)]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("depth", [2, 3])
def test_every_number_is_in_the_text(lang: str, depth: int) -> None:
    text = str(trace_of(lang, depth))
    numbers = flat(FORWARD) + flat(BACKWARD) + flat(GRADIENTS) + flat(NEW) + EFFECT
    assert [v for v in numbers if number(v, fixed=True) not in text] == []
    assert [word for word in SPLIT if word not in text] == []
    assert number(traced().gradient_check.error, 2) in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_number_of_two_samples_is_in_the_text(lang: str) -> None:
    text = str(trace_of(lang, 2, 2))
    numbers = [*flat(MEANS), 0.576208, 0.166008, 0.140706, -0.093110, 0.121227, 0.119981]
    assert [v for v in numbers if number(v, fixed=True) not in text] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_depth_one_has_a_short_line_per_stop(lang: str) -> None:
    page = trace_of(lang, 1)
    lines = [
        line for section in page.sections for part in section.parts for line in getattr(part, "texts", ())
    ]
    assert max(map(len, lines)) <= 120
    text = str(page)
    assert [v for v in flat(GRADIENTS) + flat(NEW) if number(v, fixed=True) not in text] == []


def reviewed(page: Explanation) -> str:
    """The text without the rounding error of the gradient check, which depends on the machine."""
    return re.sub(r"\d\.\d×10⁻[⁰¹²³⁴-⁹]+(, at | ?，出现在 )\S+?([.。])", r"…\1…\2", str(page))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_text_matches_the_golden_file(lang: str, depth: int, golden: Callable[[str, str], None]) -> None:
    golden(f"explain/article-{depth}.{lang}.txt", reviewed(trace_of(lang, depth)))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_text_of_two_samples_matches_the_golden_file(
    lang: str, golden: Callable[[str, str], None]
) -> None:
    golden(f"explain/article-two-samples.{lang}.txt", reviewed(trace_of(lang, 2, 2)))


def test_invalid_arguments_are_refused() -> None:
    for arguments, code in (
        ({"lang": "de"}, "E101"),
        ({"depth": 4}, "E102"),
        ({"samples": 3}, "E102"),
        ({"end": "hinge"}, "E101"),
    ):
        with pytest.raises(UsageError) as caught:
            article(**arguments)  # type: ignore[arg-type]
        assert caught.value.code == code
