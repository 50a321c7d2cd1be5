"""Counterfactuals: confirmed by the model, near, sparse, and within the constraints of the caller."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.attribution.counterfactual import Search, row_domain
from chainrule.attribution.feature_domain import Axis
from chainrule.data import read_table
from chainrule.errors import ChainruleError, TrainingError
from chainrule.model import Model
from chainrule.nn import Adam, Dense, Flatten, Sequential

RNG = np.random.default_rng(0)
TABLE = {
    "age": RNG.integers(20, 60, 80).tolist(),
    "income": (RNG.normal(30, 8, 80).round(1)).tolist(),
    "purpose": RNG.choice(["car", "house", "studies"], 80).tolist(),
    "employed": RNG.choice(["yes", "no"], 80).tolist(),
}
GOOD = np.array(TABLE["income"]) / 10 + (np.array(TABLE["employed"]) == "yes") > 3.4
TABLE["credit"] = np.where(GOOD, "good", "bad").tolist()
ROW = {"age": 30, "income": 22.5, "purpose": "car", "employed": "no"}


@pytest.fixture(scope="module")
def credit() -> Model:
    model = Model(Sequential(Dense(8, "tanh"), Dense(2)), "cross_entropy", Adam(0.05))
    model.fit(TABLE, "credit", epochs=25, verbose=False)
    return model


def prediction_of(model: Model, alternative: Any) -> Any:
    """The model's prediction for the row with these changes, computed through a table."""
    cells: dict[str, Any] = dict(ROW)
    for change in alternative.changes:
        cells[change.column] = type(cells[change.column])(change.after)
    return model.predict(read_table({name: [cell] for name, cell in cells.items()}))[0]  # pyright: ignore


@pytest.mark.parametrize("data", [None, TABLE])
def test_the_model_predicts_the_target_for_every_alternative(credit: Model, data: Any) -> None:
    result = credit.counterfactual(ROW, "good", data=data)
    assert result.prediction == "bad"
    assert result.alternatives
    for alternative in result.alternatives:
        assert prediction_of(credit, alternative) == "good"
        assert alternative.prediction == "good"
        assert alternative.probability is not None
        assert alternative.probability > 0.5
        assert 1 <= len(alternative.changes) <= 3
    distances = [alternative.distance for alternative in result.alternatives]
    assert distances == sorted(distances)
    chosen = [
        frozenset(change.column for change in alternative.changes) for alternative in result.alternatives
    ]
    assert len(set(chosen)) == len(chosen)


def test_fixed_columns_and_ranges_are_respected(credit: Model) -> None:
    ranges = {"income": (None, 40), "purpose": ["car", "studies"], "age": (25, 50)}
    result = credit.counterfactual(
        ROW, "good", data=TABLE, fixed=["employed"], ranges=ranges, count=5, max_changes=3
    )
    assert result.alternatives
    for alternative in result.alternatives:
        for change in alternative.changes:
            assert change.column != "employed"
            if change.column == "income":
                assert 22.5 < float(change.after) <= 40
                assert float(change.after) == round(float(change.after), 1)  # as many decimals as the data
            if change.column == "age":
                assert change.after == str(int(change.after))
                assert 25 <= int(change.after) <= 50
            assert change.after != "house"


def test_a_smaller_change_does_not_change_the_prediction(credit: Model) -> None:
    result = credit.counterfactual(ROW, "good", data=TABLE, max_changes=1)
    (change,) = next(
        alternative.changes
        for alternative in result.alternatives
        if alternative.changes[0].column == "income"
    )
    nearer_row = {name: [cell] for name, cell in {**ROW, "income": float(change.after) - 0.1}.items()}
    assert credit.predict(read_table(nearer_row))[0] == "bad"  # pyright: ignore


ALONE = {name: [cell] for name, cell in {**ROW, "credit": "bad"}.items()}


@pytest.mark.parametrize("data", [None, ALONE], ids=["no data", "the row alone"])
def test_numbers_have_the_range_and_the_decimals_of_the_training_rows(credit: Model, data: Any) -> None:
    assert credit.preparation is not None
    domain = row_domain(credit.state, ROW, None if data is None else read_table(data))
    expected = {name: (min(TABLE[name]), max(TABLE[name])) for name in ("age", "income")}
    axes = {axis.name: axis for axis in domain.axes}
    assert {name: (axes[name].low, axes[name].high) for name in expected} == expected
    assert (axes["age"].step, axes["income"].step) == (1.0, 0.1)
    result = credit.counterfactual(ROW, "good", data=data)
    after = [c.after for a in result.alternatives for c in a.changes if c.column == "income"]
    assert after
    assert [round(float(number), 1) for number in after] == [float(number) for number in after]


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        (
            {"max_changes": 1, "fixed": ["age", "income"]},
            "max_changes=2, or fewer fixed columns, or another row",
        ),
        ({"max_changes": 1, "ranges": {"income": (None, 20)}}, "max_changes=3, or rows with a wider range"),
        ({"fixed": ["employed", "income"]}, "fewer fixed columns, or rows with a wider range of values"),
    ],
)
def test_a_fix_without_effect_is_not_proposed(credit: Model, options: dict[str, Any], fix: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        credit.counterfactual({**ROW, "income": 12.5}, "good", **options)
    assert caught.value.code == "E546"
    assert str(caught.value.fix).startswith(fix)


def test_the_search_encodes_rows_as_the_preparation_does() -> None:
    codes = [f"c{i % 60}" for i in range(130)]  # more levels than have features
    gaps = {
        "age": [None if i == 3 else i for i in range(130)],
        "code": [None if i == 4 else code for i, code in enumerate(codes)],
        "employed": [None if i == 5 else ("y" if i % 2 else "n") for i in range(130)],
        "height": (np.arange(130) / 8).tolist(),
        "sold": [None if i == 6 else f"{1 + i % 28} Nov 2020" for i in range(130)],
        "note": [None if i == 7 else f"very {'good' if i % 2 else 'bad'} in year {i}" for i in range(130)],
        "y": [i % 3 == 0 for i in range(130)],
    }
    model = Model(Sequential(Dense(2)), "cross_entropy", Adam(0.05))
    model.fit(gaps, "y", epochs=1, verbose=False)
    rows = (
        {"age": 5, "code": "c1", "employed": "y", "height": 2.5, "sold": "1 Nov 2020", "note": "bad"},
        {"age": None, "code": None, "employed": None, "height": None, "sold": None, "note": None},
        {"age": 1e9, "code": "new", "employed": "是", "height": -3, "sold": "2 May 2021", "note": "x"},
    )
    for row in rows:
        domain = row_domain(model, row, None)
        points = np.repeat(domain.start[None], 70, axis=0)
        for i, axis in enumerate(domain.axes):
            candidates = np.array([*axis.choices(domain.start[i]), np.nan])
            points[: len(candidates), i] = candidates[:70]
        np.testing.assert_array_equal(domain.encode(points), domain.cells(points))


def test_target_values_are_reached_from_both_sides() -> None:
    x = np.linspace(-1, 1, 40).reshape(20, 2)
    model = Model(Sequential(Dense(1)), "mse", Adam(0.1))
    model.fit(x, 3 * x[:, 0] + 1, epochs=20, verbose=False)
    prediction = float(model.predict(x[:1])[0])  # pyright: ignore
    targets = (
        (prediction + 1, prediction + 1, np.inf),
        (prediction - 0.1, -np.inf, prediction - 0.1),
        ((prediction + 0.5, prediction + 0.6), prediction + 0.5, prediction + 0.6),
    )
    for target, low, high in targets:
        result = model.counterfactual(x[0], target, data=x * 1.5, count=2)
        assert all(low <= alternative.prediction <= high for alternative in result.alternatives)
        assert result.alternatives[0].probability is None


def test_a_single_score_has_two_classes() -> None:
    x = RNG.normal(size=(40, 2))
    model = Model(Sequential(Dense(1)), "binary_cross_entropy", Adam(0.1))
    model.fit(x, (x[:, 0] > 0).astype(int), epochs=20, verbose=False)
    for row in (x[0], x[1], x[2]):
        result = model.counterfactual(row, data=x)
        assert result.alternatives
        assert all(alternative.prediction == 1 - result.prediction for alternative in result.alternatives)


def test_text_and_html_in_both_languages(credit: Model) -> None:
    result = credit.counterfactual(ROW, data=TABLE, lang="zh")
    assert "反事实" in str(result)
    assert "income" in str(result)
    for text in ("What would have to change", "反事实"):
        assert text in result.to_html()


@pytest.mark.parametrize(
    ("row", "target", "options", "code", "message"),
    [
        (ROW, "god", {}, "E547", "good"),
        (ROW, "bad", {}, "E548", "bad"),
        (ROW, "good", {"fixed": ["income", "employed", "age", "purpose"]}, "E546", "good"),
        (ROW, "good", {"fixed": ["incom"]}, "E101", "income"),
        (ROW, "good", {"ranges": {"purpose": ["boat"]}}, "E101", "boat"),
        (ROW, "good", {"ranges": {"income": (40, 20)}}, "E102", "income"),
        (ROW, "good", {"ranges": {"income": 40}}, "E102", "income"),
        (ROW, "good", {"ranges": 5}, "E102", "ranges"),
        (ROW, "good", {"fixed": 5}, "E102", "fixed"),
        (ROW, "good", {"max_changes": 0}, "E102", "max_changes"),
        (ROW, "good", {"max_chagnes": 2}, "E101", "max_changes"),
        ({"age": 30, "income": 22.5}, "good", {}, "E326", "purpose"),
        ({**ROW, "age": "young"}, "good", {}, "E311", "young"),
        (TABLE, "good", {}, "E102", "80 rows"),
        (ROW, "good", {"data": {"age": [1]}}, "E313", "income"),
    ],
)
def test_invalid_requests_are_refused(
    credit: Model, row: Any, target: Any, options: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ChainruleError) as caught:
        credit.counterfactual(row, target, **options)
    assert caught.value.code == code
    assert message in str(caught.value)


def test_rows_without_columns_are_refused() -> None:
    with pytest.raises(TrainingError):
        Model(Dense(1), "mse").counterfactual([1.0])
    plain = Model(Dense(1), "mse")
    plain.fit(RNG.normal(size=(6, 2)), RNG.normal(size=6), epochs=1, verbose=False)
    odd: Any
    for odd, data, code in (
        (["a", "b"], [[1, 2]], "E340"),
        ([1, 2, 3], [[1, 2]], "E209"),
        ([1, 2], [["a"]], "E340"),
        ([[1, 2], [3, 4]], [[1, 2]], "E102"),
        ([1, 2], None, "E549"),
    ):
        with pytest.raises(ChainruleError) as caught:
            plain.counterfactual(odd, 3.0, data=data)
        assert caught.value.code == code
    model = Model(Sequential(Flatten(), Dense(1)), "mse")
    x = RNG.normal(size=(4, 2, 2, 1))
    model.fit(x, x[:, 0, 0, 0], epochs=1, verbose=False)
    with pytest.raises(ChainruleError) as caught:
        model.counterfactual(x[0], 3.0, data=x)
    assert caught.value.code == "E549"


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3), st.floats(0.1, 3))
def test_the_change_for_a_linear_score_is_nearest(weights: list[float], far: float) -> None:
    coefficients = np.array(weights)
    reach = 2 * np.abs(coefficients).max()  # the largest change of the score by one column
    axes = [Axis(f"x{i}", -2.0, 2.0) for i in range(3)]
    search = Search(lambda points: points @ coefficients - far, np.zeros(3), axes)
    nearest = search.run(max_changes=1, count=1)
    if reach < far:
        assert nearest == []
    elif reach > far * 1.001:
        (point,) = nearest
        best = far / np.abs(coefficients).max()
        assert float(point @ coefficients) > far
        assert best <= np.abs(point).sum() <= best * 1.02 + 0.01
