"""The article's example: every number of the worked page, in the trace and in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from chainrule.derive.article import article, article_trace
from chainrule.errors import UsageError
from chainrule.notation import number
from chainrule.page.explanation import Explanation
from chainrule.trace import Trace

LANGUAGES = ("en", "zh")

FORWARD = {
    "z1": [0.4, -0.3, 0.5], "a1": [0.598688, 0.425557, 0.622459], "z2": [0.443040], "answer": [0.608983],
    "loss": [0.076447],
}  # fmt: skip
BACKWARD = {
    "answer": [-0.391017], "slope2": [0.238123], "z2": [-0.093110], "a1": [-0.065177, 0.046555, -0.027933],
    "slope1": [0.240261, 0.244458, 0.235004], "z1": [-0.015659, 0.011381, -0.006564],
}  # fmt: skip
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
    "z1": [0.85, 0.45, -1.15], "a1": [0.700567, 0.610639, 0.240489], "z2": [0.307224], "answer": [0.576208],
    "loss": [0.166008],
}  # fmt: skip
SECOND_BACK = {"z2": [0.140706], "z1": [0.020661, -0.016727, 0.007710]}
SIX = {"rtol": 0, "atol": 5.1e-7}  # the page shows six digits


@cache
def traced(samples: int = 1, end: str = "half_mse") -> Trace:
    return article_trace(samples, end)


@cache
def told(lang: str, depth: int = 2, samples: int = 1) -> Explanation:
    return article(lang, depth, samples)


def value_of(t: Trace, what: str, sample: int = 0, back: bool = False) -> np.ndarray:
    """The values of z1, a1, z2, the answer or the loss of one sample, or what comes back to them."""
    first, second = t.layers
    nodes = {"z1": first.z, "a1": first.a, "z2": second.z, "answer": second.a, "loss": t.derivation.each}
    if what.startswith("slope"):
        node = t.derivation.slopes()[{"slope1": first.a, "slope2": second.a}[what]]  # type: ignore[index]
    else:
        node = t.derivation.cotangents[nodes[what]] if back else nodes[what]  # type: ignore[index]
    return t.values[node][sample]  # type: ignore[index]


def test_forward_values() -> None:
    for what, wanted in FORWARD.items():
        np.testing.assert_allclose(value_of(traced(), what).reshape(-1), wanted, **SIX)


def test_what_comes_back() -> None:
    for what, wanted in BACKWARD.items():
        np.testing.assert_allclose(value_of(traced(), what, back=True).reshape(-1), wanted, **SIX)


def test_all_thirteen_derivatives_and_the_update() -> None:
    assert sum(g.size for g in traced().gradients.values()) == 13
    for path in GRADIENTS:
        np.testing.assert_allclose(traced().gradients[path], GRADIENTS[path], **SIX)
        np.testing.assert_allclose(traced().new_parameters[path], NEW[path], **SIX)


def test_promise_change_and_check() -> None:
    t = traced()
    found = [float(t.new_answers["y"][0, 0]), t.new_loss, t.new_loss - t.loss, t.promise]
    np.testing.assert_allclose(found, EFFECT, **SIX)
    assert t.checked.error < 1e-8
    assert len(t.checked.places) == t.checked.total == 13


def test_two_samples() -> None:
    t = traced(2)
    for what, wanted in SECOND.items():
        np.testing.assert_allclose(value_of(t, what, 1).reshape(-1), wanted, **SIX)
    for what, wanted in SECOND_BACK.items():
        np.testing.assert_allclose(value_of(t, what, 1, back=True).reshape(-1), wanted, **SIX)
    for path, wanted in MEANS.items():
        np.testing.assert_allclose(t.gradients[path], wanted, **SIX)
    np.testing.assert_allclose([t.loss, t.new_loss], [0.121227, 0.119981], **SIX)


@pytest.mark.parametrize(
    ("end", "delta", "answer"),
    [
        ("half_mse", -0.093110, 0.608983),
        ("half_mse_linear", -0.556960, 0.443040),
        ("binary_cross_entropy", -0.391017, 0.608983),
    ],
)
def test_the_switch_of_the_output(end: str, delta: float, answer: float) -> None:
    t = traced(1, end)
    np.testing.assert_allclose(value_of(t, "z2", back=True), [delta], **SIX)
    np.testing.assert_allclose(t.answers["y"], [[answer]], **SIX)
    assert f"δ₁⁽²⁾ = {'(ŷ − y)·ŷ·(1 − ŷ)' if end == 'half_mse' else 'ŷ − y'}" in str(article("en", end=end))


def flat(numbers: dict[str, list]) -> list[float]:
    return [float(v) for part in numbers.values() for v in np.asarray(part).reshape(-1)]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("depth", [2, 3])
def test_every_number_stands_in_the_text(lang: str, depth: int) -> None:
    text = str(told(lang, depth))
    numbers = flat(FORWARD) + flat(BACKWARD) + flat(GRADIENTS) + flat(NEW) + EFFECT
    assert [v for v in numbers if number(v, fixed=True) not in text] == []
    assert [word for word in SPLIT if word not in text] == []
    assert number(traced().checked.error, 2) in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_number_of_two_samples_stands_in_the_text(lang: str) -> None:
    text = str(told(lang, 2, 2))
    numbers = [*flat(MEANS), 0.576208, 0.166008, 0.140706, -0.093110, 0.121227, 0.119981]
    assert [v for v in numbers if number(v, fixed=True) not in text] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_depth_one_is_a_short_line_for_each_stop(lang: str) -> None:
    page = told(lang, 1)
    lines = [
        line for section in page.sections for part in section.parts for line in getattr(part, "texts", ())
    ]
    assert max(map(len, lines)) <= 120
    text = str(page)
    assert [v for v in flat(GRADIENTS) + flat(NEW) if number(v, fixed=True) not in text] == []


def reviewed(page: Explanation) -> str:
    """The text without the size of the check's rounding error, which is another one on another machine."""
    return re.sub(r"\d\.\d×10⁻[⁰¹²³⁴-⁹]+(, at | ?，出现在 )\S+?([.。])", r"…\1…\2", str(page))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_text_is_as_reviewed(lang: str, depth: int, golden: Callable[[str, str], None]) -> None:
    golden(f"explain/article-{depth}.{lang}.txt", reviewed(told(lang, depth)))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_text_of_two_samples_is_as_reviewed(lang: str, golden: Callable[[str, str], None]) -> None:
    golden(f"explain/article-two-samples.{lang}.txt", reviewed(told(lang, 2, 2)))


def test_what_there_is_not_is_refused() -> None:
    for arguments, code in (
        ({"lang": "de"}, "E101"),
        ({"depth": 4}, "E102"),
        ({"samples": 3}, "E102"),
        ({"end": "hinge"}, "E101"),
    ):
        with pytest.raises(UsageError) as caught:
            article(**arguments)  # type: ignore[arg-type]
        assert caught.value.code == code
