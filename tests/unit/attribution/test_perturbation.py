"""Occlusion and Shapley values of models of tables, images and texts; invalid options are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.attribution.methods.shapley_values_and_occlusion import Game, patches, score_decreases, spread
from chainrule.data import Tokenizer, read_table
from chainrule.errors import UsageError
from chainrule.model import Model
from chainrule.nn import SGD, Conv, Dense, Embedding, Flatten, GlobalAveragePool, Sequential
from chainrule.symbolic_shape import Size, Spec

RNG = np.random.default_rng(0)
TABLE = {
    "age": RNG.integers(20, 60, 40),
    "color": RNG.choice(["red", "blue", "green"], 40).tolist(),
    "height": RNG.normal(size=40).round(2),
    "y": (RNG.normal(size=40) > 0).tolist(),
}


@pytest.fixture(scope="module")
def tabled() -> Model:
    model = Model(Sequential(Dense(6, "tanh"), Dense(2)), "cross_entropy", SGD(0.1), dtype="float64")
    model.fit(TABLE, "y", epochs=2, verbose=False)
    return model


def initialized_model(net: Sequential, shape: tuple[int, ...], **options: Any) -> Model:
    """An untrained regression model for inputs of this shape."""
    model = Model(net, "mse", SGD(0.1), dtype="float64", **options)
    return model.initialize({"x": Spec((Size.symbol("B"), *shape), "float64")}, seed=3)


def test_the_columns_of_a_table_are_the_players(tabled: Model) -> None:
    rows = read_table(TABLE).take(np.array([1, 5, 9]))
    attribution = tabled.attribute(rows, "shapley", target=True, baseline=read_table(TABLE))
    assert attribution.features == ("age", "color", "height")
    assert attribution.settings["exact"] is True
    assert attribution.settings["parts"] == 3
    assert attribution.base is not None
    total = np.sum(list(attribution.by_column.values()), axis=0)
    np.testing.assert_allclose(total, attribution.scores - attribution.base, atol=1e-10)
    scores: Any = tabled(read_table(TABLE))
    np.testing.assert_allclose(attribution.base, scores[:, 1].mean(), atol=1e-10)


def test_occlusion_is_the_drop_of_the_score(tabled: Model) -> None:
    rows, others = read_table(TABLE).take(np.array([2])), read_table(TABLE).take(np.array([7]))
    attribution = tabled.attribute(rows, "occlusion", target=True, baseline=others)
    for column in ("age", "color", "height"):
        cells = {name: [TABLE[name][7 if name == column else 2]] for name in ("age", "color", "height")}
        drop = float(tabled(rows)[0, 1] - tabled(read_table(cells))[0, 1])  # pyright: ignore
        assert abs(attribution.by_column[column][0] - drop) < 1e-10


def test_groups_are_one_player_and_other_columns_stay(tabled: Model) -> None:
    rows = read_table(TABLE).take(np.array([4]))
    attribution = tabled.attribute(rows, "shapley", groups={"body": ["age", "height"]}, target=False)
    assert attribution.base is not None
    assert abs(attribution.by_column["body"][0] - (attribution.scores - attribution.base)[0]) < 1e-10
    assert attribution.by_column["–"][0] == 0


def test_more_than_twelve_players_are_sampled_or_refused() -> None:
    model = initialized_model(Sequential(Dense(4, "tanh"), Dense(1)), (13,))
    x = RNG.normal(size=(2, 13))
    attribution = model.attribute(x, "shapley", samples=40, seed=5)
    assert attribution.settings["exact"] is False
    assert attribution.errors is not None
    assert (attribution.errors["x"] > 0).all()
    again = model.attribute(x[1:], "shapley", samples=40, seed=5)
    np.testing.assert_array_equal(attribution.values["x"][1:], again.values["x"])
    with pytest.raises(UsageError) as caught:
        model.attribute(x, "shapley", exact=True)
    assert caught.value.code == "E545"
    assert caught.value.received == "13"
    assert "exact=False" in caught.value.fix


def test_sampled_values_agree_with_exact_ones(tabled: Model) -> None:
    rows = read_table(TABLE).take(np.array([3]))
    exact = tabled.attribute(rows, "shapley", target=True)
    sampled = tabled.attribute(rows, "shapley", target=True, exact=False, samples=200)
    assert len(sampled.contributions()) == 3
    for piece in sampled.contributions():
        assert piece.error is not None
        assert abs(piece.value - exact.by_column[piece.name][0]) <= 4.5 * piece.error + 1e-10


def test_occlusion_covers_patches_of_an_image() -> None:
    net = Sequential(Conv(2, 3, padding="same", activation="tanh"), Flatten(), Dense(1))
    model, x = initialized_model(net, (6, 5, 2)), RNG.normal(size=(2, 6, 5, 2))
    occlusion = model.attribute(x, "occlusion", window=(2, 5), stride=2)
    for sample in (0, 1):
        for top in (0, 2, 4):
            covered = x[sample : sample + 1].copy()
            covered[:, top : top + 2] = 0
            drop = float(model(x[sample : sample + 1])[0, 0] - model(covered)[0, 0])  # pyright: ignore
            np.testing.assert_allclose(occlusion.values["x"][sample, top : top + 2], drop, atol=1e-12)
    shapley = model.attribute(x, "shapley", window=(2, 5))
    assert shapley.settings["parts"] == 3
    assert shapley.residual is not None
    assert np.abs(shapley.residual).max() < 1e-10


@pytest.mark.parametrize(
    ("shape", "window", "stride", "starts"),
    [((5,), 2, 2, [0, 2, 4]), ((6,), 3, 2, [0, 2, 4]), ((10,), 3, 5, [0, 5]), ((4,), 4, 1, [0])],
)
def test_patches_reach_the_end(shape: tuple[int], window: int, stride: int, starts: list[int]) -> None:
    positions = patches(shape, (window,), (stride,))
    assert [int(places[0]) for places in positions] == starts
    assert all(len(places) for places in positions)


def test_pixels_of_several_patches_get_the_mean() -> None:
    weights = np.array([1.0, 2.0, 4.0])
    parts = patches((3,), (2,), (1,))
    game = Game(lambda x: x @ weights, np.ones(3), np.zeros((1, 3)), [])
    assert spread(score_decreases(game, parts), parts, 3).tolist() == [3.0, 4.5, 6.0]


def test_occlusion_replaces_tokens_by_the_unknown_token() -> None:
    tokenizer = Tokenizer.learn(["good film", "bad film"], "word")
    net = Sequential(Embedding(tokenizer.size, 3), GlobalAveragePool(), Dense(1))
    model = initialized_model(net, (2,), tokenizer=tokenizer)
    x = np.array([tokenizer.encode("good film")])
    attribution = model.attribute(x, "occlusion")
    unknown = x.copy()
    unknown[0, 0] = 1
    drop = float(model(x)[0, 0] - model(unknown)[0, 0])  # pyright: ignore
    assert abs(attribution.values["x"][0, 0] - drop) < 1e-12
    assert attribution.words == (("good", "film"),)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"groups": {"a": ["agee"]}}, "E101", "age"),
        ({"groups": {"a": ["age"], "b": "age"}}, "E102", "age"),
        ({"groups": {}}, "E102", ""),
        ({"groups": 5}, "E102", "groups"),
        ({"samples": 2}, "E102", "200"),
        ({"exact": "yes"}, "E102", "exact=True"),
        ({"seed": "a"}, "E102", "seed=0"),
        ({"sampels": 20}, "E101", "samples"),
    ],
)
def test_bad_options_are_refused(tabled: Model, options: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        tabled.attribute(read_table(TABLE).take(np.array([0])), "shapley", **options)
    assert caught.value.code == code
    assert message in str(caught.value)


def test_patches_that_do_not_fit_are_refused() -> None:
    model = initialized_model(Sequential(Flatten(), Dense(1)), (4, 4, 1))
    for window in (0, 5, (2,), 1.5, (2, 2, 2)):
        with pytest.raises(UsageError) as caught:
            model.attribute(np.zeros((1, 4, 4, 1)), "occlusion", window=window)
        assert caught.value.code == "E102"
    with pytest.raises(UsageError):
        model.attribute(np.zeros((1, 4, 4, 1)), "occlusion", groups={"a": ["x1"]})
