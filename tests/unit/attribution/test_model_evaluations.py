"""Attributions of models: attention rollout, class activation maps, checks, and the texts of the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from attribution_cases import CASES, CLASSES, KINDS, normal_numbers, ready
from chainrule.attribution.methods.grad_cam import resize
from chainrule.attribution.sanity_check import Sanity, rank_correlation
from chainrule.engines import evaluate
from chainrule.errors import UsageError

TABLE = {
    "size": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "color": ["red", "blue", "red", "green", "blue", "red"],
    "price": [10.0, 24.0, 31.0, 39.0, 53.0, 60.0],
}


def test_rollout_is_the_product_of_the_attention_matrices() -> None:
    model, x = ready(KINDS["patches"])
    attribution = model.attribute(x, "attention_rollout")
    assert model.network is not None
    notes = model.network.inference.book.notes
    (weights,) = [node for path, node in notes.items() if path.endswith("weights")]
    attention = evaluate(weights, {**model.state.arrays, "x": x}, "reference").mean((1, 3))  # (n, Tq, Tk)
    row = (0.5 * np.eye(attention.shape[-1]) + 0.5 * attention)[
        :, 0, 1:
    ]  # from the class token to the patches
    assert attribution.values["x"].sum((1, 2, 3)) == pytest.approx(row.sum(1))


@pytest.mark.parametrize("lengths", [(4, 4), (7, 5), (2, 3)])
def test_a_map_is_resized_bilinearly(lengths: tuple[int, int]) -> None:
    heat = normal_numbers("heat", (2, 3, 3, 1))
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.interpolate(
        torch.tensor(heat).permute(0, 3, 1, 2), lengths, mode="bilinear", align_corners=False
    )
    assert resize(heat, lengths) == pytest.approx(expected.permute(0, 2, 3, 1).numpy(), abs=1e-10)


def test_an_attribution_of_zeros_has_a_note() -> None:
    model, x = ready(CASES["images"])
    attribution = model.attribute(x, "grad_cam", lang="en")
    assert "All values are 0" not in str(attribution)
    blank = replace(
        attribution, values={name: np.zeros_like(values) for name, values in attribution.values.items()}
    )
    assert "All values are 0: by this method nothing in the sample supports the score." in str(blank)


def test_an_earlier_layer_gives_a_finer_map() -> None:
    model, x = ready(CASES["images"])
    first, last = (model.attribute(x, "grad_cam", layer=layer) for layer in ("conv1", "conv2"))
    assert last.settings["layer"] == model.attribute(x, "grad_cam").settings["layer"]
    assert first.values["x"].shape == last.values["x"].shape == (2, 6, 6, 1)
    lowest = []
    for target in range(CLASSES):
        options = {"layer": "conv1", "target": target}
        signed = model.attribute(x, "grad_cam", rectified=False, **options).values["x"]
        assert model.attribute(x, "grad_cam", **options).values["x"] == pytest.approx(np.maximum(signed, 0))
        lowest.append(signed.min())
    assert min(lowest) < 0


def test_rank_correlation_is_spearmans() -> None:
    one, other = np.round(normal_numbers("one", (20,)), 1), normal_numbers("other", (20,))
    ranks = [[(v < a).sum() + (v == a).sum() / 2 for a in v] for v in (one, other)]
    assert rank_correlation(one[None], other[None]) == pytest.approx(np.corrcoef(ranks)[0, 1])


def test_a_constant_attribution_passes_no_check() -> None:
    flat = np.ones((2, 3))
    assert np.isnan(rank_correlation(flat, normal_numbers("other", (2, 3))))
    assert rank_correlation(normal_numbers("other", (2, 3)), flat) == 0
    nothing = Sanity("saliency", ("dense1",), (float("nan"),))
    assert not nothing.passed
    assert "NOTHING TO COMPARE" in str(nothing)


def test_permuted_labels_give_another_attribution() -> None:
    x = normal_numbers("x", (40, 4))
    y = (x[:, 0] > 0).astype(int)
    model = cr.Model(cr.Sequential(cr.Dense(2)), "cross_entropy", cr.SGD(0.5))
    model.fit(x, y, epochs=20, verbose=False)
    checked = cr.sanity(model, x, "saliency", labels=(x, y), epochs=20)
    assert checked.labels is not None
    assert abs(checked.labels) < 0.5
    assert "permuted labels" in str(checked)
    with pytest.raises(UsageError, match="E102"):
        cr.sanity(model, x, "saliency", labels=x)
    with pytest.raises(UsageError, match="E101"):
        cr.sanity(model, x, "saliency", epoch=3)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_texts_match_the_golden_file(lang: str, golden: Callable[[str, str], None]) -> None:
    model = cr.Model(
        cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(1)), "mse", dtype="float64", engine="reference"
    )
    model.fit(TABLE, "price", epochs=3, verbose=False)
    table = cr.read_table(TABLE)
    results = [
        model.attribute(table.take(np.array([1])), "deep_lift", lang=lang),
        model.attribute(table, "expected_gradients", baseline=table, samples=240, lang=lang),
        model.influence(table.take(np.array([0])), train_x=table, lang=lang),
        cr.sanity(model, table, "gradient_x_input", lang=lang),
    ]
    golden(f"explain/attribution.{lang}.txt", "\n\n".join(str(result) for result in results))
