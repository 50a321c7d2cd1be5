"""What is drawn over pictures and texts is what was found; what is printed says the whole account."""

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


def test_rollout_is_the_product_of_the_attentions() -> None:
    model, x = ready(KINDS["patches"])
    made = model.attribute(x, "attention_rollout")
    assert model.network is not None
    notes = model.network.inference.book.notes
    (weights,) = [node for path, node in notes.items() if path.endswith("weights")]
    found = evaluate(weights, {**model.state.arrays, "x": x}, "reference").mean((1, 3))  # (n, Tq, Tk)
    row = (0.5 * np.eye(found.shape[-1]) + 0.5 * found)[:, 0, 1:]  # that of the class token, without itself
    assert made.values["x"].sum((1, 2, 3)) == pytest.approx(row.sum(1))


@pytest.mark.parametrize("lengths", [(4, 4), (7, 5), (2, 3)])
def test_a_map_is_stretched_as_pictures_are(lengths: tuple[int, int]) -> None:
    heat = normal_numbers("heat", (2, 3, 3, 1))
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.interpolate(
        torch.tensor(heat).permute(0, 3, 1, 2), lengths, mode="bilinear", align_corners=False
    )
    assert resize(heat, lengths) == pytest.approx(theirs.permute(0, 2, 3, 1).numpy(), abs=1e-10)


def test_where_nothing_speaks_for_the_answer_it_is_said() -> None:
    model, x = ready(CASES["images"])
    made = model.attribute(x, "grad_cam", lang="en")
    assert "All values are 0" not in str(made)
    blank = replace(made, values={name: np.zeros_like(values) for name, values in made.values.items()})
    assert "All values are 0: by this method nothing in the sample supports the score." in str(blank)


def test_an_earlier_layer_gives_a_finer_map() -> None:
    model, x = ready(CASES["images"])
    first, last = (model.attribute(x, "grad_cam", layer=layer) for layer in ("conv1", "conv2"))
    assert last.settings["layer"] == model.attribute(x, "grad_cam").settings["layer"]
    assert first.values["x"].shape == last.values["x"].shape == (2, 6, 6, 1)
    lowest = []
    for target in range(CLASSES):
        asked = {"layer": "conv1", "target": target}
        whole = model.attribute(x, "grad_cam", rectified=False, **asked).values["x"]
        assert model.attribute(x, "grad_cam", **asked).values["x"] == pytest.approx(np.maximum(whole, 0))
        lowest.append(whole.min())
    assert min(lowest) < 0


def test_ranks_agree_as_spearman_says() -> None:
    one, other = np.round(normal_numbers("one", (20,)), 1), normal_numbers("other", (20,))
    ranks = [[(v < a).sum() + (v == a).sum() / 2 for a in v] for v in (one, other)]
    assert rank_correlation(one[None], other[None]) == pytest.approx(np.corrcoef(ranks)[0, 1])


def test_an_attribution_of_nothing_passes_no_check() -> None:
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
def test_the_texts_are_those_we_reviewed(lang: str, golden: Callable[[str, str], None]) -> None:
    model = cr.Model(
        cr.Sequential(cr.Dense(4, "tanh"), cr.Dense(1)), "mse", dtype="float64", engine="reference"
    )
    model.fit(TABLE, "price", epochs=3, verbose=False)
    table = cr.read_table(TABLE)
    made = [
        model.attribute(table.take(np.array([1])), "deep_lift", lang=lang),
        model.attribute(table, "expected_gradients", baseline=table, samples=240, lang=lang),
        model.influence(table.take(np.array([0])), train_x=table, lang=lang),
        cr.sanity(model, table, "gradient_x_input", lang=lang),
    ]
    golden(f"explain/attribution.{lang}.txt", "\n\n".join(str(each) for each in made))
