"""``chainrule show`` of building blocks: all of them, in both languages, with plot and example."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from case_loops import loop_over
from chainrule.catalog import KINDS, block, resolve_kind, sample_curve, to_html, to_unicode
from chainrule.catalog.kind import DERIVED
from chainrule.messages import is_known
from chainrule.ops import CARDS
from chainrule.step_explanation.braille_plot import plot
from chainrule.step_explanation.line_chart import ticks

HAN = re.compile("[一-鿿]")
BLOCKS = [(kind.name, name) for kind in KINDS.values() for name in kind.entries]


@pytest.mark.long
@loop_over(("kind", "name"), BLOCKS, ids=[" ".join(pair) for pair in BLOCKS])
def test_every_block_is_shown_with_an_example(chainrule, kind: str, name: str) -> None:
    outcome = chainrule("show", kind, name, "--lang", "zh")
    assert outcome.code == 0, outcome.err
    first, sentence, *_ = outcome.out.splitlines()
    assert first.startswith(f"{name}  ")
    assert HAN.search(sentence)
    assert "\n示例\n  >>> " in outcome.out
    assert ("⠀" in outcome.out) == (kind in ("activation", "schedule"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_has_a_meaning(kind: str) -> None:
    blocks = [block(kind, name) for name in KINDS[kind].entries if kind != "op"]
    assert [f"{b.name}: {a.name}" for b in blocks for a in b.arguments if not a.meaning] == []
    sent = [f"{b.name}: {a.name}" for b in blocks for a in b.arguments if a.meaning.startswith("as in ")]
    assert sent == [], "the meaning is on another page"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_lists_its_blocks(chainrule, kind, lang: str) -> None:
    lines = chainrule("show", kind.plural, "--lang", lang).out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(kind.entries)
    assert all(HAN.search(line) for line in lines) == (lang == "zh")


def test_the_english_page_has_all_sections(chainrule) -> None:
    page = chainrule("show", "activation", "leaky_relu").out
    for part in (
        "f(x) = where(x > 0, x, slope·x)",
        "slope     0.01",
        "PyTorch: LeakyReLU",
        "Maas, Hannun and Ng",
        "[-1.0, -0.01, 0.0, 1.0, 100.0]",
        "[0.01, 0.01, 0.01, 1.0, 1.0]",
    ):
        assert part in page, part
    assert not HAN.search(page)
    page = chainrule("show", "layer", "Dense").out
    for heading in ("Formula", "Arguments", "Shapes", "Cost", "Raises", "Example"):
        assert f"\n{heading}\n" in page


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (("layer", "Dens"), "show layer Dense"),
        (("layer", "relu"), "show activation relu"),
        (("loss", "mze"), "show loss mse"),
        (("op", "sigmiod"), "show op sigmoid"),
        (("layre", "Dense"), "show layer Dense"),
        (("layer", "LeakyReLU"), "show activation leaky_relu"),
        (("callback", "ReduceLROnPlateau"), "show schedule ReduceOnPlateau"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(chainrule, words: tuple[str, str], fix: str) -> None:
    outcome = chainrule("show", *words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert f"chainrule {fix}\n" in outcome.err


def test_a_name_without_counterpart_is_refused_with_the_reason(chainrule) -> None:
    assert "RNNBase of PyTorch: cr.scan, the loop" in chainrule("show", "layer", "RNNBase").err
    assert "SyncBatchNorm of PyTorch: left out" in chainrule("show", "layer", "SyncBatchNorm").err


@pytest.mark.parametrize(
    ("kind", "name", "own"),
    [
        ("loss", "BCEWithLogitsLoss", "binary_cross_entropy"),
        ("optimizer", "SGD", "sgd"),
        ("initializer", "Orthogonal", "orthogonal"),
        ("activation", "Tanh", "tanh"),
        ("layer", "dense", "Dense"),
        ("layer", "Linear", "Dense"),
        ("layer", "LazyConv2d", "Conv"),
        ("layer", "BatchNormalization", "BatchNorm"),
        ("initializer", "kaiming_normal_", "he_normal"),
        ("schedule", "CosineAnnealingLR", "Cosine"),
        ("callback", "ModelCheckpoint", "Checkpoint"),
    ],
)
def test_a_block_is_shown_by_its_other_names(chainrule, kind: str, name: str, own: str) -> None:
    assert chainrule("show", kind, name).out.startswith(f"{own}\n")


def test_a_folder_with_the_name_of_a_kind_is_shown_as_a_run(chainrule, run) -> None:
    run.rename("layers")
    assert "Network" in chainrule("show", "layers").out
    assert resolve_kind("RUN") is None


def test_every_block_has_its_own_chinese_texts() -> None:
    operations = {card.name: card.chinese for card in CARDS}
    assert all(operations.values())
    assert {*operations, *DERIVED} == set(KINDS["op"].entries)
    blocks = [block(kind, name) for kind, name in BLOCKS]
    assert len({(b.kind.name, b.chinese) for b in blocks}) == len(blocks), "two blocks share their texts"


def test_every_phrase_of_a_card_has_chinese() -> None:
    constraints = {text for card in CARDS for text in card.constraints.values()}
    rules = (rule for card in CARDS for rule in card.pullbacks.values())
    reasons = {rule.reason for rule in rules if not isinstance(rule, str)}
    assert len(constraints) > 40
    assert [text for text in constraints | reasons if not is_known(text)] == []


def test_the_plot_of_an_activation_has_its_values_and_derivatives() -> None:
    x = np.linspace(-4, 4, 161)
    curve = sample_curve("activation", "tanh", KINDS["activation"].entries["tanh"])
    assert curve is not None
    np.testing.assert_allclose(curve.series["f"], np.tanh(x), atol=1e-12)
    np.testing.assert_allclose(curve.series["f′"], 1 - np.tanh(x) ** 2, atol=1e-12)
    soft = sample_curve("activation", "softmax", KINDS["activation"].entries["softmax"])
    assert soft is not None
    np.testing.assert_allclose(soft.series["f"], 1 / (1 + np.exp(-x)), atol=1e-12)


@given(arrays(np.float64, st.integers(2, 60), elements=st.floats(-1e6, 1e6)))
def test_a_plot_has_a_dot_in_every_column(y: np.ndarray) -> None:
    lines = plot(np.arange(len(y), dtype=np.float64), y, 12, 4)
    assert len(lines) == 5
    cells = [line[-12:] for line in lines[:-1]]
    assert all(any(row[i] != "⠀" for row in cells) for i in range(12))


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_few_and_inside(low: float, span: float) -> None:
    values = ticks(low, low + span)
    slack = span * 1e-6 + abs(low) * 1e-9
    assert len(values) <= 8
    assert all(low - slack <= tick <= low + span + slack for tick in values)


@given(st.text("abxyw01 ^_()<>=-*|`.,", max_size=40))
def test_any_text_is_converted_to_html_and_unicode(text: str) -> None:
    assert to_html(text).count("<sup>") == to_html(text).count("</sup>")
    assert "\x01" not in to_html(text)
    assert to_unicode(text).count("x") <= text.count("x")
